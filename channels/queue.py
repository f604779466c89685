"""What waits before a link, chosen by `discipline`. A new discipline is a file and a line here.

A queue is a plain state machine: it is told the time, and knows nothing of the simulator.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from testbed.channels.packet import Packet
from testbed.channels.queue_drop_tail import DropTail
from testbed.channels.spec import Chosen
from testbed.channels.stage import OnDrop


class PacketQueue(Protocol):
    """Packets that wait; each that is put in is taken out or dropped, once."""

    def put(self, packet: Packet, now_ns: int) -> None:
        """Let a packet wait; this or another packet may be dropped instead."""

    def take(self, now_ns: int) -> Packet | None:
        """Return the packet to be sent next, or None if none waits."""


class QueueParameters(Protocol):
    """A validated `queue:` of a link."""

    def build(self, drop: OnDrop, rate_bps: Callable[[int], float]) -> PacketQueue:
        """Return an empty queue that drops through `drop`, before a link with this rate at a time in ns."""


QUEUES: dict[str, Any] = {
    "drop_tail": DropTail,
}


class Queue(Chosen):
    """Validates `{discipline: name, ...}` into one of `QUEUES`."""

    what: ClassVar[str] = "queue"
    key: ClassVar[str] = "discipline"
    registry: ClassVar = QUEUES
