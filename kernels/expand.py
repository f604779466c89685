"""Continuation of speech over a gap by its last pitch periods and filtered noise: NetEq's Expand.

After libwebrtc's modules/audio_coding/neteq/expand.cc, in double precision. Speech is mono at 16 kHz.
`analyse` finds pitch, spectrum and loudness of what was played; each call of `continued` adds one period.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from testbed.kernels.pitch_search import (
    FACTOR,
    LONGEST_LAG,
    SHORTEST_LAG,
    Doubles,
    correlations,
    downsampled,
    peak,
)
from testbed.kernels.short_prediction import prediction

HISTORY_SAMPLES = 512
"""Samples that are analysed: 32 ms."""
OVERLAP_SAMPLES = 10
"""Samples at the end of what was decoded into which the continuation is faded."""
FULL = 1 << 14
"""A mute factor of 1."""
_LOW_SAMPLES = 124
_CORRELATED = 60
_LAGS = 51
_CANDIDATES = 3
_AROUND_PEAK = 8
_COMPARED = 40
_LPC_SAMPLES = 320
_LPC_ORDER = 6
_RESIDUAL_SAMPLES = 128
_VOICED_FROM = 0.48
_VOICED = np.array([-5179, 19931, -16422, 5776]) / 4096
_ONSET = 1.5
_STRONG_ONSET = 1.8
_STEADY = 0.98
_CLEARLY_VOICED = 0.8
_UNVOICED_SLOPE = 0.005 / 2
_LATER_SLOPE = 0.0010 / 2
_LATEST_SLOPE = 0.0020 / 2
_EXTRA_MUTING = 128
"""Decrease of the mute factor per period besides the slope's: a constant of libwebrtc's rounding."""
_AUDIBLE = 819
"""Mute factor from which on a period is faded into the end of what was before."""
_NOISE_STEPS = 2.0**32


class SpeechModel(NamedTuple):
    """Speech before a gap.

    Attributes
    ----------
    lags
        (3,): pitch lags in samples that periods take in turn.
    longest_lag
        The longest lag that was found.
    recent, earlier
        The last `longest_lag` and `OVERLAP_SAMPLES` samples, and those one period before, equally loud.
    filter
        (6,): the prediction error filter without its leading 1.
    noise_gain
        Root mean square of the prediction residual.
    voiced_share
        Share of the periodic part, 0 to 1.
    mute_slope
        Decrease of the mute factor per sample.
    is_onset
        Whether it grows louder, so that the first period is not muted.
    """

    lags: NDArray[np.int64]
    longest_lag: int
    recent: Doubles
    earlier: Doubles
    filter: Doubles
    noise_gain: float
    voiced_share: float
    mute_slope: float
    is_onset: bool


class ExpandState(NamedTuple):
    """State of a continuation between periods.

    Attributes
    ----------
    periods
        Periods made.
    periodic_share
        Share of the periodic part that is reached, 1 to `SpeechModel.voiced_share`.
    mute_factor
        Gain that is reached, as an integer out of `FULL`.
    mute_slope
        Decrease per sample.
    seed
        State of the noise generator, below 2**32.
    """

    periods: int
    periodic_share: float
    mute_factor: int
    mute_slope: float
    seed: int


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def to_int16(value: float) -> int:
    """Round and clip to the range of int16."""
    return int(min(32767.0, max(-32768.0, np.rint(value))))


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def analyse(history: NDArray[np.int16]) -> SpeechModel:
    """Analyse the end of what was played.

    Parameters
    ----------
    history
        (`HISTORY_SAMPLES`,).
    """
    x = history.astype(np.float64)
    distortion_lag, correlation_lag = _two_lags(x)
    longest = max(distortion_lag, correlation_lag)
    lags = np.full(3, distortion_lag)
    if distortion_lag != correlation_lag:
        both = distortion_lag + correlation_lag
        lags[1] = both // 2
        lags[2] = (both - 1 if distortion_lag > correlation_lag else both + 1) // 2
    similarity = _similarity(x, distortion_lag, correlation_lag)
    voiced_share = 0.0
    if similarity > _VOICED_FROM:
        for power in range(3, -1, -1):
            voiced_share = voiced_share * similarity + _VOICED[power]
        voiced_share = min(1.0, max(0.0, voiced_share))

    length = longest + OVERLAP_SAMPLES
    recent = x[x.size - length :].copy()
    earlier = x[x.size - length - distortion_lag : x.size - distortion_lag].copy()
    energy, earlier_energy = (recent * recent).sum(), (earlier * earlier).sum()
    if energy < 4 * earlier_energy and earlier_energy < 4 * energy:
        growth = np.sqrt(energy / earlier_energy)
        earlier *= growth
    else:
        growth = 0.5 if energy < 4 * earlier_energy or earlier_energy == 0 else 2.0
        earlier[:] = recent
    filter_, residual_energy = prediction(x[x.size - _LPC_SAMPLES :], _LPC_ORDER, _RESIDUAL_SAMPLES)
    return SpeechModel(
        lags,
        longest,
        recent,
        earlier,
        filter_,
        np.sqrt(residual_energy),
        voiced_share,
        _mute_slope(growth, distortion_lag, voiced_share),
        growth > _ONSET,
    )


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _two_lags(x: Doubles) -> tuple[int, int]:
    """Return the pitch lag with the least distortion, and that of the peak of the correlation near it."""
    low = downsampled(x, x.size - FACTOR * _LOW_SAMPLES, _LOW_SAMPLES)
    values = correlations(low, _CORRELATED, SHORTEST_LAG // FACTOR, _LAGS)
    best_ratio, found, found_peak = -np.inf, SHORTEST_LAG, SHORTEST_LAG
    for _ in range(_CANDIDATES):
        index, place, height = peak(values, _LAGS - 1)
        lag = place + SHORTEST_LAG
        values[max(0, index - 2) : index + 3] = 0
        least, least_lag = np.inf, 0
        first, last = max(SHORTEST_LAG, lag - _AROUND_PEAK), min(LONGEST_LAG - 1, lag + _AROUND_PEAK)
        for each in range(first, last + 1):
            distortion = 0.0
            for n in range(x.size - _COMPARED, x.size):
                distortion += abs(x[n] - x[n - each])
            if distortion < least:
                least, least_lag = distortion, each
        ratio = height / least if least > 0 else np.inf if height != 0 else 0.0
        if ratio > best_ratio:
            best_ratio, found, found_peak = ratio, least_lag, lag
    return found, found_peak


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _similarity(x: Doubles, distortion_lag: int, correlation_lag: int) -> float:
    """Return the correlation coefficient with what was one period earlier, for the best lag of the two."""
    length = max(min(distortion_lag + 10, LONGEST_LAG), LONGEST_LAG // 2)
    end = x[x.size - length :]
    best, energy = -np.inf, 0.0
    for lag in range(min(distortion_lag, correlation_lag), max(distortion_lag, correlation_lag) + 1):
        shifted = x[x.size - length - lag : x.size - lag]
        product = (end * shifted).sum()
        if product > best:
            best, energy = product, (shifted * shifted).sum()
    energies = energy * (end * end).sum()
    return min(1.0, best / np.sqrt(energies)) if energies > 0 else 0.0


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _mute_slope(growth: float, lag: int, voiced_share: float) -> float:
    """Return the decrease of gain per sample, given the growth of the amplitude over the last period."""
    if growth > _ONSET:
        return (growth - 1) / (lag * growth) / (2 if growth > _STRONG_ONSET else 8)
    slope = (1 - growth) / lag
    if voiced_share <= _CLEARLY_VOICED:
        return max(_UNVOICED_SLOPE, slope)
    return 0.0 if growth > _STEADY else slope


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def continued(
    model: SpeechModel,
    lag_index: int,
    is_muting: bool,
    state: ExpandState,
    memory: Doubles,
    tail: NDArray[np.int16],
) -> tuple[NDArray[np.int16], ExpandState]:
    """Continue by one pitch period.

    Parameters
    ----------
    model
        The speech before the gap.
    lag_index
        Which of its lags to take, 0 to 2.
    is_muting
        Whether gain and periodic share go on decreasing.
    state
        The state after the period before.
    memory
        (6,), changed: the last outputs of the noise filter, newest first.
    tail
        (`OVERLAP_SAMPLES`,), changed: the end of the sound before, into which the period is faded.

    Returns
    -------
    tuple[NDArray[np.int16], ExpandState]
        The period, and the state after it.
    """
    lag = model.lags[lag_index]
    begin = model.recent.size - lag - OVERLAP_SAMPLES
    earlier_share = 0.25 * lag_index
    periodic = (1 - earlier_share) * model.recent[begin:] + earlier_share * model.earlier[begin:]
    periods, share, mute_factor, slope, seed = state
    if mute_factor > _AUDIBLE and share > 0.5:
        for n in range(OVERLAP_SAMPLES):
            rise = (n + 1) / (OVERLAP_SAMPLES + 1)
            faded = (1 - rise) * tail[n] + rise * periodic[n] * mute_factor / FULL
            tail[n] = to_int16(faded)
    if periods == 3:
        slope = max(slope, _LATER_SLOPE)
    if periods == 7:
        slope = max(slope, _LATEST_SLOPE)
    decrease = 0.0
    if is_muting:
        decrease = 1 / 128
        for bits in (64, 128):
            if model.longest_lag >= bits:
                decrease /= 2
    is_scaled = periods > 0 or not model.is_onset
    out = np.empty(lag, np.int16)
    for n in range(lag):
        seed = (1664525 * seed + 1013904223) % (1 << 32)
        noise = model.noise_gain * np.sqrt(12.0) * (seed / _NOISE_STEPS - 0.5)
        for k in range(_LPC_ORDER):
            noise -= model.filter[k] * memory[k]
        memory[1:] = memory[:-1].copy()
        memory[0] = noise
        value = share * periodic[OVERLAP_SAMPLES + n] + (1 - share) * noise
        share = max(model.voiced_share, share - decrease) if is_muting else share
        if is_scaled:
            value *= mute_factor / FULL
            if is_muting:
                value *= max(0.0, 1 - slope * n)
        out[n] = to_int16(value)
    if is_scaled and is_muting:
        left = max(0, int(FULL - np.floor(lag * slope * FULL + _EXTRA_MUTING)))
        faded_factor = (left * mute_factor + FULL // 2) // FULL
        mute_factor = 0 if periods > 3 and faded_factor >= mute_factor else faded_factor
    return out, ExpandState(periods + 1, share, mute_factor, slope, seed)
