"""The stage `spikes`: stalls of the network, after each of which all held packets arrive at once."""

from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from testbed.channels.packet import Packet
from testbed.channels.stage import Stage, StageContext, milliseconds
from testbed.parameters import Parameters


class Spikes(Parameters):
    """Delay spikes: the delay jumps for one packet, and is less for each later one, by the time between them.

    This is how Ramjee et al. ("Adaptive playout mechanisms for packetized audio applications in wide-area
    networks", 1994) describe the spikes of real paths. Stalls and the pauses between them have exponentially
    distributed durations, and belong to the simulated time, not to the packets. So a share of
    ``mean_stall_ms / (mean_pause_ms + mean_stall_ms)`` of the packets is delayed, by `mean_stall_ms` on
    average.

    Attributes
    ----------
    mean_pause_ms
        Mean time from the end of a stall to the next, 1 ms or more.
    mean_stall_ms
        Mean duration of a stall, 1 ms or more: the mean height of a spike.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = ({"mean_pause_ms": 500, "mean_stall_ms": 100},)

    mean_pause_ms: float = Field(ge=1, le=3_600_000)
    mean_stall_ms: float = Field(ge=1, le=60_000)

    def mean_loss(self, folder: Path = Path()) -> float:
        """Return 0: nothing is lost."""
        return 0.0

    def build(self, context: StageContext) -> Stage:
        """Return a fresh stage."""
        return Stalling(context, milliseconds(self.mean_pause_ms), milliseconds(self.mean_stall_ms))


class Stalling:
    """Holds packets that arrive during a stall until its end, and passes others on at once."""

    def __init__(self, context: StageContext, mean_pause_ns: int, mean_stall_ns: int) -> None:
        self._env = context.env
        self._out = context.out
        self._later = context.later
        self._rng = context.rng
        self._mean_pause_ns, self._mean_stall_ns = mean_pause_ns, mean_stall_ns
        share_stalled = mean_stall_ns / (mean_pause_ns + mean_stall_ns)
        self._begin_ns = 0 if self._rng.random() < share_stalled else self._duration_ns(mean_pause_ns)
        self._end_ns = self._begin_ns + self._duration_ns(mean_stall_ns)

    def put(self, packet: Packet) -> None:
        """Pass a packet on, at the end of the stall if there is one."""
        now_ns = self._env.now
        while now_ns > self._end_ns:
            self._begin_ns = self._end_ns + self._duration_ns(self._mean_pause_ns)
            self._end_ns = self._begin_ns + self._duration_ns(self._mean_stall_ns)
        if now_ns >= self._begin_ns:
            self._later(self._end_ns - now_ns, self._out, packet)
        else:
            self._out(packet)

    def _duration_ns(self, mean_ns: int) -> int:
        return round(self._rng.exponential(mean_ns))
