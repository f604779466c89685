"""Congestion control: feedback in, target rate out."""
