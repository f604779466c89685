"""Sounds for tests of NetEq's signal processing, mono int16 at 16 kHz."""

import numpy as np
from numpy.typing import NDArray


def vowel(
    samples: int, pitch_hz: float = 120, level: float = 8000, seed: int | None = None
) -> NDArray[np.int16]:
    """Return a sustained vowel: pulses through two resonances, with some noise if there is a seed."""
    t = np.arange(samples) / 16_000
    sound = np.zeros(samples)
    for harmonic in range(1, int(3500 / pitch_hz)):
        f = harmonic * pitch_hz
        gain = 1 / (1 + ((f - 600) / 150) ** 2) + 0.4 / (1 + ((f - 1200) / 200) ** 2) + 0.02
        sound += gain * np.cos(2 * np.pi * f * t + harmonic**2)
    sound *= level / np.abs(sound).max()
    if seed is not None:
        sound += np.random.default_rng(seed).normal(0, level / 30, samples)
    return np.rint(np.clip(sound, -32768, 32767)).astype(np.int16)


def noise(samples: int, level: float, seed: int = 0) -> NDArray[np.int16]:
    """Return white noise of a root mean square."""
    drawn = np.random.default_rng(seed).normal(0, level, samples)
    return np.rint(np.clip(drawn, -32768, 32767)).astype(np.int16)


def pitch_hz(sound: NDArray[np.int16], lowest: float, highest: float) -> float:
    """Return the pitch of a voiced sound, by its autocorrelation at 16 times the rate."""
    x = sound.astype(np.float64) - np.mean(sound)
    spectrum = np.abs(np.fft.rfft(x, 4 * len(x))) ** 2
    rate = 16 * 16_000
    correlation = np.fft.irfft(spectrum, 16 * 4 * len(x))
    lags = np.arange(int(rate / highest), int(rate / lowest))
    unbiased = correlation[lags] / (1 - lags / rate * 16_000 / len(x))
    return float(rate / lags[np.argmax(unbiased)])
