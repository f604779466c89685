"""Congestion windows of TCP: slow start and Reno, RFC 5681."""

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
        The window; at most its integer part may be in flight.
    """

    size: float

    def on_acknowledged(self, now_ns: int, rtt_ns: int) -> None:
        """Take an acknowledgement of new data, outside of loss recovery."""

    def on_loss(self, in_flight: int) -> None:
        """Take a loss found by duplicate acknowledgements, with `in_flight` segments in flight."""

    def on_timeout(self, in_flight: int) -> None:
        """Take a retransmission timeout, with `in_flight` segments in flight."""


class Reno:
    """Grows by one segment per acknowledgement in slow start, then per round trip; a loss halves it.

    Attributes
    ----------
    size
        The window in segments.
    threshold
        Slow-start threshold in segments.
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
        """Restart with slow start up to half of the segments in flight."""
        self.threshold = max(in_flight / 2, LEAST_THRESHOLD)
        self.size = 1.0
