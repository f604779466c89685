"""What cross traffic gets through a link over time."""

from dataclasses import dataclass, field

from testbed.channels.cross_traffic import SharedLink
from testbed.channels.link import Link
from testbed.scenario.flow_study import OTHERS


@dataclass
class OtherLog:
    """One source of cross traffic.

    Attributes
    ----------
    name, model
        Its flows' common name (``"cross 1 tcp"``) and its model.
    direction
        Which way it goes.
    packet_bytes
        Size of its packets.
    sent, delivered, dropped
        Packets so far, at each time that the log was asked to look.
    """

    name: str
    model: str
    direction: str
    packet_bytes: int
    sent: list[int] = field(default_factory=list)
    delivered: list[int] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)


class Others:
    """All cross traffic of a direction.

    Parameters
    ----------
    direction
        Which way it goes.
    shared
        The links that it uses, with their parameters.
    known
        How many sources of cross traffic have their names already.
    """

    def __init__(self, direction: str, shared: list[tuple[Link, SharedLink]], known: int) -> None:
        self.logs: list[OtherLog] = []
        self._sources: list[tuple[SharedLink, str, OtherLog]] = []
        for link, stage in shared:
            for number, model in enumerate(link.cross_traffic, start=1):
                kind = str(getattr(model, "model", ""))
                size = int(getattr(model, "segment_bytes", 0) or getattr(model, "packet_bytes", 0))
                name = f"{OTHERS}{number} {kind}"
                log = OtherLog(f"{OTHERS}{known + len(self.logs) + 1} {kind}", kind, direction, size)
                self.logs.append(log)
                self._sources.append((stage, name, log))

    def look(self) -> None:
        """Note how many packets there were so far."""
        for stage, name, log in self._sources:
            sent = delivered = dropped = 0
            for flow, fates in stage.fates.items():
                if flow == name or flow.startswith(f"{name} "):
                    sent += fates["sent"]
                    delivered += fates["delivered"]
                    dropped += fates.total() - fates["sent"] - fates["delivered"]
            log.sent.append(sent)
            log.delivered.append(delivered)
            log.dropped.append(dropped)
