"""Recorded losses, arrivals and delays: their formats, detected by content, and their readers."""
