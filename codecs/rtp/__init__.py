"""RTP packets, their header extensions, and redundant audio data (RFC 2198)."""
