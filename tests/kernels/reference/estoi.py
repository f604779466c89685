"""ESTOI by the package `pystoi`, and its scatter by the noise that the package adds to avoid 0/0."""

import numpy as np
from pystoi import stoi

from testbed.kernels.estoi import Floats


def estoi(reference: Floats, degraded: Floats, seed: int = 0) -> float:
    """Return the score with one draw of the noise."""
    state = np.random.get_state()  # noqa: NPY002 - pystoi uses it
    np.random.seed(seed)  # noqa: NPY002 - pystoi uses it
    try:
        return float(stoi(reference, degraded, 16_000, extended=True))
    finally:
        np.random.set_state(state)  # noqa: NPY002 - pystoi uses it


def normalized_segments(levels: Floats) -> Floats:
    """Return all segments of 30 frames of (15, frames), normalized by rows, then columns, without noise."""
    segments = np.array([levels[:, first : first + 30] for first in range(levels.shape[1] - 29)])
    for axis in (2, 1):
        segments = segments - segments.mean(axis, keepdims=True)
        sizes = np.linalg.norm(segments, axis=axis, keepdims=True)
        segments = np.where(sizes > 1e-9, segments / np.where(sizes > 1e-9, sizes, 1), 0)
    return segments
