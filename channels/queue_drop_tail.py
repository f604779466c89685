"""The plainest queue: what does not fit is dropped."""

from collections import deque
from collections.abc import Callable
from typing import Literal

from pydantic import Field, model_validator

from testbed.channels.packet import Packet
from testbed.channels.spec import problem
from testbed.channels.stage import OnDrop
from testbed.parameters import Parameters

DEFAULT_LIMIT_MS = 300
"""The bottleneck queue of RFC 8867, section 4.1 and its test cases."""


class DropTail(Parameters):
    """First come, first served; a packet that finds no room is dropped. The packet being sent takes none.

    At most one limit can be given; without any it is 300 ms.

    Attributes
    ----------
    limit_packets
        How many packets may wait.
    limit_bytes
        How many bytes may wait.
    limit_ms
        How many bytes may wait, as the time in which the link sends them at its present rate. In an outage
        the rate before it counts; for a trace of delivery opportunities, its mean rate.
    """

    discipline: Literal["drop_tail"] = "drop_tail"
    limit_packets: int | None = Field(default=None, ge=1, description="how many packets may wait")
    limit_bytes: int | None = Field(default=None, ge=1, description="how many bytes may wait")
    limit_ms: float | None = Field(
        default=None, gt=0, le=60_000, description="how much may wait, in ms of sending"
    )

    @model_validator(mode="after")
    def _one_limit(self) -> "DropTail":
        limits = ("limit_packets", "limit_bytes", "limit_ms")
        given = [name for name in limits if getattr(self, name) is not None]
        if len(given) > 1:
            raise problem(f"give one limit: {given[0]!r} is there too", given[1])
        return self

    def build(self, drop: OnDrop, rate_bps: Callable[[int], float]) -> "DropTailQueue":
        """Return an empty queue; see `testbed.channels.queue.QueueParameters`."""
        return DropTailQueue(self, drop, rate_bps)


class DropTailQueue:
    """The packets that wait.

    Parameters
    ----------
    limit
        How many may.
    drop
        Called with a packet that does not fit, and the cause ``"queue"``.
    rate_bps
        The link's rate at a time in nanoseconds; only asked where the limit is a time.
    """

    def __init__(self, limit: DropTail, drop: OnDrop, rate_bps: Callable[[int], float]) -> None:
        self._packets: deque[Packet] = deque()
        self._bytes = 0
        self._drop = drop
        self._most_packets = limit.limit_packets
        self._most_bytes = limit.limit_bytes
        self._rate_bps = rate_bps
        self._limit_ms = DEFAULT_LIMIT_MS if limit.limit_ms is None else limit.limit_ms

    def put(self, packet: Packet, now_ns: int) -> None:
        """Let a packet wait, or drop it."""
        if self._fits(packet, now_ns):
            self._packets.append(packet)
            self._bytes += packet.size_bytes
        else:
            self._drop(packet, "queue")

    def take(self, now_ns: int) -> Packet | None:
        """Return the packet to be sent next, or None if none waits."""
        if not self._packets:
            return None
        packet = self._packets.popleft()
        self._bytes -= packet.size_bytes
        return packet

    def _fits(self, packet: Packet, now_ns: int) -> bool:
        if self._most_packets is not None:
            return len(self._packets) < self._most_packets
        together = self._bytes + packet.size_bytes
        if self._most_bytes is not None:
            return together <= self._most_bytes
        return together * 8000 <= self._rate_bps(now_ns) * self._limit_ms
