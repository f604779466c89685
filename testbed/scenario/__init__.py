"""Scenarios: what YAML may say, and how it becomes objects."""
