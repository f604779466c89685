"""FQ-CoDel, RFC 8290: one CoDel queue per flow, served in turns."""

from collections import deque
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from testbed.channels.packet import Packet
from testbed.channels.queue.codel import CoDelParameters, CoDelQueue
from testbed.channels.queue.limit import QueueLimit
from testbed.channels.stage import OnDrop


class FqCoDel(CoDelParameters):
    """Every flow is hashed to one of many CoDel queues; a deficit round robin serves them by bytes.

    A flow that has just begun to send goes before those that have a backlog. Above the limit of all queues
    together, packets are dropped from the head of the queue with the most bytes, with the cause ``"queue"``.
    Packets that CoDel's law drops have the cause ``"codel"``.

    Attributes
    ----------
    quantum_bytes
        Bytes that a queue may send per round.
    queues
        Number of queues; flows with the same hash share one.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = (
        {"target_ms": 15, "mtu_bytes": 200, "limit_packets": 20},
        {"target_ms": 2, "interval_ms": 20, "mtu_bytes": 1, "quantum_bytes": 300, "queues": 2},
    )
    causes: ClassVar[tuple[str, ...]] = ("queue", "codel")

    discipline: Literal["fq_codel"] = "fq_codel"
    quantum_bytes: int = Field(1514, ge=1, le=65_535)
    queues: int = Field(1024, ge=1, le=65_536)

    def build(
        self, drop: OnDrop, rate_bps: Callable[[int], float], rng: np.random.Generator
    ) -> "FqCoDelQueue":
        """Return an empty queue; see `testbed.channels.queue.QueueParameters`."""
        return FqCoDelQueue(self, drop, QueueLimit(self, rate_bps), rng.bytes(16))


class _Turn(CoDelQueue):
    """One queue, and the bytes that it may still send in this turn."""

    credit_bytes = 0
    listed = False


class FqCoDelQueue:
    """The queues, and the lists of new and old queues with packets (RFC 8290, section 4).

    Parameters
    ----------
    parameters
        Parameters of CoDel, quantum and number of queues.
    drop
        Called with each packet that is dropped, and the cause.
    room
        The limit of all queues together.
    salt
        16 bytes that determine which flows share a queue.
    """

    def __init__(self, parameters: FqCoDel, drop: OnDrop, room: QueueLimit, salt: bytes) -> None:
        self._parameters = parameters
        self._drop = drop
        self._holds = room.holds
        self._salt = salt
        self._quantum_bytes = parameters.quantum_bytes
        self._queues: dict[int, _Turn] = {}
        self._by_flow: dict[str, _Turn] = {}
        self._new: deque[_Turn] = deque()
        self._old: deque[_Turn] = deque()
        self._packets = 0
        self._bytes = 0

    def put(self, packet: Packet, now_ns: int) -> None:
        """Queue a packet; above the limit, drop from the head of the queue with the most bytes."""
        turn = self._by_flow.get(packet.flow) or self._queue_of(packet.flow)
        turn.put(packet, now_ns)
        self._packets += 1
        self._bytes += packet.size_bytes
        if not turn.listed:
            turn.listed = True
            turn.credit_bytes = self._quantum_bytes
            self._new.append(turn)
        while not self._holds(self._packets, self._bytes, now_ns):
            fattest = max((*self._new, *self._old), key=lambda one: one.bytes)
            dropped = fattest.pop()
            self._forget(1, dropped.size_bytes)
            self._drop(dropped, "queue")

    def take(self, now_ns: int) -> Packet | None:
        """Return the packet to be sent next, or None if all queues are empty."""
        while self._new or self._old:
            turns = self._new or self._old
            turn = turns[0]
            if turn.credit_bytes <= 0:
                turn.credit_bytes += self._quantum_bytes
                self._old.append(turns.popleft())
                continue
            packets, size_bytes = len(turn), turn.bytes
            packet = turn.take(now_ns)
            self._forget(packets - len(turn), size_bytes - turn.bytes)
            if packet is not None:
                turn.credit_bytes -= packet.size_bytes
                return packet
            turns.popleft()
            # an emptied new queue goes behind the old ones: coming back as new, it could starve them
            if turns is self._new:
                self._old.append(turn)
            else:
                turn.listed = False
        return None

    def _forget(self, packets: int, size_bytes: int) -> None:
        self._packets -= packets
        self._bytes -= size_bytes

    def _queue_of(self, flow: str) -> _Turn:
        digest = blake2b(flow.encode(), digest_size=8, salt=self._salt).digest()
        index = int.from_bytes(digest) % self._parameters.queues
        if index not in self._queues:
            self._queues[index] = _Turn(self._parameters, self._drop)
        turn = self._by_flow[flow] = self._queues[index]
        return turn
