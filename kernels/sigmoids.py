"""Sigmoid and tanh of many numbers, exact to 2e-7, without calls of the mathematics library.

libopus's own approximations, which are coarser, are in `testbed.kernels.nn`.
"""

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_ZERO, _ONE, _TWO = np.float32(0), np.float32(1), np.float32(2)
_LOG2_E = np.float32(np.log2(np.e))
_FLAT = np.float32(40)
"""Power of two from which on the sigmoid is 0 or 1 in float32."""
_C0, _C1, _C2, _C3, _C4, _C5 = (
    np.float32(value) for value in (1.00000007, 0.69314694, 0.24022122, 0.05550743, 0.00967546, 0.00132670)
)
"""2^x for -1/2 to 1/2, to 1e-7."""
_EXPONENT_ZERO, _MANTISSA_BITS = np.int32(127), np.int32(23)


@numba.njit(cache=True, nogil=True, fastmath={"contract"}, parallel=False, error_model="numpy")
def _squash(values: Floats, slope: np.float32, height: np.float32, lowest: np.float32) -> None:
    """Replace each x by height / (1 + 2^(slope x)) + lowest."""
    for i in range(values.size):
        x = slope * values[i]
        x = x if x < _FLAT else _FLAT
        x = x if x > -_FLAT else -_FLAT
        whole = np.rint(x)
        rest = x - whole
        power = ((((_C5 * rest + _C4) * rest + _C3) * rest + _C2) * rest + _C1) * rest + _C0
        scale = np.int32((np.int32(whole) + _EXPONENT_ZERO) << _MANTISSA_BITS).view(np.float32)
        values[i] = height / (_ONE + power * scale) + lowest


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def sigmoids(values: Floats) -> None:
    """Replace finite numbers, (any size,), contiguous, by their sigmoids."""
    _squash(values, -_LOG2_E, _ONE, _ZERO)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def tanhs(values: Floats) -> None:
    """Replace finite numbers, (any size,), contiguous, by their hyperbolic tangents."""
    _squash(values, -_TWO * _LOG2_E, _TWO, -_ONE)
