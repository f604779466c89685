"""Scenarios: their models, and the way from YAML to valid objects."""
