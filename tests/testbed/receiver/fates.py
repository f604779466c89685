"""A network that decides the fate of each packet by its sequence number."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from testbed.channels.packet import Packet
from testbed.channels.stage import Stage, StageContext


@dataclass
class Fates:
    """A network that gives the packet with sequence number `n` the delay `delays_ms[n]`, or none: lost."""

    delays_ms: list[float | None]
    examples: ClassVar[tuple[dict[str, Any], ...]] = ()

    def mean_loss(self, folder: Path = Path()) -> float:
        return 0.0

    def build(self, context: StageContext) -> Stage:
        delays_ms = self.delays_ms

        class Network:
            def put(self, packet: Packet) -> None:
                delay_ms = delays_ms[packet.sequence]
                if delay_ms is None:
                    context.drop(packet, "fate")
                else:
                    context.later(round(delay_ms * 1e6), context.out, packet)

        return Network()
