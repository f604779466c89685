"""The stage `delay`: a constant delay of every packet."""

from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from testbed.channels.packet import Packet
from testbed.channels.stage import Stage, StageContext, milliseconds
from testbed.parameters import Parameters


class Delay(Parameters):
    """A constant one-way delay.

    Attributes
    ----------
    constant_ms
        One-way delay, 0 ms to a minute; rounded to nanoseconds.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = ({"constant_ms": 40}, {"constant_ms": 0})

    constant_ms: float = Field(ge=0, le=60_000)

    @property
    def least_delay_ms(self) -> float:
        """The delay."""
        return self.constant_ms

    def mean_loss(self, folder: Path = Path()) -> float:
        """Return 0: nothing is lost."""
        return 0.0

    def build(self, context: StageContext) -> Stage:
        """Return a fresh stage."""
        return Delaying(context, milliseconds(self.constant_ms))


class Delaying:
    """Passes each packet on after `delay_ns`, in order of arrival."""

    def __init__(self, context: StageContext, delay_ns: int) -> None:
        self._later = context.later
        self._out = context.out
        self._delay_ns = delay_ns

    def put(self, packet: Packet) -> None:
        """Take a packet; it leaves `delay_ns` later."""
        self._later(self._delay_ns, self._out, packet)
