"""The active speech level of ITU-T P.56 (12/2011), clause 7, method B."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from testbed.codecs.pcm import SAMPLE_RATE_HZ

_SMOOTHING_S = 0.03
_HANGOVER_S = 0.2
_MARGIN_DB = 15.9
_THRESHOLDS = 16
"""Thresholds are powers of two: full scale, a half, a quarter, and so on."""


def active_level_dbov(pcm: NDArray[np.floating]) -> float:
    """Return the mean power of speech over the time in which it is active, in dB relative to full scale.

    A sample is active if the twice smoothed envelope has exceeded a threshold within the last 200 ms. The
    threshold is that which lies 15.9 dB below the level that results; between powers of two it is
    interpolated. No filter comes before, as in sv56demo of ITU-T G.191.

    Parameters
    ----------
    pcm
        Samples (n,) in [-1, 1] at 16 kHz, not all 0.
    """
    samples = np.asarray(pcm, np.float64)
    keep = np.exp(-1 / (_SMOOTHING_S * SAMPLE_RATE_HZ))
    once = lfilter([1 - keep], [1, -keep], np.abs(samples))
    envelope = lfilter([1 - keep], [1, -keep], once)
    energy, places = float(np.square(samples).sum()), np.arange(len(samples))
    hangover = round(_HANGOVER_S * SAMPLE_RATE_HZ)
    level = excess = np.nan
    for power in range(_THRESHOLDS - 1, -1, -1):
        last_above = np.maximum.accumulate(np.where(envelope >= 0.5**power, places, -len(samples) - hangover))
        active = np.count_nonzero(places - last_above <= hangover)
        if not active:
            break
        lower, lower_excess = level, excess
        level = 10 * np.log10(energy / active)
        excess = level - 20 * np.log10(0.5**power) - _MARGIN_DB
        if excess <= 0:
            part = 0.0 if np.isnan(lower_excess) else lower_excess / (lower_excess - excess)
            return float(level if np.isnan(lower) else lower + part * (level - lower))
    return float(10 * np.log10(energy / len(samples)) if np.isnan(level) else level)
