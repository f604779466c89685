"""Recommendation of a configuration for a network: `recommendation.recommend` has the steps in order."""
