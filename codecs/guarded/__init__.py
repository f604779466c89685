"""Calls of other people's code in a process of its own, which may fail, crash or hang."""
