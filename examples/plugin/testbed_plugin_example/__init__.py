"""Example of a plugin for the testbed: a stage, a scheme part, a congestion controller and a metric."""
