"""Linear prediction of a few milliseconds of sound, and how much of it is left."""

import numba
import numpy as np
from numpy.typing import NDArray

from testbed.kernels.lpc import levinson

Doubles = NDArray[np.float64]


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def prediction(sound: Doubles, order: int, samples: int) -> tuple[Doubles, float]:
    """Return the prediction error filter of a sound, and the mean square of its residual at the end.

    Parameters
    ----------
    sound
        Samples; the filter is fitted to their autocorrelation.
    order
        Coefficients of the filter, without its leading 1.
    samples
        Length of the end.
    """
    autocorrelation = np.zeros((1, order + 1), np.float32)
    for lag in range(order + 1):
        total = 0.0
        for n in range(lag, sound.size):
            total += sound[n] * sound[n - lag]
        autocorrelation[0, lag] = total
    filters, error = np.zeros((1, order), np.float32), np.zeros(1, np.float32)
    levinson(autocorrelation, filters, error)
    energy = 0.0
    for n in range(sound.size - samples, sound.size):
        residual = sound[n]
        for k in range(order):
            residual += filters[0, k] * sound[n - 1 - k]
        energy += residual * residual
    return filters[0].astype(np.float64), energy / samples
