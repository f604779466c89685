"""Calls to a real libwebrtc through the relay, and the adaptive receiver on the same arrivals."""
