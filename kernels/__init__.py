"""Numba kernels for the neural networks and entropy coders of libopus, and for loss models."""
