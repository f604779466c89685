"""Bursts of losses: the two-state Markov models of Gilbert and of Elliott."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from testbed.channels.loss.model import BLOCK, LossModel
from testbed.named_parameters import invalid


class GilbertElliott(LossModel):
    """A channel with a good and a bad state, which may change from packet to packet.

    Either the four probabilities are given, in the letters of Hasslinger and Hohlfeld ("The Gilbert-Elliott
    Model for Packet Loss in Real Time Services on the Internet", 2008, after Gilbert 1960 and Elliott 1963),
    or `rate` and `mean_burst_packets`. These two describe the simple Gilbert model, in which a packet is lost
    exactly when the state is bad: ``k = 1``, ``h = 0``, ``r = 1 / mean_burst_packets`` and
    ``p = r * rate / (1 - rate)``. A channel starts in a state drawn from the stationary distribution.

    Attributes
    ----------
    p
        Probability that a good state is followed by a bad one, 0 to 1.
    r
        Probability that a bad state is followed by a good one, 0 to 1.
    h
        Probability that a packet is delivered in the bad state, 0 to 1; default 0.
    k
        Probability that a packet is delivered in the good state, 0 to 1; default 1.
    rate
        Share of packets that are lost, from 0 to below 1.
    mean_burst_packets
        Mean number of packets lost in a row, 1 or more.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = (
        {"rate": 0.2, "mean_burst_packets": 6},
        {"p": 0.05, "r": 0.3, "h": 0.4, "k": 0.99},
        {"p": 1, "r": 1},
    )

    model: Literal["gilbert_elliott"] = "gilbert_elliott"
    p: float | None = Field(None, ge=0, le=1)
    r: float | None = Field(None, ge=0, le=1)
    h: float | None = Field(None, ge=0, le=1)
    k: float | None = Field(None, ge=0, le=1)
    rate: float | None = Field(None, ge=0, lt=1)
    mean_burst_packets: float | None = Field(None, ge=1, le=1e6)

    @model_validator(mode="after")
    def _one_form(self) -> "GilbertElliott":
        letters = [name for name in ("p", "r", "h", "k") if getattr(self, name) is not None]
        named = [name for name in ("rate", "mean_burst_packets") if getattr(self, name) is not None]
        if letters and named:
            raise invalid(
                f"give either p, r, h, k or rate and mean_burst_packets: {named[0]!r} is set, too", letters[0]
            )
        if self.rate is not None and self.mean_burst_packets is not None:
            self._check_burst(self.rate, self.mean_burst_packets)
        elif named:
            raise invalid("give both rate and mean_burst_packets", named[0])
        elif self.p is None or self.r is None:
            raise invalid("needs rate and mean_burst_packets, or p and r (and h and k)")
        elif self.p + self.r == 0:
            raise invalid(
                "p and r cannot both be 0: the channel would never leave the state that it starts in", "p"
            )
        return self

    @staticmethod
    def _check_burst(rate: float, mean_burst: float) -> None:
        shortest = rate / (1 - rate)
        if mean_burst < shortest:
            most = mean_burst / (1 + mean_burst)
            raise invalid(
                f"a loss rate of {rate:g} needs a mean burst of at least {shortest:g} packets "
                f"(or: with a mean burst of {mean_burst:g} packets the rate is at most {most:g})",
                "rate",
                value=rate,
            )

    @property
    def probabilities(self) -> tuple[float, float, float, float]:
        """The four probabilities p, r, h and k, from either form of the parameters."""
        if self.rate is not None and self.mean_burst_packets is not None:
            r = 1 / self.mean_burst_packets
            return min(1.0, r * self.rate / (1 - self.rate)), r, 0.0, 1.0
        assert self.p is not None and self.r is not None
        return self.p, self.r, 0.0 if self.h is None else self.h, 1.0 if self.k is None else self.k

    def losses(self, rng: np.random.Generator) -> Iterator[bool]:
        """Yield for each packet, endlessly, whether it is lost; each takes two random numbers."""
        p, r, h, k = self.probabilities
        bad = rng.random() < p / (p + r)
        while True:
            for change, fate in rng.random((BLOCK, 2)).tolist():
                if bad:
                    yield fate >= h
                    bad = change >= r
                else:
                    yield fate >= k
                    bad = change < p

    def mean_loss(self, folder: Path = Path()) -> float:
        """Return the long-run share of packets that are lost."""
        p, r, h, k = self.probabilities
        return ((1 - k) * r + (1 - h) * p) / (p + r)
