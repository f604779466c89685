"""Changes of a sound that nobody hears; a metric that follows a listener would not move."""

from collections.abc import Callable, Mapping

import numpy as np

from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.metrics.metric import Signal
from testbed.randomness import generator

_GAIN = 0.7
_OTHER_RATE_HZ = 48_000
_LSB = 2.0**-15


def _quieter(sound: Signal) -> Signal:
    return sound * np.float32(_GAIN)


def _resampled(sound: Signal) -> Signal:
    import soxr

    there = soxr.resample(sound, SAMPLE_RATE_HZ, _OTHER_RATE_HZ, "VHQ")
    return np.asarray(soxr.resample(there, _OTHER_RATE_HZ, SAMPLE_RATE_HZ, "VHQ"), np.float32)


def _noisier(sound: Signal) -> Signal:
    steps = generator(0, "inaudible", "noise").integers(-1, 2, len(sound))
    return sound + (_LSB * steps).astype(np.float32)


def _delayed(sound: Signal) -> Signal:
    """Delay by half a sample, exactly for all frequencies."""
    length = 1 << (2 * len(sound)).bit_length()  # the end must not reach around to the beginning
    delay = np.exp(-1j * np.pi / 2 * np.fft.rfftfreq(length, 0.5))
    return np.fft.irfft(np.fft.rfft(sound, length) * delay, length).astype(np.float32)


_CHANGES: Mapping[str, Callable[[Signal], Signal]] = {
    f"gain of {_GAIN:g}": _quieter,
    f"resampling to {_OTHER_RATE_HZ // 1000} kHz and back": _resampled,
    "noise of ± 1 LSB": _noisier,
    "delay of half a sample": _delayed,
}


def changed(sound: Signal) -> dict[str, Signal]:
    """Return a sound after each change, by the change's name; rounded to 16 bits, as a sound card has it.

    Parameters
    ----------
    sound
        Samples (n,) in [-1, 1] at 16 kHz.
    """
    found = {}
    for name, change in _CHANGES.items():
        levels = np.round(change(sound)[: len(sound)] / _LSB)
        found[name] = (np.clip(levels, -(2**15), 2**15 - 1) * _LSB).astype(np.float32)
    return found
