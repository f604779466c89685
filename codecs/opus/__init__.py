"""Opus: the binding of libopus, its build, and the bytes of its packets."""
