"""The log of one flow: sending, arrival, queueing delay and drop of each packet."""

from collections import Counter
from dataclasses import dataclass, field

from testbed.timeline import NEVER


@dataclass
class FlowLog:
    """The packets of one flow by sequence number, and the bytes of its feedback.

    Attributes
    ----------
    sent_ns, size_bytes
        Time of sending of each packet, and its size on the wire.
    arrived_ns
        Time of its first arrival; `NEVER` if it did not arrive.
    queue_ns
        Its queueing delay in all links together.
    copies
        Number of arrivals, second copies included.
    dropped
        Number of packets dropped, by cause.
    targets
        The target at each frame: time in ns, and kb/s.
    feedback_bytes, feedback_sent, feedback_arrived
        Bytes of reports on the wire, and number of reports sent and arrived.
    """

    sent_ns: list[int] = field(default_factory=list)
    size_bytes: list[int] = field(default_factory=list)
    arrived_ns: list[int] = field(default_factory=list)
    queue_ns: list[int] = field(default_factory=list)
    copies: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    targets: list[tuple[int, float]] = field(default_factory=list)
    feedback_bytes: int = 0
    feedback_sent: int = 0
    feedback_arrived: int = 0

    def on_sent(self, now_ns: int, size_bytes: int) -> int:
        """Log a packet that is sent; return its sequence number."""
        self.sent_ns.append(now_ns)
        self.size_bytes.append(size_bytes)
        self.arrived_ns.append(NEVER)
        self.queue_ns.append(0)
        return len(self.sent_ns) - 1

    def on_arrival(self, sequence: int, now_ns: int) -> None:
        """Log the arrival of a packet or of a copy."""
        self.copies += 1
        if self.arrived_ns[sequence] == NEVER:
            self.arrived_ns[sequence] = now_ns
