"""Packaged scenarios, each runnable by its name."""
