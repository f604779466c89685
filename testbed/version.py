"""Version of the testbed, for the package, the command line and every manifest."""

__version__ = "0.3.0"
