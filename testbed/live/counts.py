"""Counts of a live call: packets of each way, refused datagrams, and how late packets were sent."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

Counts = dict[str, Any]
"""Counts as plain data; see `RelayCounts.as_data`."""

_STEP_NS = 10_000
_STEPS = 10_000


@dataclass
class WayCounts:
    """Packets of one way that met the channel.

    Attributes
    ----------
    taken, taken_bytes
        Packets that came in, and their bytes on the wire.
    sent, sent_bytes
        Packets that went out, copies included.
    delay_ns
        Sum of their times in the relay.
    lost
        Packets that stages dropped, by cause.
    passed
        Packets of other kinds, which pass at once, by kind.
    waiting, waiting_bytes
        Packets in the channel.
    """

    taken: int = 0
    taken_bytes: int = 0
    sent: int = 0
    sent_bytes: int = 0
    delay_ns: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    waiting_bytes: int = 0


class Lateness:
    """Distribution of the time from when a packet was due to when it was sent, in steps of 10 us.

    Attributes
    ----------
    count
        Number of packets.
    """

    def __init__(self) -> None:
        self.count = 0
        self._steps = [0] * (_STEPS + 1)

    def add(self, late_ns: int) -> None:
        """Count a packet; a time beyond 100 ms counts as 100 ms."""
        self.count += 1
        self._steps[min(_STEPS, late_ns // _STEP_NS)] += 1

    def quantile_ms(self, share: float) -> float:
        """Return the time in which a share of the packets was sent, rounded up to 10 us; 0 if none was."""
        wanted, seen = share * self.count, 0
        for step, number in enumerate(self._steps):
            seen += number
            if number and seen >= wanted:
                return (step + 1) * _STEP_NS / 1e6
        return 0.0


@dataclass
class RelayCounts:
    """Counts of a relay.

    Attributes
    ----------
    ways
        Counts of each way, by its name.
    refused
        Datagrams that were not forwarded, by reason.
    lateness
        How late packets were sent.
    """

    ways: dict[str, WayCounts]
    refused: Counter[str] = field(default_factory=Counter)
    lateness: Lateness = field(default_factory=Lateness)

    def as_data(self, elapsed_s: float) -> Counts:
        """Return the counts as plain data, at a time since the relay's start."""
        return {
            "elapsed_s": elapsed_s,
            "ways": {name: vars(way) for name, way in self.ways.items()},
            "refused": dict(self.refused),
        }
