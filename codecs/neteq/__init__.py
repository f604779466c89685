"""The signal side of NetEq, libwebrtc's receiver: it stretches, conceals and joins decoded sound."""
