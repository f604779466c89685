"""What is written down of one flow while it runs: each packet's sending, arrival, wait and end."""

from collections import Counter
from dataclasses import dataclass, field

from testbed.timeline import NEVER


@dataclass
class FlowLog:
    """One flow's packets by their sequence numbers, and the bytes of its feedback.

    Attributes
    ----------
    sent_ns, size_bytes
        When each packet left, and its size on the wire.
    arrived_ns
        When it first arrived; `NEVER` if it did not.
    queue_ns
        How long it waited in the queues of the links that it crossed.
    copies
        How many packets arrived, those that the network doubled included.
    dropped
        How many packets ended in the network, by cause.
    targets
        The target at each frame, as time in ns and kb/s.
    feedback_bytes, feedback_sent, feedback_arrived
        Bytes of reports on the wire, how many were sent and how many came back.
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
        """Note that a packet leaves; return its sequence number."""
        self.sent_ns.append(now_ns)
        self.size_bytes.append(size_bytes)
        self.arrived_ns.append(NEVER)
        self.queue_ns.append(0)
        return len(self.sent_ns) - 1

    def on_arrival(self, sequence: int, now_ns: int) -> None:
        """Note that a packet, or a copy of it, arrived."""
        self.copies += 1
        if self.arrived_ns[sequence] == NEVER:
            self.arrived_ns[sequence] = now_ns
