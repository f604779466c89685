"""Packet counts of cross traffic over time."""

from dataclasses import dataclass, field

from testbed.channels.cross_traffic import SharedLink
from testbed.channels.link import Link


@dataclass
class CrossTrafficLog:
    """Packet counts of one entry of cross traffic.

    Attributes
    ----------
    name, model
        Its name in the tables (``"cross 1 tcp"``) and its model.
    direction
        ``"forward"`` or ``"backward"``.
    packet_bytes
        Size of its packets.
    sent, delivered, dropped
        Number of packets up to each time at which the log was updated.
    """

    name: str
    model: str
    direction: str
    packet_bytes: int
    sent: list[int] = field(default_factory=list)
    delivered: list[int] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)


class CrossTrafficRecorder:
    """Logs of all cross traffic of one direction.

    Parameters
    ----------
    direction
        ``"forward"`` or ``"backward"``.
    shared
        The links that cross traffic uses, with their parameters.
    known
        Number of entries of cross traffic in the directions before this one.
    """

    def __init__(self, direction: str, shared: list[tuple[Link, SharedLink]], known: int) -> None:
        self.logs: list[CrossTrafficLog] = []
        self._entries: list[tuple[SharedLink, int, CrossTrafficLog]] = []
        for link, stage in shared:
            for number, traffic in enumerate(link.cross_traffic, start=1):
                name = traffic.flow(known + len(self.logs) + 1)
                log = CrossTrafficLog(name, traffic.model, direction, traffic.demand().packet_bytes)
                self.logs.append(log)
                self._entries.append((stage, number, log))

    def update(self) -> None:
        """Append the counts so far to each log."""
        for stage, number, log in self._entries:
            counts = stage.counts(number)
            log.sent.append(counts["sent"])
            log.delivered.append(counts["delivered"])
            log.dropped.append(counts.total() - counts["sent"] - counts["delivered"])
