"""Flow studies: congestion-controlled flows of synthetic media over shared links, without audio (RFC 8867).

All rates are in kb/s on the wire, headers included.
"""
