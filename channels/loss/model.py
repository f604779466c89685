"""The base of loss models: one random decision per packet."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from testbed.channels.packet import Packet
from testbed.channels.per_packet import PerPacket
from testbed.channels.stage import Stage, StageContext
from testbed.parameters import Parameters

BLOCK = 512
"""Number of packets whose random numbers a model draws at a time."""


class LossModel(Parameters):
    """Base of the loss models: draws losses, and knows their long-run share."""

    examples: ClassVar[tuple[dict[str, Any], ...]]

    def losses(self, rng: np.random.Generator) -> Iterator[bool]:
        """Yield for each packet, endlessly, whether it is lost.

        The decisions depend on `rng` alone, so a realization does not depend on the size of packets.
        """
        raise NotImplementedError

    def mean_loss(self, folder: Path = Path()) -> float:
        """Return the long-run share of packets that are lost."""
        raise NotImplementedError

    def build(self, context: StageContext) -> Stage:
        """Return a fresh stage."""
        return LossStage(context, self.losses, "loss")


class LossStage:
    """Drops packets by a sequence of decisions; passes the others on at once.

    Parameters
    ----------
    context
        Dependencies of the stage.
    losses
        Makes an endless sequence from a random stream: whether each packet of a flow is lost.
    cause
        Name of the cause of drops.
    """

    def __init__(
        self, context: StageContext, losses: Callable[[np.random.Generator], Iterator[bool]], cause: str
    ) -> None:
        self._out = context.out
        self._drop = context.drop
        self._lost = PerPacket(losses, context.rng).take
        self._cause = cause

    def put(self, packet: Packet) -> None:
        """Drop the packet or pass it on."""
        if self._lost(packet):
            self._drop(packet, self._cause)
        else:
            self._out(packet)
