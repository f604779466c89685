"""Drop-tail: an arriving packet that does not fit is dropped."""

from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np

from testbed.channels.packet import Packet
from testbed.channels.queue.limit import QueueLimit, WithQueueLimit
from testbed.channels.stage import OnDrop


class DropTail(WithQueueLimit):
    """Drop-tail: first in, first out; a packet beyond the limit is dropped."""

    examples: ClassVar[tuple[dict[str, Any], ...]] = ({"limit_packets": 10}, {"limit_bytes": 4000})
    causes: ClassVar[tuple[str, ...]] = ("queue",)

    discipline: Literal["drop_tail"] = "drop_tail"

    def build(
        self, drop: OnDrop, rate_bps: Callable[[int], float], rng: np.random.Generator
    ) -> "DropTailQueue":
        """Return an empty queue; see `testbed.channels.queue.QueueParameters`."""
        return DropTailQueue(drop, QueueLimit(self, rate_bps))


class DropTailQueue:
    """Queue of packets.

    Parameters
    ----------
    drop
        Called with each packet that does not fit, and the cause ``"queue"``.
    room
        The limit.
    """

    def __init__(self, drop: OnDrop, room: QueueLimit) -> None:
        self._packets: deque[Packet] = deque()
        self._bytes = 0
        self._drop = drop
        self._fits = room.fits

    def put(self, packet: Packet, now_ns: int) -> None:
        """Queue a packet, or drop it."""
        if self._fits(packet, len(self._packets), self._bytes, now_ns):
            self._packets.append(packet)
            self._bytes += packet.size_bytes
        else:
            self._drop(packet, "queue")

    def take(self, now_ns: int) -> Packet | None:
        """Return the packet to be sent next, or None if the queue is empty."""
        if not self._packets:
            return None
        packet = self._packets.popleft()
        self._bytes -= packet.size_bytes
        return packet
