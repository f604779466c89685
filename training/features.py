"""Features of recordings, which are also heard at other speeds and with noise."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.features import features_of_signals
from testbed.codecs.opus.build import built
from testbed.codecs.pcm import SAMPLE_RATE_HZ

DURATIONS = (1.0, 0.87, 1.15)
"""To which recordings are stretched for training, as shares of their own: pitch and formants move as between
speakers."""
NOISE_LEVELS = (0.5, 50.0)
"""Root mean squares of the noise, in steps of 16 bits; one is drawn for each 4 s."""
_NOISE_SAMPLES = 4 * SAMPLE_RATE_HZ

Features = NDArray[np.float16]


def features_of(
    recordings: Sequence[NDArray[np.float32]], random: np.random.Generator | None = None
) -> Features:
    """Return the features of recordings, one after another.

    Parameters
    ----------
    recordings
        Samples of each, float32 in [-1, 1], 16 kHz.
    random
        For training: the recordings come in random order, at all `DURATIONS`, with noise. None: as they are.

    Returns
    -------
    array
        float16 (frames, 20), a vector per 10 ms.
    """
    if random is None:
        return _extracted(32768 * np.concatenate(recordings))
    import soxr

    found = []
    for duration in DURATIONS:
        order = random.permutation(len(recordings))
        pcm = 32768 * np.concatenate([recordings[place] for place in order])
        if duration != 1:
            pcm = soxr.resample(pcm, SAMPLE_RATE_HZ, SAMPLE_RATE_HZ * duration)
        low, high = np.log(NOISE_LEVELS)
        levels = np.exp(random.uniform(low, high, len(pcm) // _NOISE_SAMPLES + 1))
        noise = np.repeat(levels, _NOISE_SAMPLES)[: len(pcm)] * random.normal(size=len(pcm))
        found.append(_extracted(pcm + noise))
    return np.concatenate(found)


def _extracted(pcm: NDArray[np.floating]) -> Features:
    samples = pcm[None].clip(-32768, 32767).astype(np.float32)
    return features_of_signals(samples, built().weights)[0].astype(np.float16)
