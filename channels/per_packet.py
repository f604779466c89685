"""One value of a random sequence for each packet that was sent, whether or not it got as far as here."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from testbed.channels.packet import Packet

T = TypeVar("T")


class PerPacket(Generic[T]):
    """Steps through a sequence by the packets' own numbers.

    Where an earlier stage dropped packets, the sequence steps over their values. So whatever a queue upstream
    does to large packets, the packets that do get here meet the same values for every scheme. Packets that
    come out of order, and second copies, take the next value.

    Parameters
    ----------
    values
        A sequence without end.
    """

    def __init__(self, values: Iterator[T]) -> None:
        self._next = values.__next__
        self._expected: dict[str, int] = {}

    def take(self, packet: Packet) -> T:
        """Return the packet's value."""
        flow = packet.flow
        stepped_over = packet.sequence - self._expected.get(flow, 0)
        if stepped_over >= 0:
            self._expected[flow] = packet.sequence + 1
            while stepped_over:
                self._next()
                stepped_over -= 1
        return self._next()
