"""Rate allocation."""
