"""One value of a random sequence per packet sent, including packets that earlier stages dropped."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import numpy as np

from testbed.channels.packet import MEDIA_FLOW, Packet
from testbed.randomness import derived

T = TypeVar("T")


class PerPacket(Generic[T]):
    """A random sequence per flow, indexed by the packets' sequence numbers.

    The sequence skips the values of packets that an earlier stage dropped. So a packet that arrives here has
    the same value in every scheme, even if an earlier queue drops large packets or others send too. Packets
    out of order and second copies take the next value.

    Parameters
    ----------
    values
        Makes an endless sequence from a random stream.
    rng
        Random stream of the call's own flow; those of other flows are derived from it.
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
