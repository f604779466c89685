"""Quantizers of the RDO-VAE: scale, dead zone and distribution of each number at each level.

Learned (the article's "rate-controllable quantizer"), libopus's as they are, or fixed. The formulas are those
of `testbed.kernels.dred_symbols` and of Valin, Mustafa & Büthe (2023): a number is scaled, drawn toward zero
by a soft dead zone and rounded; a symbol's magnitude has a geometric distribution with decay ``r`` and a
probability of zero of its own.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from testbed.kernels.dred_symbols import LEVELS

LAMBDAS = np.geomspace(2e-4, 0.04, LEVELS)
"""Price of a bit at each level, in units of distortion."""
LARGEST_SCALE = 255 / 256
_STEPS_RATIO = float(np.sqrt(LAMBDAS[-1] / LAMBDAS[0]))
_TINY = 1e-6


class Quantizer(nn.Module):
    """Tables of a set of numbers, (16 levels, numbers); the learned ones are parameters.

    Parameters
    ----------
    numbers
        Size of a vector.
    frozen
        Scale, dead zone, decay and probability of zero, each (16, numbers); None: they are learned.
    """

    def __init__(self, numbers: int, frozen: Sequence[np.ndarray] | None = None) -> None:
        super().__init__()
        self.is_learned = frozen is None
        if frozen is None:
            ramp = torch.linspace(0, 1, LEVELS).unsqueeze(1).expand(LEVELS, numbers)
            self.log_scale = nn.Parameter(np.log(0.9) - np.log(_STEPS_RATIO) * ramp)
            self.dead = nn.Parameter(torch.zeros(LEVELS, numbers))
            self.logit = nn.Parameter(1 - 3 * ramp)
            self.soft_logit = nn.Parameter(1 - 3 * ramp)
            self.theta = nn.Parameter(torch.zeros(LEVELS, numbers))
        else:
            for name, table in zip(("scale_", "dead_", "decay_", "zero_"), frozen, strict=True):
                self.register_buffer(name, torch.tensor(np.asarray(table), dtype=torch.float32))

    def tables(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return scale, dead zone, decay, probability of zero, and decay of the soft estimate."""
        if not self.is_learned:
            return self.scale_, self.dead_, self.decay_, self.zero_, self.decay_
        decay = torch.sigmoid(self.logit)
        scale = torch.exp(self.log_scale.clamp(max=float(np.log(LARGEST_SCALE))))
        zero = 1 - decay ** (0.5 + 0.5 * torch.sigmoid(self.theta))
        return scale, 0.05 * nn.functional.softplus(self.dead), decay, zero, torch.sigmoid(self.soft_logit)

    def are_sent(self) -> Tensor:
        """Return which numbers are sent at each level, bool (16, numbers), by the tables' 8 bits."""
        _, _, decay, zero, _ = self.tables()
        return (torch.round(256 * decay) > 0) & (torch.round(256 * zero) < 255)

    def forward(self, values: Tensor, levels: Tensor, with_noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Quantize vectors and estimate their bits.

        Parameters
        ----------
        values
            (batch, vectors, numbers).
        levels
            int (batch, vectors).
        with_noise
            bool (batch,): whether noise stands for rounding; else numbers are rounded, with the gradient of
            the identity.

        Returns
        -------
        tuple
            What a decoder sees, as `values`; soft and hard estimates of bits per vector, (batch, vectors).
        """
        scale, dead, decay, zero, soft_decay = (table[levels] for table in self.tables())
        scaled = values * scale
        pulled = scaled - dead * torch.tanh(scaled / (0.1 + dead))
        noisy = pulled + torch.rand_like(pulled) - 0.5
        rounded = pulled + (torch.round(pulled) - pulled).detach()
        seen = torch.where(with_noise[:, None, None], noisy, rounded) / scale
        soft = -torch.log2((1 - soft_decay) / (1 + soft_decay) * soft_decay ** pulled.abs() + _TINY)
        size = rounded.abs()
        is_zero = torch.relu(1 - size) ** 2
        tail = 0.5 * (1 - zero) * (1 - decay) * decay ** (size - 1).clamp(min=0)
        hard = -is_zero * torch.log2(zero + _TINY) - (1 - is_zero) * torch.log2(tail + _TINY)
        if not (self.is_learned and self.training):  # a number that training discards may still come back
            is_sent = self.are_sent()[levels]
            seen, soft, hard = seen * is_sent, soft * is_sent, hard * is_sent
        return seen, soft.sum(-1), hard.sum(-1)
