"""Random sequences of features, and the chunks of them that a training step decodes."""

import numpy as np
import torch
from numpy.typing import NDArray

from testbed.kernels.bark import BANDS, COSINES
from testbed.kernels.dred_symbols import LEVELS
from testbed.training.model import Chunks

SLOPES = (0, 2, 3, 4, 6, 8, 12, 16)
"""Growth of the quantizer level per vector of 40 ms, in sixteenths, that a payload's header can say."""
SHORTEST, LONGEST = 6, 40
"""Latent vectors in a chunk; 25 are a second."""
_TILT_SCALE = 0.15


def sequences(
    features: NDArray[np.float16], count: int, frames: int, random: np.random.Generator
) -> torch.Tensor:
    """Draw sequences, each with a level and a smooth spectral colour of its own.

    Parameters
    ----------
    features
        (frames, 20): recordings one after another.
    count, frames
        Number and length of the sequences.

    Returns
    -------
    Tensor
        float32 (count, frames, 20).
    """
    starts = random.integers(0, len(features) - frames, count)
    drawn = np.stack([features[start : start + frames] for start in starts]).astype(np.float32)
    # A gain or a filter adds a constant to the log energies of bands, and so to the cepstrum.
    places = np.linspace(0, np.pi, BANDS)
    gain = random.uniform(-1, 0.5, (count, 1))
    colour = gain + sum(
        random.normal(0, _TILT_SCALE, (count, 1)) * np.cos(k * places + random.uniform(0, 6.3, (count, 1)))
        for k in (1, 2, 3)
    )
    drawn[..., :BANDS] += (colour @ COSINES).astype(np.float32)[:, None]
    return torch.from_numpy(drawn)


def chunks(count: int, frames: int, random: np.random.Generator) -> Chunks:
    """Cut sequences into chunks of one random length, at both phases, with random levels and slopes."""
    steps = frames // 2
    most = (steps - 2) // 2
    vectors = int(min(most, np.exp(random.uniform(np.log(SHORTEST), np.log(LONGEST + 1)))))
    rows, ends = [], []
    for sequence in range(count):
        for phase in range(2):
            each = most // vectors
            slack = most - each * vectors
            first = 1 + phase + 2 * int(random.integers(0, slack + 1))
            rows += [sequence] * each
            ends += [first + 2 * (vectors * (k + 1) - 1) for k in range(each)]
    q0 = random.integers(0, LEVELS, len(rows))
    slope = np.where(random.random(len(rows)) < 0.5, 0, random.choice(SLOPES, len(rows)))
    levels = np.minimum(q0[:, None] + (slope[:, None] * np.arange(vectors) + 8) // 16, LEVELS - 1)
    with_noise = random.random(len(rows)) < 0.5
    return Chunks(
        torch.tensor(rows), torch.tensor(ends), torch.from_numpy(levels), torch.from_numpy(with_noise)
    )


def even_chunks(count: int, frames: int, vectors: int, level: int) -> Chunks:
    """Cut sequences into chunks of one length at one level, for a measurement with rounding."""
    ends = [1 + 2 * vectors * (k + 1) - 2 + 1 for k in range((frames // 2 - 2) // (2 * vectors))]
    rows = np.repeat(np.arange(count), len(ends))
    return Chunks(
        torch.from_numpy(rows),
        torch.tensor(ends * count),
        torch.full((len(rows), vectors), level),
        torch.zeros(len(rows), dtype=torch.bool),
    )
