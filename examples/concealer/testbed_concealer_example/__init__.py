"""Example of a concealer for the testbed."""
