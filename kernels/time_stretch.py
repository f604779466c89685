"""Time stretching by one pitch period, as NetEq's accelerate and preemptive expand do it.

After libwebrtc's modules/audio_coding/neteq: time_stretch.cc, accelerate.cc and preemptive_expand.cc, in
double precision. Speech is mono at 16 kHz. A `Splice` is found in one sound and can be applied to another::

    splice = removal(sound, noise_energy, False)
    shorter = remove_period(sound, splice.at, splice.period)
    shorter_reference = remove_period(reference, splice.at, splice.period)
"""

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from testbed.kernels.pitch_search import (
    FACTOR,
    LONGEST_LAG,
    SHORTEST_LAG,
    correlations,
    downsampled,
    peak,
)

Sound = NDArray[Any]

NEEDED_SAMPLES = 2 * LONGEST_LAG
"""Samples in which a splice is looked for: 30 ms."""
SIMILAR = 0.9
"""Correlation of the two periods above which active speech is stretched."""
SIMILAR_ENOUGH = 0.5
"""The same for fast accelerate."""
PASSIVE_FACTOR = 8
"""Speech is passive up to this multiple of the background noise's energy."""
_CORRELATED = 50
_LAGS = 50
_LOW_SAMPLES = 110
_LOW_START = 7
_LEAST_NEW = 10


class Splice(NamedTuple):
    """A place where a sound can be made shorter or longer.

    Attributes
    ----------
    at
        First sample of the crossfade.
    period
        Samples removed or inserted; 0: there is no such place.
    is_passive
        Whether the sound there is no louder than background noise, so that any period will do.
    """

    at: int
    period: int
    is_passive: bool


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def removal(sound: NDArray[Any], noise_energy: float, is_fast: bool) -> Splice:
    """Return where accelerate removes a period.

    Parameters
    ----------
    sound
        int16 samples; without `NEEDED_SAMPLES` of them there is no place.
    noise_energy
        Mean square of the background noise.
    is_fast
        Whether to accept less similar periods, and to remove as many as are within 15 ms.
    """
    if sound.size < NEEDED_SAMPLES:
        return Splice(0, 0, False)
    period, correlation, is_passive = _period(sound, noise_energy)
    if not is_passive and correlation <= (SIMILAR_ENOUGH if is_fast else SIMILAR):
        return Splice(0, 0, False)
    if is_fast:
        period *= LONGEST_LAG // period
    return Splice(LONGEST_LAG - period, period, is_passive)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def insertion(sound: NDArray[Any], noise_energy: float, old_samples: int) -> Splice:
    """Return where preemptive expand repeats a period.

    Parameters
    ----------
    sound, noise_energy
        See `removal`.
    old_samples
        Samples at the beginning that cannot change, since they were played.
    """
    if sound.size < NEEDED_SAMPLES or old_samples > sound.size - _LEAST_NEW:
        return Splice(0, 0, False)
    period, correlation, is_passive = _period(sound, noise_energy)
    if is_passive:
        period = min(period, sound.size - max(old_samples, LONGEST_LAG))
    elif correlation <= SIMILAR or old_samples > LONGEST_LAG:
        return Splice(0, 0, False)
    return Splice(max(old_samples, LONGEST_LAG), period, is_passive)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _period(sound: NDArray[Any], noise_energy: float) -> tuple[int, float, bool]:
    """Return the pitch period at 15 ms, the similarity of the periods on both sides, and if it is passive."""
    wide = sound[:NEEDED_SAMPLES].astype(np.float64)
    low = downsampled(wide, _LOW_START, _LOW_SAMPLES)
    _, lag, _ = peak(correlations(low, _CORRELATED, SHORTEST_LAG // FACTOR, _LAGS + 1), _LAGS)
    period = lag + SHORTEST_LAG
    before = after = product = 0.0
    for n in range(period):
        left, right = wide[LONGEST_LAG - period + n], wide[LONGEST_LAG + n]
        before += left * left
        after += right * right
        product += left * right
    is_passive = before + after <= 2 * PASSIVE_FACTOR * period * noise_energy
    if product <= 0:
        return period, 0.0, is_passive
    return period, min(1.0, product / np.sqrt(before * after)), is_passive


def remove_period(sound: Sound, at: int, period: int) -> Sound:
    """Return a sound without one period: a crossfade from ``at`` on leads into what follows the period.

    Parameters
    ----------
    sound
        int16 or floating-point samples, at least ``at + 2 * period`` of them.
    at, period
        Of a `Splice`.
    """
    faded = _crossfade(sound[at : at + period], sound[at + period : at + 2 * period])
    return np.concatenate((sound[:at], faded, sound[at + 2 * period :]))


def insert_period(sound: Sound, at: int, period: int) -> Sound:
    """Return a sound in which the period before ``at`` is repeated.

    Parameters
    ----------
    sound
        int16 or floating-point samples, at least ``at + period`` of them.
    at, period
        Of a `Splice`; ``at`` is not below ``period``.
    """
    faded = _crossfade(sound[at : at + period], sound[at - period : at])
    return np.concatenate((sound[:at], faded, sound[at:]))


def _crossfade(ending: Sound, beginning: Sound) -> Sound:
    """Return a linear crossfade of two sounds of equal length and type."""
    share = np.arange(1, len(ending) + 1) / (len(ending) + 1)
    faded = (1 - share) * ending + share * beginning
    rounded: Sound = np.rint(faded) if ending.dtype.kind == "i" else faded
    return rounded.astype(ending.dtype)
