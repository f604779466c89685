"""The mu-law scale of LPCNet: 256 steps of levels in units of 16 bits, finer around 0.

After `lin2ulaw` and `ulaw2lin` of `src/common.h` (drowe67/LPCNet), with its approximation of the logarithm,
for the network was trained with the steps that it gives.
"""

import numba
import numpy as np

from testbed.kernels.bark import Floats

STEPS = 256
SILENCE = 128
"""The step of 0."""

_ONE, _ZERO, _HALF = np.float32(1), np.float32(0), np.float32(0.5)
_LOG_256 = np.float32(5.5451774445)
_LOG_2 = np.float32(0.69315)
_SCALE = np.float32(255 / 32768)
_MIDDLE, _L0, _L1, _L2, _L3 = (
    np.float32(value) for value in (1.5, -0.41445418, 0.95909232, -0.33951290, 0.16541097)
)
"""log2(x) - 1 of 1 to 2, in powers of x - 1.5."""
_EXPONENT_ZERO, _MANTISSA_BITS = np.int32(127), np.int32(23)

_steps = np.arange(STEPS) - SILENCE
STEP_LEVELS: Floats = (
    np.sign(_steps) * (32768 / 255) * (np.exp(np.abs(_steps) / 128 * float(_LOG_256)) - 1)
).astype(np.float32)
"""(256,): the level of each step."""


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False, error_model="numpy")
def mu_law(level: np.float32) -> int:
    """Return the step, 0 to 255, of a finite level."""
    bits = np.float32(_ONE + _SCALE * abs(level)).view(np.int32)
    whole = (bits >> _MANTISSA_BITS) - _EXPONENT_ZERO
    rest = np.int32(bits - (whole << _MANTISSA_BITS)).view(np.float32) - _MIDDLE
    rest = _L0 + rest * (_L1 + rest * (_L2 + rest * _L3))
    size = np.float32(SILENCE) * (_LOG_2 * (np.float32(1 + whole) + rest)) / _LOG_256
    step = np.float32(SILENCE) + (size if level >= 0 else -size)
    return int(np.floor(_HALF + min(np.float32(STEPS - 1), max(_ZERO, step))))
