"""LPCNet of 2019 with the weights of FreeDV, which Debian's codec2 package holds."""
