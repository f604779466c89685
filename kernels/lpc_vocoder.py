"""A classic vocoder, the baseline without weights: pulses and noise through an all-pole filter.

Features are libopus's (`testbed.kernels.features`). In each 10 ms the cepstrum determines the filter and the
level of its excitation, the frame correlation the periodic share of the excitation, and the pitch the
distance of the pulses (Atal & Hanauer, "Speech analysis and synthesis by linear prediction of the speech
wave", 1971).
"""

import numba
import numpy as np
from numpy.typing import NDArray

from testbed.kernels.bark import BANDS, FRAME, ORDER, PREEMPHASIS, Floats, sane
from testbed.kernels.fargan import pitch_period
from testbed.kernels.lpc import lpc_from_cepstrum

_FULL_SCALE = np.float32(32768)
_NO_VOICE, _ALL_VOICE = np.float32(-0.4), np.float32(0.2)
"""Frame correlations at which nothing and everything is periodic."""
_LOUDEST = np.float32(1e5)


# a linear congruential generator (Knuth, MMIX)
_MULTIPLIER, _INCREMENT = np.uint64(6364136223846793005), np.uint64(1442695040888963407)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def vocode(features: Floats, past: Floats, seeds: NDArray[np.uint64], out: Floats) -> None:
    """Synthesize speech from features, continuing real speech.

    Parameters
    ----------
    features
        (batch, frames, 20), 100 per second; values that are not finite count as 0.
    past
        (batch, at least 17): the last samples before, full scale is 1.
    seeds
        (batch,): of each item's noise.
    out
        (batch, frames * 160), written: 16 kHz, limited to full scale, 1.
    """
    batch, frames = features.shape[0], features.shape[1]
    cepstrum = np.empty((batch, BANDS), np.float32)
    lpc, left = np.empty((batch, ORDER), np.float32), np.empty(batch, np.float32)
    memory = np.empty((batch, ORDER + FRAME))
    last = np.empty(batch)
    until_pulse = np.zeros(batch, np.int64)
    noise = seeds.copy()
    for item in range(batch):
        begin = past.shape[1] - ORDER
        for i in range(ORDER):
            now = sane(_FULL_SCALE * past[item, begin + i])
            memory[item, FRAME + i] = now - PREEMPHASIS * sane(_FULL_SCALE * past[item, begin + i - 1])
        last[item] = sane(_FULL_SCALE * past[item, past.shape[1] - 1])
    for frame in range(frames):
        for item in range(batch):
            for i in range(BANDS):
                value = features[item, frame, i]
                cepstrum[item, i] = value if np.isfinite(value) else np.float32(0)
        lpc_from_cepstrum(cepstrum, lpc, left)
        for item in range(batch):
            line = memory[item]
            line[:ORDER] = line[FRAME:]
            period = pitch_period(features[item, frame, BANDS])
            correlation = features[item, frame, BANDS + 1]
            correlation = correlation if np.isfinite(correlation) else np.float32(0)
            voiced = min(1.0, max(0.0, (correlation - _NO_VOICE) / (_ALL_VOICE - _NO_VOICE)))
            power = min(_LOUDEST, np.sqrt(left[item] / 2))
            pulse, hiss = power * np.sqrt(voiced * period), power * np.sqrt(3 * (1 - voiced))
            for n in range(FRAME):
                noise[item] = noise[item] * _MULTIPLIER + _INCREMENT
                value = hiss * (np.int64(noise[item] >> np.uint64(40)) / 2.0**23 - 1)
                if until_pulse[item] <= 0:
                    value += pulse
                    until_pulse[item] = period
                until_pulse[item] -= 1
                for i in range(ORDER):
                    value -= lpc[item, i] * line[ORDER + n - 1 - i]
                line[ORDER + n] = value
                last[item] = value + PREEMPHASIS * last[item]
                out[item, frame * FRAME + n] = max(-1.0, min(1.0, last[item] / _FULL_SCALE))
