"""Search for the pitch lag at 4 kHz, as in NetEq: a short filter, correlations, and a parabola at the peak.

After libwebrtc's modules/audio_coding/neteq/dsp_helper.cc, in double precision. Speech is mono at 16 kHz.
"""

import numba
import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

FACTOR = 4
"""Samples at 16 kHz per sample at 4 kHz."""
TAPS = np.array([0.15, 0.2, 0.3, 0.2, 0.15])
SHORTEST_LAG = 40
"""Samples of the shortest pitch lag, 2.5 ms."""
LONGEST_LAG = 240
"""Samples of the longest pitch lag, 15 ms."""


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def downsampled(sound: Doubles, start: int, count: int) -> Doubles:
    """Return sound at 4 kHz.

    Parameters
    ----------
    sound
        Samples at 16 kHz, with ``TAPS.size - 1`` before `start` and ``FACTOR * (count - 1)`` after it.
    start
        Place of the first sample to return.
    count
        Number of samples to return.
    """
    out = np.zeros(count)
    for k in range(count):
        for tap in range(TAPS.size):
            out[k] += TAPS[tap] * sound[start + FACTOR * k - tap]
    return out


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def correlations(low: Doubles, samples: int, first: int, lags: int) -> Doubles:
    """Return products of the last samples of a sound with earlier ones.

    Parameters
    ----------
    low
        Sound at 4 kHz, of at least ``samples + first + lags - 1`` samples.
    samples
        Number of samples in each product.
    first
        Shortest lag, in samples at 4 kHz.
    lags
        Number of lags.
    """
    begin = low.size - samples
    out = np.zeros(lags)
    for k in range(lags):
        for n in range(samples):
            out[k] += low[begin + n] * low[begin - first - k + n]
    return out


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def peak(values: Doubles, count: int) -> tuple[int, int, float]:
    """Return the peak of the first `count` values, placed between samples by a parabola.

    Parameters
    ----------
    values
        Correlations at 4 kHz; one more than `count`.
    count
        Number of values that may be the peak.

    Returns
    -------
    tuple[int, int, float]
        Index in `values`; place in samples at 16 kHz; height there.
    """
    best = 0
    for k in range(1, count):
        if values[k] > values[best]:
            best = k
    here, after = values[best], values[best + 1]
    if best == 0:
        return 0, 0, here
    if best == count - 1 and here <= after:
        return best, FACTOR * best + FACTOR // 2, (here + after) / 2
    before = values[best - 1]
    curvature = before - 2 * here + after
    if curvature >= 0:
        return best, FACTOR * best, here
    offset = (before - after) / (2 * curvature)
    shift = min(FACTOR // 2, max(-FACTOR // 2, int(np.rint(FACTOR * offset))))
    x = shift / FACTOR
    return best, FACTOR * best + shift, here + x * (after - before) / 2 + x * x * curvature / 2
