"""Traces of losses and arrivals, and helpers of their readers."""

from array import array
from dataclasses import dataclass

MAX_PACKETS = 5_000_000
LOST = -1
"""Delay of a packet that never arrived."""


@dataclass(frozen=True)
class LossTrace:
    """Losses of packets.

    Attributes
    ----------
    lost
        One byte per packet, 1 for a lost one; at least one packet.
    """

    lost: bytes

    def __len__(self) -> int:
        return len(self.lost)

    def mean_loss(self) -> float:
        """Return the share of lost packets."""
        return self.lost.count(1) / len(self.lost)

    @property
    def doubt(self) -> str:
        """A warning that flags may mean the opposite, if by them most packets were lost; "" otherwise."""
        if self.mean_loss() <= 0.5:
            return ""
        return f"{100 * self.mean_loss():.3g} % of the packets are lost: 1 is read as lost, 0 as received"


@dataclass(frozen=True)
class ArrivalTrace:
    """Times of sending and delays of packets.

    Attributes
    ----------
    send_ns
        Non-decreasing; at least two packets, and not all at the same time.
    delay_ns
        Delay of each, 0 or more, or `LOST`.
    """

    send_ns: "array[int]"
    delay_ns: "array[int]"

    def __len__(self) -> int:
        return len(self.send_ns)

    def mean_loss(self) -> float:
        """Return the share of lost packets."""
        return self.delay_ns.count(LOST) / len(self.delay_ns)


def shown(text: bytes) -> str:
    """Return a part of a file for an error message."""
    return repr(text[:40].decode("utf-8", "replace"))


def line_at(content: bytes, position: int) -> int:
    """Return the number of the line, from 1, that holds a byte."""
    return content.count(b"\n", 0, position) + 1
