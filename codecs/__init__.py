"""Codecs and packets: Opus, RTP and RTCP, redundancy schemes, and engines that decode received packets."""
