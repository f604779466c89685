"""The stage `duplicate`: second copies of some packets."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from testbed.channels.packet import Packet
from testbed.channels.per_packet import PerPacket
from testbed.channels.stage import Stage, StageContext
from testbed.parameters import Parameters

_BLOCK = 512


class Duplicate(Parameters):
    """Duplicates some packets; the copy follows its packet at once, and later stages separate them.

    Attributes
    ----------
    rate
        Probability that a packet is duplicated, 0 to 1, independent of the others.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = ({"rate": 0.3}, {"rate": 1})
    duplicates: ClassVar[bool] = True

    rate: float = Field(ge=0, le=1)

    def doubled(self, rng: np.random.Generator) -> Iterator[bool]:
        """Yield for each packet, endlessly, whether it is duplicated."""
        while True:
            yield from (rng.random(_BLOCK) < self.rate).tolist()

    def mean_loss(self, folder: Path = Path()) -> float:
        """Return 0: nothing is lost."""
        return 0.0

    def build(self, context: StageContext) -> Stage:
        """Return a fresh stage."""
        return Duplicating(context, self.doubled)


class Duplicating:
    """Passes each packet on, once or twice."""

    def __init__(
        self, context: StageContext, doubled: Callable[[np.random.Generator], Iterator[bool]]
    ) -> None:
        self._env = context.env
        self._out = context.out
        self._doubled = PerPacket(doubled, context.rng).take

    def put(self, packet: Packet) -> None:
        """Pass the packet on, and its copy after it."""
        self._out(packet)
        if self._doubled(packet):
            self._env.copy()
            self._out(packet)
