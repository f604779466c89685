"""The RDO-VAE of libopus 1.6 as PyTorch modules, with layers named as in libopus's weights blob.

After libopus, ``dnn/torch/rdovae`` and ``dnn/dred_rdovae_enc.c`` (Valin, Mustafa & Büthe, "Low-bitrate
redundancy coding of speech using a rate-distortion-optimized variational autoencoder", 2023). The kernels in
`testbed.kernels.rdovae` run the same networks with 8-bit weights; here an activation is limited to what
these represent, and gets noise of one 8-bit step while it is trained.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from testbed.kernels.rdovae import FEATURES, FRAMES_PER_LATENT, FRAMES_PER_STEP, STAGES

_STATE_HIDDEN = 128
_STEP = 1 / 127


def _as_8_bits(x: Tensor, is_training: bool) -> Tensor:
    """Limit activations to -1 and 1; in training with noise of one 8-bit step."""
    return (x + _STEP * (torch.rand_like(x) - 0.5)).clamp(-1, 1) if is_training else x


def _past(x: Tensor, steps: int) -> Tensor:
    """Delay a sequence, (batch, steps, channels), by some steps; zeros come first."""
    return torch.cat((x.new_zeros(x.shape[0], steps, x.shape[2]), x[:, :-steps]), 1)


class Stages(nn.Module):
    """Five stages, each a recurrent unit and a convolution over the outputs of all earlier layers.

    Parameters
    ----------
    first, units, channels
        Width of the first layer, of each recurrent unit, of each convolution.
    dilations
        Steps between the two taps of each convolution.
    is_gated
        Whether a unit's output goes through a gate.
    """

    def __init__(
        self, first: int, units: int, channels: int, dilations: tuple[int, ...], is_gated: bool
    ) -> None:
        super().__init__()
        self.dilations = dilations
        width = first
        gru, gate, narrow, convolution = [], [], [], []
        for _ in range(STAGES):
            gru.append(nn.GRU(width, units, batch_first=True))
            nn.init.orthogonal_(gru[-1].weight_hh_l0)
            gate.append(nn.Linear(units, units, bias=False) if is_gated else nn.Identity())
            narrow.append(nn.Linear(width + units, channels))
            convolution.append(nn.Linear(2 * channels, channels))
            width += units + channels
        self.gru, self.glu = nn.ModuleList(gru), nn.ModuleList(gate)
        self.conv_dense, self.conv = nn.ModuleList(narrow), nn.ModuleList(convolution)
        self.is_gated = is_gated
        self.width = width

    def forward(self, x: Tensor, starts: Tensor | None = None) -> Tensor:
        """Return the outputs of all layers, (batch, steps, width).

        Parameters
        ----------
        x
            The first layer's output, (batch, steps, first).
        starts
            Initial states of the recurrent units, (5, batch, units); None: zeros.
        """
        for stage in range(STAGES):
            start = None if starts is None else starts[stage : stage + 1].contiguous()
            unit, _ = self.gru[stage](x, start)
            if self.is_gated:
                unit = unit * torch.sigmoid(self.glu[stage](unit))
            x = torch.cat((x, _as_8_bits(unit, self.training)), -1)
            narrowed = torch.tanh(self.conv_dense[stage](x))
            taps = torch.cat((_past(narrowed, self.dilations[stage]), narrowed), -1)
            x = torch.cat((x, _as_8_bits(torch.tanh(self.conv[stage](taps)), self.training)), -1)
        return x


class EncoderLayers(nn.Module):
    """Turns features into latent vectors and states, one of each per 20 ms."""

    def __init__(self, latents: int, states: int, units: int, channels: int, first: int) -> None:
        super().__init__()
        self.dense1 = nn.Linear(FRAMES_PER_STEP * FEATURES, first)
        self.stages = Stages(first, units, channels, (1, 2, 2, 2, 2), is_gated=False)
        self.zdense = nn.Linear(self.stages.width, latents)
        self.gdense1 = nn.Linear(self.stages.width, _STATE_HIDDEN)
        self.gdense2 = nn.Linear(_STATE_HIDDEN, states)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Encode features, (batch, frames, 20), to latents and states, (batch, frames / 2, numbers)."""
        steps = features.reshape(features.shape[0], -1, FRAMES_PER_STEP * FEATURES)
        x = self.stages(_as_8_bits(torch.tanh(self.dense1(steps)), self.training))
        hidden = _as_8_bits(torch.tanh(self.gdense1(x)), self.training)
        return self.zdense(x), self.gdense2(hidden)


class DecoderLayers(nn.Module):
    """Turns latent vectors, latest first and 40 ms apart, into features, latest first."""

    def __init__(self, latents: int, states: int, units: int, channels: int, first: int) -> None:
        super().__init__()
        self.units = units
        self.hidden_init = nn.Linear(states, _STATE_HIDDEN)
        self.gru_init = nn.Linear(_STATE_HIDDEN, STAGES * units)
        self.dense1 = nn.Linear(latents + 1, first)
        self.stages = Stages(first, units, channels, (1,) * STAGES, is_gated=True)
        self.output = nn.Linear(self.stages.width, FRAMES_PER_LATENT * FEATURES)

    def start_from(self, features: NDArray[np.float16]) -> None:
        """Give the output layer the mean and the spread of features, (frames, 20), before training."""
        mean, spread = features.astype(np.float32).mean(0), features.astype(np.float32).std(0)
        with torch.no_grad():
            self.output.bias.copy_(torch.from_numpy(np.tile(mean, FRAMES_PER_LATENT)))
            self.output.weight.mul_(torch.from_numpy(np.tile(spread, FRAMES_PER_LATENT))[:, None])

    def forward(self, latents: Tensor, levels: Tensor, states: Tensor) -> Tensor:
        """Decode.

        Parameters
        ----------
        latents
            (batch, vectors, numbers), latest first.
        levels
            Their quantizer levels, int (batch, vectors).
        states
            (batch, numbers): where the decoder starts.

        Returns
        -------
        Tensor
            (batch, 4 vectors, 20), latest first.
        """
        start = torch.tanh(self.gru_init(_as_8_bits(torch.tanh(self.hidden_init(states)), self.training)))
        starts = start.reshape(len(states), STAGES, self.units).transpose(0, 1)
        first = self.dense1(torch.cat((latents, (levels / 8 - 1).unsqueeze(-1)), -1))
        x = self.stages(_as_8_bits(torch.tanh(first), self.training), starts)
        return self.output(x).reshape(len(states), -1, FEATURES)
