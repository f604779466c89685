"""Return from a continuation to decoded sound: NetEq's Merge, and its Normal after Expand.

After libwebrtc's modules/audio_coding/neteq/merge.cc and normal.cc, in double precision. Speech is mono at
16 kHz.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from testbed.kernels.expand import FULL, OVERLAP_SAMPLES, to_int16
from testbed.kernels.pitch_search import FACTOR, TAPS, downsampled, peak

NEEDED_CONTINUATION = 404
"""Samples of continuation that a merge needs: 25.25 ms."""
_CONTINUATION_LOW = 100
_DECODED_LOW = 40
_MOST_LAGS = 60
_FADE_SAMPLES = 120
_TICK_SAMPLES = 160
_LOUDNESS_SAMPLES = 128
_LEAST_RISE = 0.002
_RESUME_SAMPLES = 16


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def joint(
    continuation: NDArray[np.int16], decoded: NDArray[np.int16], longest_lag: int, left_samples: int
) -> int:
    """Return where in a continuation decoded sound fits best.

    Parameters
    ----------
    continuation
        At least `NEEDED_CONTINUATION` samples.
    decoded
        The sound after the gap.
    longest_lag
        Of `testbed.kernels.expand.SpeechModel`.
    left_samples
        Samples at the beginning of the continuation that are left from earlier. Both together are no shorter,
        nor shorter than 10 ms and the overlap.
    """
    offset = TAPS.size - 1
    low = downsampled(continuation.astype(np.float64), offset, _CONTINUATION_LOW)
    decoded_low = np.zeros(_DECODED_LOW)
    usable = _DECODED_LOW
    if decoded.size <= _TICK_SAMPLES:
        usable = min(usable, max(0, decoded.size - offset) // FACTOR)
    decoded_low[:usable] = downsampled(decoded.astype(np.float64), offset, usable)
    lags = min(_MOST_LAGS, longest_lag // FACTOR + 1)
    values = np.zeros(_MOST_LAGS + 2 * OVERLAP_SAMPLES)
    for lag in range(lags):
        for n in range(_DECODED_LOW):
            values[lag] += decoded_low[n] * low[lag + n]
    earliest = max(0, max(left_samples, _TICK_SAMPLES + OVERLAP_SAMPLES) - decoded.size)
    first = earliest // FACTOR
    count = min(lags, _MOST_LAGS + OVERLAP_SAMPLES - 1 - first)
    if count < 1:
        return earliest
    _, place, _ = peak(values[first:], count)
    return earliest + place


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def merged(
    continuation: NDArray[np.int16], at: int, decoded: NDArray[np.int16], mute_factor: int
) -> NDArray[np.int16]:
    """Return a continuation that passes into decoded sound.

    Parameters
    ----------
    continuation, decoded
        See `joint`.
    at
        Where the first decoded sample is placed.
    mute_factor
        Of the continuation; decoded sound rises from it, or from the loudness of the continuation.
    """
    compared = min(_LOUDNESS_SAMPLES, decoded.size)
    energy, left_energy = _energy(decoded[:compared]), _energy(continuation[:compared])
    gain = max(mute_factor / FULL, np.sqrt(left_energy / energy) if energy > left_energy else 1.0)
    rise = max(_LEAST_RISE, (1 - gain) / decoded.size)
    fade = min(_FADE_SAMPLES, continuation.size - at, decoded.size)
    out = np.empty(at + decoded.size, np.int16)
    out[:at] = continuation[:at]
    for n in range(decoded.size):
        value = gain * decoded[n]
        if n < fade:
            share = (n + 1) / (fade + 1)
            value = (1 - share) * continuation[at + n] + share * value
        out[at + n] = to_int16(value)
        gain = min(1.0, gain + rise)
    return out


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def resumed(
    continuation: NDArray[np.int16], decoded: NDArray[np.int16], mute_factor: int, noise_energy: float
) -> NDArray[np.int16]:
    """Return decoded sound that follows its continuation: a fade of 1 ms, and a rise from its mute factor.

    Parameters
    ----------
    continuation
        Of at least 1 ms.
    decoded
        The sound that was late.
    mute_factor
        Of the continuation.
    noise_energy
        Mean square of the background noise: nothing is muted below it.
    """
    gain = mute_factor / FULL
    compared = min(_LOUDNESS_SAMPLES, decoded.size)
    energy = _energy(decoded[:compared]) / max(1, compared)
    gain = max(gain, np.sqrt(noise_energy / energy) if energy > noise_energy else 1.0)
    rise = max(_LEAST_RISE, (1 - gain) / max(1, decoded.size))
    fade = min(_RESUME_SAMPLES, decoded.size)
    out = np.empty(decoded.size, np.int16)
    for n in range(decoded.size):
        value = gain * decoded[n]
        if n < fade:
            share = (n + 1) / fade
            value = (1 - share) * continuation[n] + share * value
        out[n] = to_int16(value)
        gain = min(1.0, gain + rise)
    return out


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _energy(sound: NDArray[np.int16]) -> float:
    """Return the sum of squares."""
    energy = 0.0
    for sample in sound:
        energy += float(sample) * float(sample)
    return energy
