"""Estimate of the background noise: NetEq's, the quietest recent sound with a flat spectrum.

After libwebrtc's modules/audio_coding/neteq/background_noise.cc, in double precision. Speech is mono at
16 kHz.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from testbed.kernels.short_prediction import prediction

ESTIMATED_SAMPLES = 256
"""Samples at the end of what was decoded that are looked at: 16 ms."""
UNKNOWN_ENERGY = 75_000.0
"""Mean square that time stretching takes for background noise before there is an estimate."""
_RESIDUAL_SAMPLES = 64
_ORDER = 8
_RISE = 1 + 0.0035
_FALL = 1 - 1 / 1024
_RANGE = 1 / (1 << 20)
_FLATNESS = 20


class NoiseLevel(NamedTuple):
    """Estimate of the background noise.

    Attributes
    ----------
    energy
        Its mean square.
    is_known
        Whether there was any; if not, `energy` is a guess.
    threshold
        Mean square below which sound is taken for noise.
    loudest
        The highest mean square, which decays slowly.
    """

    energy: float = 2500.0
    is_known: bool = False
    threshold: float = 500_000.0
    loudest: float = 0.0


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def updated(level: NoiseLevel, sound: NDArray[np.int16]) -> NoiseLevel:
    """Return what is known after more sound.

    Parameters
    ----------
    level
        What was known.
    sound
        (`ESTIMATED_SAMPLES`,): the end of sound as it was decoded.
    """
    x = sound.astype(np.float64)
    energy = (x * x).sum() / x.size
    if energy >= level.threshold:
        loudest = max(energy, level.loudest * _FALL)
        return NoiseLevel(
            level.energy, level.is_known, max(level.threshold * _RISE, loudest * _RANGE), loudest
        )
    if energy == 0:
        return level
    _, residual_energy = prediction(x, _ORDER, _RESIDUAL_SAMPLES)
    threshold = max(1.0, energy)
    if energy >= 1 and _FLATNESS * residual_energy >= energy:
        return NoiseLevel(threshold, True, threshold, level.loudest)
    return NoiseLevel(level.energy, level.is_known, threshold, level.loudest)
