"""How many segments a TCP sender may have in flight: slow start and Reno, RFC 5681."""

from math import inf
from typing import Protocol

INITIAL_SEGMENTS = 10.0
"""RFC 6928."""
LEAST_THRESHOLD = 2.0


class TcpWindow(Protocol):
    """A congestion window in segments; a plain state machine.

    Attributes
    ----------
    size
        The window; what is in flight is at most its whole part.
    """

    size: float

    def on_acknowledged(self, now_ns: int, rtt_ns: int) -> None:
        """Take note of an acknowledgement of new data, outside of loss recovery."""

    def on_loss(self, in_flight: int) -> None:
        """Take note of a loss found by duplicate acknowledgements, with so many segments not acknowledged."""

    def on_timeout(self, in_flight: int) -> None:
        """Take note that no acknowledgement came, with so many segments not acknowledged."""


class Reno:
    """Grows by a segment an acknowledgement in slow start, then by one a round trip; a loss halves it.

    Attributes
    ----------
    size
        The window in segments.
    threshold
        Where slow start ends.
    """

    def __init__(self) -> None:
        self.size = INITIAL_SEGMENTS
        self.threshold = inf

    def on_acknowledged(self, now_ns: int, rtt_ns: int) -> None:
        """Grow."""
        if self.size < self.threshold:
            self.size += 1
        else:
            self.size += 1 / self.size

    def on_loss(self, in_flight: int) -> None:
        """Halve the window."""
        self.size = self.threshold = max(in_flight / 2, LEAST_THRESHOLD)

    def on_timeout(self, in_flight: int) -> None:
        """Begin anew, with slow start up to half of what was in flight."""
        self.threshold = max(in_flight / 2, LEAST_THRESHOLD)
        self.size = 1.0
