"""The commands of the command line, a module per group; each imports what it needs only when it runs."""
