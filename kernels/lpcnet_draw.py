"""Draws of LPCNet's next step from its distribution.

After `sample_from_pdf` of `src/nnet.c` (drowe67/LPCNet), with its approximation of the exponential and its
random generator, so that equal distributions and states give equal steps.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from testbed.kernels.bark import Floats
from testbed.kernels.mu_law import STEPS

PARTS = 16
"""A distribution is summed and searched in this many parts, each of as many steps."""

_ONE, _ZERO = np.float32(1), np.float32(0)
_LOG2_E, _E0, _E1, _E2, _E3 = (
    np.float32(value) for value in (1.44269504, 0.99992522, 0.69583354, 0.22606716, 0.078024523)
)
"""2^x of 0 to 1, in powers of x."""
_LOWEST = np.float32(-50)
"""Lower powers of two do not count."""
_EXPONENT_ZERO, _MANTISSA_BITS = np.int32(127), np.int32(23)
_FLOOR = np.float32(0.002)
"""Subtracted from probabilities, so that rare steps are never drawn."""
_MULTIPLIER, _INCREMENT, _MODULUS = np.uint64(1103515245), np.uint64(12345), np.uint64(2**32)
_DRAWS = np.float32(1 / 32768)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _sum_parts(values: Floats, sums: Floats) -> np.float32:
    """Write the sums of the parts of a distribution, (256,); return that of all."""
    for part in range(PARTS):
        sums[part] = 0
    for i in range(PARTS):
        for part in range(PARTS):
            sums[part] += values[PARTS * i + part]
    total = _ZERO
    for part in range(PARTS):
        total += sums[part]
    return total


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _find(values: Floats, sums: Floats, wanted: np.float32) -> int:
    """Return the first step up to which the sum of a distribution exceeds what is wanted."""
    below = _ZERO
    for part in range(PARTS):
        if wanted < below + sums[part]:
            for i in range(PARTS):
                below += values[PARTS * i + part]
                if wanted < below:
                    return PARTS * part + i
            return PARTS * part + PARTS - 1
        below += sums[part]
    return STEPS - 1


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False, error_model="numpy")
def draw(logarithms: Floats, sharpness: Floats, random: NDArray[np.uint32], drawn: NDArray[np.int64]) -> None:
    """Draw a step of each gap from its distribution.

    Parameters
    ----------
    logarithms
        (batch, 256), up to a constant; overwritten. Number 16 i + j is of step 16 j + i.
    sharpness
        (batch,): factors of them, 1, or more where the pitch is clear.
    random
        (batch,): states of the random generators, updated.
    drawn
        (batch,), written.
    """
    sums = np.empty(PARTS, np.float32)
    for item in range(drawn.size):
        values, factor = logarithms[item], sharpness[item]
        for i in range(STEPS):
            x = values[i] * factor * _LOG2_E
            x = x if x > _LOWEST else _LOWEST
            whole = np.floor(x)
            rest = x - whole
            power = _E0 + rest * (_E1 + rest * (_E2 + _E3 * rest))
            bits = np.int32((np.int32(whole) + _EXPONENT_ZERO) << _MANTISSA_BITS)
            values[i] = power * bits.view(np.float32)
        scale = _ONE / _sum_parts(values, sums)
        for i in range(STEPS):
            above = values[i] * scale - _FLOOR
            values[i] = above if above > _ZERO else _ZERO
        random[item] = np.uint32((np.uint64(random[item]) * _MULTIPLIER + _INCREMENT) % _MODULUS)
        share = np.float32((random[item] >> np.uint32(16)) & np.uint32(32767)) * _DRAWS
        drawn[item] = _find(values, sums, _sum_parts(values, sums) * share)
