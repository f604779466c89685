"""Limit of a queue, in packets, bytes or time; every discipline has one."""

from collections.abc import Callable

from pydantic import Field, model_validator

from testbed.channels.packet import Packet
from testbed.named_parameters import invalid
from testbed.parameters import Parameters

DEFAULT_LIMIT_MS = 300
"""The bottleneck queue of RFC 8867, section 4.1 and its test cases."""


class WithQueueLimit(Parameters):
    """Queue limit in packets, bytes or time (default 300 ms); the packet in transmission does not count.

    Attributes
    ----------
    limit_packets
        Limit in packets.
    limit_bytes
        Limit in bytes.
    limit_ms
        Limit as the time in which the link sends the bytes that wait, at its present rate; in an outage, at
        the rate before it; for a delivery trace, at its mean rate. Default without any limit: 300 ms.
    """

    limit_packets: int | None = Field(default=None, ge=1)
    limit_bytes: int | None = Field(default=None, ge=1)
    limit_ms: float | None = Field(default=None, gt=0, le=60_000)

    @model_validator(mode="after")
    def _one_limit(self) -> "WithQueueLimit":
        limits = ("limit_packets", "limit_bytes", "limit_ms")
        given = [name for name in limits if getattr(self, name) is not None]
        if len(given) > 1:
            raise invalid(f"give at most one limit: {given[0]!r} is set, too", given[1])
        return self


class QueueLimit:
    """Test of whether the packets that wait are within a limit.

    Parameters
    ----------
    limit
        The limit.
    rate_bps
        The link's rate at a time in nanoseconds, for a limit in time.
    """

    def __init__(self, limit: WithQueueLimit, rate_bps: Callable[[int], float]) -> None:
        self._most_packets = limit.limit_packets
        self._most_bytes = limit.limit_bytes
        self._limit_ms = DEFAULT_LIMIT_MS if limit.limit_ms is None else limit.limit_ms
        self._rate_bps = rate_bps

    def holds(self, packets: int, size_bytes: int, now_ns: int) -> bool:
        """Return whether this number of packets, of this size together, may wait."""
        if self._most_packets is not None:
            return packets <= self._most_packets
        if self._most_bytes is not None:
            return size_bytes <= self._most_bytes
        return size_bytes * 8000 <= self._rate_bps(now_ns) * self._limit_ms

    def fits(self, packet: Packet, packets: int, size_bytes: int, now_ns: int) -> bool:
        """Return whether a packet fits into the queue."""
        return self.holds(packets + 1, size_bytes + packet.size_bytes, now_ns)
