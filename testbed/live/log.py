"""The log of a relay: a row per decision about a packet, as CSV."""

import csv
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from testbed.channels.recordings.parts import MAX_PACKETS
from testbed.errors import ResultsError
from testbed.live.kind import DatagramKind
from testbed.live.network import Way

SENT, PASSED, WAITING, UNSENT = "sent", "passed", "waiting", "unsent"
"""Decisions besides the causes of drops: went out after the channel; passed at once; was in the channel when
the relay ended; was refused by the operating system."""


@dataclass(frozen=True, slots=True)
class PacketFate:
    """Fate of a packet, or of its copy.

    Attributes
    ----------
    way, kind
        The way that it took, and its kind.
    number
        Its number among the packets of its way and kind, from 0.
    size_bytes
        Its size on the wire.
    taken_ns
        Time at which it came in, since the relay's start.
    decision
        One of those above, or the cause of its drop.
    due_ns
        Time of the decision: when it was to be sent, or was dropped.
    sent_ns
        Time at which it was sent; -1 if it was not.
    """

    way: Way
    kind: DatagramKind
    number: int
    size_bytes: int
    taken_ns: int
    decision: str
    due_ns: int
    sent_ns: int = -1


COLUMNS = tuple(column.name for column in fields(PacketFate))


def row(fate: PacketFate) -> str:
    """Return a line of the log."""
    return ",".join(map(str, astuple(fate))) + "\n"


def read_log(path: Path) -> Iterator[PacketFate]:
    """Yield the rows of a log, in the order of the decisions.

    Raises
    ------
    ResultsError
        It is not the log of a relay.
    """
    with path.open(encoding="ascii", errors="replace", newline="") as stream:
        rows = csv.reader(stream)
        if tuple(next(rows, ())) != COLUMNS:
            raise ResultsError(f"{path}:1: is not the log of a relay: its header is not {','.join(COLUMNS)}")
        for line, cells in enumerate(rows, 2):
            try:
                way, kind, number, size_bytes, taken_ns, decision, due_ns, sent_ns = cells
                yield PacketFate(
                    Way(way),
                    DatagramKind(kind),
                    int(number),
                    int(size_bytes),
                    int(taken_ns),
                    decision,
                    int(due_ns),
                    int(sent_ns),
                )
            except ValueError as error:
                raise ResultsError(f"{path}:{line}: is not a row of a relay's log: {error}") from None
            if line > MAX_PACKETS:
                raise ResultsError(f"{path}: has more than {MAX_PACKETS} rows")
