"""The stage `handover`: a network that is interrupted at regular intervals."""

from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from testbed.channels.packet import Packet
from testbed.channels.stage import Stage, StageContext, milliseconds
from testbed.parameters import Parameters


class Handover(Parameters):
    """Loses all packets in a gap at the end of each period, as during a handover between cells.

    Attributes
    ----------
    period_ms
        Time from one gap to the next.
    gap_ms
        Duration of a gap, shorter than the period.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = ({"period_ms": 1000, "gap_ms": 80},)

    period_ms: float = Field(gt=0, le=3_600_000)
    gap_ms: float = Field(gt=0, le=60_000)

    @model_validator(mode="after")
    def _gap_is_shorter(self) -> Self:
        if self.gap_ms >= self.period_ms:
            raise ValueError(f"gap_ms must be shorter than period_ms, {self.period_ms:g}")
        return self

    def mean_loss(self, folder: Path = Path()) -> float:
        """Return the share of time in gaps."""
        return self.gap_ms / self.period_ms

    def build(self, context: StageContext) -> Stage:
        """Return a fresh stage."""
        return HandoverStage(context, milliseconds(self.period_ms), milliseconds(self.gap_ms))


class HandoverStage:
    """Drops each packet that comes in a gap."""

    def __init__(self, context: StageContext, period_ns: int, gap_ns: int) -> None:
        self._context = context
        self._period_ns = period_ns
        self._open_ns = period_ns - gap_ns

    def put(self, packet: Packet) -> None:
        """Drop the packet or pass it on."""
        if self._context.env.now % self._period_ns < self._open_ns:
            self._context.out(packet)
        else:
            self._context.drop(packet, "handover")
