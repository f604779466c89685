"""CoDel, RFC 8289: drops by the sojourn time of packets, not by the length of the queue."""

from collections import deque
from collections.abc import Callable
from math import sqrt
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from testbed.channels.packet import Packet
from testbed.channels.queue.limit import QueueLimit, WithQueueLimit
from testbed.channels.stage import OnDrop, milliseconds

RECENT_INTERVALS = 16
"""Largest age, in intervals, of a drop state from which the next one takes its rate of drops."""


class CoDelParameters(WithQueueLimit):
    """Parameters of CoDel and FQ-CoDel.

    Attributes
    ----------
    target_ms
        Target sojourn time, above 0 ms. RFC 8289, section 4.4: 5 to 10 % of the interval, but no less than
        the transmission time of a full packet.
    interval_ms
        Time that the sojourn time must stay above the target before the first drop; about the longest usual
        round-trip time.
    mtu_bytes
        Largest packet; a queue with at most this many bytes drops no packet.
    """

    target_ms: float = Field(5.0, gt=0, le=60_000)
    interval_ms: float = Field(100.0, gt=0, le=60_000)
    mtu_bytes: int = Field(1500, ge=1, le=65_535)


class CoDel(CoDelParameters):
    """CoDel (RFC 8289): first in, first out; drops at the head while the sojourn time stays above its target.

    Causes of drops: ``"queue"`` where the limit is reached, ``"codel"`` by the control law.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = (
        {"target_ms": 15, "mtu_bytes": 200},
        {"target_ms": 1, "interval_ms": 10, "mtu_bytes": 1, "limit_packets": 30},
    )
    causes: ClassVar[tuple[str, ...]] = ("queue", "codel")

    discipline: Literal["codel"] = "codel"

    def build(
        self, drop: OnDrop, rate_bps: Callable[[int], float], rng: np.random.Generator
    ) -> "BoundedCoDelQueue":
        """Return an empty queue; see `testbed.channels.queue.QueueParameters`."""
        return BoundedCoDelQueue(self, drop, QueueLimit(self, rate_bps))


class CoDelQueue:
    """Queue with the state machine of RFC 8289, section 5.

    Parameters
    ----------
    law
        Target, interval and MTU.
    drop
        Called with each packet that CoDel drops, and the cause ``"codel"``.

    Attributes
    ----------
    bytes
        Bytes in the queue.
    dropping
        Whether it is in the drop state.
    drop_next_ns
        In the drop state, time of the next drop.
    """

    def __init__(self, law: CoDelParameters, drop: OnDrop) -> None:
        self.bytes = 0
        self.dropping = False
        self.drop_next_ns = 0
        self._waiting: deque[tuple[Packet, int]] = deque()
        self._drop = drop
        self._target_ns = milliseconds(law.target_ms)
        self._interval_ns = milliseconds(law.interval_ms)
        self._mtu_bytes = law.mtu_bytes
        self._drop_from_ns: int | None = None
        self._count = 0
        self._count_at_entry = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, packet: Packet, now_ns: int) -> None:
        """Queue a packet."""
        self._waiting.append((packet, now_ns))
        self.bytes += packet.size_bytes

    def pop(self) -> Packet:
        """Remove and return the packet at the head, regardless of its sojourn time."""
        packet, _ = self._waiting.popleft()
        self.bytes -= packet.size_bytes
        return packet

    def take(self, now_ns: int) -> Packet | None:
        """Return the packet to be sent next, or None if the queue is empty; drops packets by CoDel."""
        packet, too_long = self._next(now_ns)
        if self.dropping:
            self.dropping = too_long
            while packet is not None and self.dropping and now_ns >= self.drop_next_ns:
                self._drop(packet, "codel")
                self._count += 1
                packet, self.dropping = self._next(now_ns)
                if self.dropping:
                    self.drop_next_ns = self._later(self.drop_next_ns)
        elif packet is not None and too_long:
            self._drop(packet, "codel")
            packet, _ = self._next(now_ns)
            self._enter(now_ns)
        return packet

    def _enter(self, now_ns: int) -> None:
        """Enter the drop state, at the drop rate of the last one if that was recent."""
        self.dropping = True
        gained = self._count - self._count_at_entry
        recent = now_ns - self.drop_next_ns < RECENT_INTERVALS * self._interval_ns
        self._count = gained if gained > 1 and recent else 1
        self.drop_next_ns = self._later(now_ns)
        self._count_at_entry = self._count

    def _later(self, from_ns: int) -> int:
        return from_ns + round(self._interval_ns / sqrt(self._count))

    def _next(self, now_ns: int) -> tuple[Packet | None, bool]:
        """Remove the head; return it and whether sojourn times have exceeded the target for an interval."""
        if not self._waiting:
            self._drop_from_ns = None
            return None, False
        packet, came_ns = self._waiting.popleft()
        self.bytes -= packet.size_bytes
        if now_ns - came_ns < self._target_ns or self.bytes <= self._mtu_bytes:
            self._drop_from_ns = None
            return packet, False
        if self._drop_from_ns is None:
            self._drop_from_ns = now_ns + self._interval_ns
            return packet, False
        return packet, now_ns >= self._drop_from_ns


class BoundedCoDelQueue(CoDelQueue):
    """A `CoDelQueue` with a limit.

    Parameters
    ----------
    law
        Target, interval and MTU.
    drop
        Called with each packet that the queue drops, and the cause.
    room
        The limit.
    """

    def __init__(self, law: CoDelParameters, drop: OnDrop, room: QueueLimit) -> None:
        super().__init__(law, drop)
        self._fits = room.fits

    def put(self, packet: Packet, now_ns: int) -> None:
        """Queue a packet, or drop it if the queue is full."""
        if self._fits(packet, len(self), self.bytes, now_ns):
            super().put(packet, now_ns)
        else:
            self._drop(packet, "queue")
