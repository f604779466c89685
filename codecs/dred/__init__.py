"""DRED, deep redundancy: content, writing and cutting of its payloads, and its place in packets."""
