"""Decoding of captured calls: from a capture of RTP to the sound that a receiver would have played."""
