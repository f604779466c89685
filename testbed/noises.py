"""Noises that are made from random numbers: white, pink, and a music of plucked chords."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.pcm import SAMPLE_RATE_HZ

Noise = NDArray[np.float64]

_LOWEST_HZ = 50
_BEAT_S = 0.25
_BEATS_OF_CHORD = 8
_MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)
"""Its degrees, in semitones above the key."""
_CHORD = (0, 2, 4)
"""Degrees of a triad above its root."""
_KEY_HZ = 110.0
_DECAY_S = 0.8
_HARMONICS = 8


def white(samples: int, random: np.random.Generator) -> Noise:
    """Return Gaussian noise of equal power at all frequencies."""
    return random.standard_normal(samples)


def pink(samples: int, random: np.random.Generator) -> Noise:
    """Return Gaussian noise from 50 Hz upwards, with a power density that falls by 3 dB per octave."""
    spectrum = np.fft.rfft(random.standard_normal(samples))
    hz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ)
    spectrum[hz < _LOWEST_HZ] = 0
    return np.fft.irfft(spectrum / np.sqrt(np.maximum(hz, _LOWEST_HZ)), samples)


def music(samples: int, random: np.random.Generator) -> Noise:
    """Return plucked tones: each 2 s a triad and its bass, each 0.25 s a note of a melody.

    Roots and melody are random degrees of a major scale. A tone has eight harmonics, the k-th of amplitude
    1/k, and decays by a factor of e in 0.8 s.
    """
    made = np.zeros(samples)
    root = 0
    for beat in range(1 + int(samples / (_BEAT_S * SAMPLE_RATE_HZ))):
        if beat % _BEATS_OF_CHORD == 0:
            root = int(random.integers(len(_MAJOR_SCALE)))
            degrees = [root, *(7 + root + step for step in _CHORD)]
        else:
            degrees = []
        begin = round(beat * _BEAT_S * SAMPLE_RATE_HZ)
        for degree in [*degrees, 14 + root + int(random.integers(7))]:
            tone = _tone(_hz(degree), samples - begin, random)
            made[begin:] += tone
    return made


def _hz(degree: int) -> float:
    octave, step = divmod(degree, len(_MAJOR_SCALE))
    return float(_KEY_HZ * 2 ** (octave + _MAJOR_SCALE[step] / 12))


def _tone(hz: float, samples: int, random: np.random.Generator) -> Noise:
    time_s = np.arange(min(samples, round(6 * _DECAY_S * SAMPLE_RATE_HZ))) / SAMPLE_RATE_HZ
    tone = np.zeros(samples)
    for harmonic, phase in enumerate(random.uniform(0, 2 * np.pi, _HARMONICS), 1):
        if harmonic * hz < SAMPLE_RATE_HZ / 2:
            tone[: len(time_s)] += np.sin(2 * np.pi * harmonic * hz * time_s + phase) / harmonic
    tone[: len(time_s)] *= np.exp(-time_s / _DECAY_S)
    return tone


MADE: dict[str, Callable[[int, np.random.Generator], Noise]] = {
    "white": white,
    "pink": pink,
    "music": music,
}
"""The noises by name."""
