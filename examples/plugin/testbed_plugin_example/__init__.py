"""Example of a plugin for the testbed: an item of each kind that a package can add."""
