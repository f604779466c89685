"""DRED, deep redundancy: what its payloads hold, how they are written, cut and put into packets."""
