"""Samples at the codec's border: speech as float32, libopus's 24-bit samples, and int16.

All speech in the testbed is mono at 16 kHz.
"""

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000

Pcm16 = NDArray[np.int16]
Pcm24 = NDArray[np.int32]

_FULL_SCALE_16 = np.float32(1 << 15)


def int16_from_float(pcm: NDArray[np.float32]) -> Pcm16:
    """Round and clip float32 samples in [-1, 1] to int16."""
    samples: NDArray[np.float32] = np.clip(np.rint(pcm * _FULL_SCALE_16), -32768, 32767)
    return samples.astype(np.int16)


def float_from_int16(pcm: Pcm16) -> NDArray[np.float32]:
    """Return int16 samples as float32 in [-1, 1)."""
    return pcm.astype(np.float32) / _FULL_SCALE_16


def int16_from_24_bit(pcm: Pcm24) -> Pcm16:
    """Clip and round 24-bit samples, held in int32, to int16, as ``opus_demo`` does before it writes them."""
    limit = 0x7FFF00
    clipped = np.minimum(np.maximum(pcm, -limit), limit)
    return ((clipped + 128) >> 8).astype(np.int16)
