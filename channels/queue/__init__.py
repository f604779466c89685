"""Queues before a link, chosen by `discipline`. A new discipline is one file and one line here.

A queue is a plain state machine: the time is a parameter, and it does not know the simulator.
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
    """Queue of packets; each packet put in is taken out or dropped, once."""

    def put(self, packet: Packet, now_ns: int) -> None:
        """Queue a packet; this or another packet may be dropped instead."""

    def take(self, now_ns: int) -> Packet | None:
        """Return the packet to be sent next, or None if the queue is empty."""


class QueueParameters(Protocol):
    """Parameters of a queue: a validated `queue:` of a link. `causes` are the causes of its drops."""

    examples: ClassVar[tuple[dict[str, Any], ...]]
    causes: ClassVar[tuple[str, ...]]

    def build(self, drop: OnDrop, rate_bps: Callable[[int], float], rng: np.random.Generator) -> PacketQueue:
        """Return an empty queue.

        Parameters
        ----------
        drop
            Called with each packet that the queue drops, and the cause.
        rate_bps
            The link's rate at a time in ns.
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
