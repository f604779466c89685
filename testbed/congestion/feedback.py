"""The sender's knowledge after a report: arrived packets with their times, and lost ones."""

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
        Time of sending, by the sender's clock.
    arrival_ns
        Time of arrival, by the receiver's clock and with the resolution of the report's format; None: lost.
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
    """The new information in one report.

    Attributes
    ----------
    now_ns
        Time of the report's arrival.
    packets
        Packets whose fate is new, in sending order. A packet may be in one feedback as lost and in a later
        one as arrived (it was late), never twice as arrived. Empty if the format has no single packets (a
        receiver report).
    rtt_ns
        Round-trip time: the network in both directions, without the time at the receiver if the format states
        it. None: not measured.
    reported_loss
        Share of packets lost in a receiver report, 0 to 1; None for formats with single packets.
    newly_acked_bytes
        Bytes between the previous and the present highest arrived packet, lost ones included (RFC 8298,
        section 4.1.2).
    in_flight_bytes
        Bytes sent after that packet.
    sent_bytes
        Bytes sent since the beginning of the call.
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
        """Share of packets lost, 0 to 1, among those that this report covers."""
        if self.reported_loss is not None:
            return self.reported_loss
        return self.lost_packets / len(self.packets) if self.packets else 0.0
