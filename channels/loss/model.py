"""What every loss model is: a law from which one decision a packet is drawn."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from testbed.channels.packet import Packet
from testbed.channels.per_packet import PerPacket
from testbed.channels.stage import Stage, StageContext
from testbed.parameters import Parameters

BLOCK = 512
"""How many packets' random numbers a model draws at a time."""


class LossModel(Parameters):
    """Base of the loss models: each says how losses are drawn, and how many there are in the long run."""

    examples: ClassVar[tuple[dict[str, Any], ...]]

    def losses(self, rng: np.random.Generator) -> Iterator[bool]:
        """Yield for each packet, without end, whether it is lost.

        The decisions depend on nothing but `rng`, so a realization is the same however large the packets are.
        """
        raise NotImplementedError

    def mean_loss(self, folder: Path = Path()) -> float:
        """Return the long-run share of packets that are lost."""
        raise NotImplementedError

    def build(self, context: StageContext) -> Stage:
        """Return a fresh stage."""
        return LossStage(context, self.losses, "loss")


class LossStage:
    """Drops packets as a sequence of decisions says; passes the others on at once.

    Parameters
    ----------
    context
        Where the stage lives.
    losses
        Makes of random numbers, for each packet of a flow, whether it is lost; without end.
    cause
        The name that dropped packets are dropped under.
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
