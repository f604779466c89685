"""The commands of the command line, one module per group; each imports other modules only when it runs."""
