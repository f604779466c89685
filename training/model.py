"""The RDO-VAE in training: encoder, quantizers and decoder, and the loss of a batch of sequences."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from testbed.codecs.dred.network_folder import LIBOPUS_VERSION
from testbed.codecs.dred.quantizers import quantizers
from testbed.kernels.dred_symbols import LEVELS
from testbed.kernels.rdovae import FRAMES_PER_LATENT
from testbed.training.distortion import distortion
from testbed.training.layers import DecoderLayers, EncoderLayers
from testbed.training.quantizer import LAMBDAS, Quantizer

Tables = Literal["own", "libopus", "fixed"]
Size = Literal["full", "small"]
STATE_WEIGHT, HARD_WEIGHT = 0.04, 0.1
"""Weights of a state's bits beside a latent vector's, and of the hard estimate beside the soft one."""
_LATENTS_FROM, _LATENTS_UNTIL = 0.1, 0.05
_STATES_FROM, _STATES_UNTIL = 0.01, 0.3
"""Price of bits at the start of a training, and the part of it after which it is 1."""
_UNITS: dict[str, tuple[int, int, int, int, int, int]] = {
    "full": (32, 64, 64, 64, 32, 96),
    "small": (16, 32, 32, 32, 16, 48),
}
_NUMBERS: dict[str, tuple[int, int]] = {"own": (80, 80), "libopus": (25, 50), "fixed": (25, 50)}
_FIXED_STEPS = np.geomspace(1, LAMBDAS[0] / LAMBDAS[-1], LEVELS) ** 0.5
_FIXED_FINEST = 4.0
"""Steps per standard deviation at level 0 of the fixed quantizer."""


class Chunks(NamedTuple):
    """Stretches of sequences that are decoded, each from a state of its own.

    Attributes
    ----------
    sequences, ends
        int (chunks,): the sequence of each, and the encoder's step at its end.
    levels
        int (chunks, vectors): the quantizer level of each vector, latest first; the state's is the first.
    with_noise
        bool (chunks,): whether noise stands for rounding.
    """

    sequences: Tensor
    ends: Tensor
    levels: Tensor
    with_noise: Tensor


@dataclass(frozen=True)
class Measures:
    """Bits per latent vector and per state by the hard estimate, distortion and loss, each per chunk."""

    latent_bits: Tensor
    state_bits: Tensor
    distortion: Tensor
    loss: Tensor


class Rdovae(nn.Module):
    """Encoder, quantizers and decoder.

    Parameters
    ----------
    tables
        ``own``: quantizers are learned. ``libopus``: those of libopus 1.6, as they are. ``fixed``: uniform
        steps for all numbers and no price on bits.
    size
        ``full``: libopus's layers; ``small``: half the units.
    """

    def __init__(self, tables: Tables = "own", size: Size = "full") -> None:
        super().__init__()
        self.tables_kind = tables
        latents, states = _NUMBERS[tables]
        units, channels, first, decoder_units, decoder_channels, decoder_first = _UNITS[size]
        self.encoder = EncoderLayers(latents, states, units, channels, first)
        self.decoder = DecoderLayers(latents, states, decoder_units, decoder_channels, decoder_first)
        self.latent_quantizer = Quantizer(latents, _frozen(tables, latents, 1))
        self.state_quantizer = Quantizer(states, _frozen(tables, states, 0))

    def forward(self, features: Tensor, chunks: Chunks, progress: float = 1) -> Measures:
        """Encode sequences, (batch, frames, 20), and decode chunks of them.

        `progress` is the part of the training that is done: bits cost less at first, so that numbers are
        found useful before they are found expensive.
        """
        latents, states = self.encoder(features)
        penalty = features.new_zeros(())
        if self.tables_kind == "fixed":
            penalty = _excess(latents) + _excess(states)
        vectors = chunks.levels.shape[1]
        steps = chunks.ends[:, None] - 2 * torch.arange(vectors)
        rows = chunks.sequences[:, None]
        seen, soft, hard = self.latent_quantizer(latents[rows, steps], chunks.levels, chunks.with_noise)
        first_level = chunks.levels[:, :1]
        state = states[chunks.sequences, chunks.ends].unsqueeze(1)
        start, state_soft, state_hard = self.state_quantizer(state, first_level, chunks.with_noise)
        decoded = self.decoder(seen, chunks.levels, start[:, 0])
        # The vector of a step covers the 40 ms up to its end: four frames, latest first.
        frames = 2 * chunks.ends[:, None] + 1 - torch.arange(FRAMES_PER_LATENT * vectors)
        errors = distortion(features[rows, frames], decoded)
        of_vectors = errors.reshape(len(errors), vectors, FRAMES_PER_LATENT).mean(-1)
        price = torch.tensor(LAMBDAS, dtype=torch.float32)[chunks.levels].sqrt()
        bits = (soft + HARD_WEIGHT * hard, (state_soft + HARD_WEIGHT * state_hard)[:, 0])
        of_latents = _LATENTS_FROM + (1 - _LATENTS_FROM) * min(1, progress / _LATENTS_UNTIL)
        of_states = _STATES_FROM + (1 - _STATES_FROM) * min(1, progress / _STATES_UNTIL)
        rate = of_latents * (price * bits[0]).mean(-1)
        rate = rate + of_states * STATE_WEIGHT * price[:, 0] * bits[1]
        loss = (of_vectors / price).mean(-1) + penalty
        if self.tables_kind != "fixed":
            loss = loss + rate
        return Measures(hard.mean(-1), state_hard[:, 0], of_vectors.mean(-1), loss)


def _excess(numbers: Tensor) -> Tensor:
    """Return a penalty that holds each number's mean square at 1."""
    return (numbers.square().mean((0, 1)) + 1e-4).log().square().mean()


def _frozen(tables: Tables, numbers: int, part: int) -> Sequence[np.ndarray] | None:
    """Return tables that are not learned: `part` is 0 for states, 1 for latent vectors."""
    if tables == "own":
        return None
    if tables == "libopus":
        table = quantizers(LIBOPUS_VERSION)[part]
        scale = np.maximum(table.scale, 1) / 256
        return scale, table.dead_zone / 256, table.decay / 256, table.zero / 256
    ones = np.ones((LEVELS, numbers))
    steps = _FIXED_FINEST * _FIXED_STEPS[:, None] * ones
    # A Laplace distribution of variance 1 in steps of this size; the true one is counted at the end.
    decay = np.exp(-np.sqrt(2) / steps)
    return steps, 0 * ones, decay, 1 - np.sqrt(decay)
