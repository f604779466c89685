"""One value of a random sequence for each packet that was sent, whether or not it got as far as here."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import numpy as np

from testbed.channels.packet import MEDIA_FLOW, Packet
from testbed.randomness import derived

T = TypeVar("T")


class PerPacket(Generic[T]):
    """Steps through a sequence by the packets' own numbers, each flow through a sequence of its own.

    Where an earlier stage dropped packets, the sequence steps over their values. So whatever a queue upstream
    does to large packets, and whoever else sends, the packets that do get here meet the same values for every
    scheme. Packets that come out of order, and second copies, take the next value.

    Parameters
    ----------
    values
        Makes a sequence without end of random numbers.
    rng
        Those of the call's own flow; other flows have streams that derive from it.
    """

    def __init__(
        self, values: Callable[[np.random.Generator], Iterator[T]], rng: np.random.Generator
    ) -> None:
        self._values = values
        self._rng = rng
        self._next: dict[str, Callable[[], T]] = {}
        self._expected: dict[str, int] = {}

    def take(self, packet: Packet) -> T:
        """Return the packet's value."""
        flow = packet.flow
        following = self._next.get(flow)
        if following is None:
            following = self._next[flow] = self._values(self._stream(flow)).__next__
        stepped_over = packet.sequence - self._expected.get(flow, 0)
        if stepped_over >= 0:
            self._expected[flow] = packet.sequence + 1
            while stepped_over:
                following()
                stepped_over -= 1
        return following()

    def _stream(self, flow: str) -> np.random.Generator:
        return self._rng if flow == MEDIA_FLOW else derived(self._rng, flow)
