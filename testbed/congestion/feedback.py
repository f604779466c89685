"""The sender's knowledge after a report: which packets arrived when, and which were lost."""

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class PacketReport:
    """The fate of one packet.

    Attributes
    ----------
    sequence
        The sender's own count of its packets, without wrapping.
    size_bytes
        Size on the wire.
    sent_ns
        When it was sent, by the sender's clock.
    arrival_ns
        When it arrived, by the receiver's clock and as finely as the report's format can say; None: lost.
        Only differences between arrivals mean anything to the sender.
    """

    sequence: int
    size_bytes: int
    sent_ns: int
    arrival_ns: int | None

    @property
    def lost(self) -> bool:
        """True if the report says that the packet did not arrive."""
        return self.arrival_ns is None


@dataclass(frozen=True)
class Feedback:
    """The news of one report.

    Attributes
    ----------
    now_ns
        When it came.
    packets
        Packets whose fate is new, in sending order. A packet may be in one feedback as lost and in a later
        one as arrived (it was late), never twice as arrived. Empty if the format (a receiver report) tells
        of no single packets.
    rtt_ns
        Round-trip time: sending, network, report's way back; what the receiver kept is taken out where the
        format says how long that was. None: not measured.
    reported_loss
        Share of packets lost as a receiver report says it, 0 to 1; None where single packets are reported.
    newly_acked_bytes
        By how much the highest packet that is known to have arrived moved on, lost ones included (RFC 8298,
        section 4.1.2).
    in_flight_bytes
        Everything that was sent after that packet.
    sent_bytes
        Everything that was sent since the call began.
    """

    now_ns: int
    packets: tuple[PacketReport, ...] = ()
    rtt_ns: int | None = None
    reported_loss: float | None = None
    newly_acked_bytes: int = 0
    in_flight_bytes: int = 0
    sent_bytes: int = 0

    @cached_property
    def arrived(self) -> tuple[PacketReport, ...]:
        """The packets that arrived, in the order of arrival."""
        received = [packet for packet in self.packets if packet.arrival_ns is not None]
        return tuple(sorted(received, key=lambda packet: (packet.arrival_ns, packet.sequence)))

    @property
    def lost_packets(self) -> int:
        """Number of packets newly known to be lost."""
        return len(self.packets) - len(self.arrived)

    @property
    def fraction_lost(self) -> float:
        """Share of packets lost, 0 to 1, in what this report covers."""
        if self.reported_loss is not None:
            return self.reported_loss
        return self.lost_packets / len(self.packets) if self.packets else 0.0
