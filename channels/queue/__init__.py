"""What waits before a link, chosen by `discipline`. A new discipline is a file and a line here.

A queue is a plain state machine: it is told the time, and knows nothing of the simulator.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import numpy as np

from testbed.channels.packet import Packet
from testbed.channels.queue.codel import CoDel
from testbed.channels.queue.drop_tail import DropTail
from testbed.channels.queue.fq_codel import FqCoDel
from testbed.channels.queue.random_early_detection import RandomEarlyDetection
from testbed.channels.stage import OnDrop
from testbed.named_parameters import TaggedUnion


class PacketQueue(Protocol):
    """Packets that wait; each that is put in is taken out or dropped, once."""

    def put(self, packet: Packet, now_ns: int) -> None:
        """Let a packet wait; this or another packet may be dropped instead."""

    def take(self, now_ns: int) -> Packet | None:
        """Return the packet to be sent next, or None if none waits."""


class QueueParameters(Protocol):
    """A validated `queue:` of a link; `causes` are the names under which it drops packets."""

    examples: ClassVar[tuple[dict[str, Any], ...]]
    causes: ClassVar[tuple[str, ...]]

    def build(self, drop: OnDrop, rate_bps: Callable[[int], float], rng: np.random.Generator) -> PacketQueue:
        """Return an empty queue.

        Parameters
        ----------
        drop
            Called with a packet that ends here, and the cause.
        rate_bps
            The rate of the link behind it, at a time in ns.
        rng
            A random stream of its own.
        """


QUEUES: TaggedUnion[Any] = TaggedUnion(
    "queue",
    "discipline",
    {
        "codel": CoDel,
        "drop_tail": DropTail,
        "fq_codel": FqCoDel,
        "random_early_detection": RandomEarlyDetection,
    },
)
QUEUE_CAUSES = frozenset(cause for queue in QUEUES.values() for cause in queue.causes)
"""The names under which queues drop packets."""
