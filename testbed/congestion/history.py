"""The sender's record of its packets, and the RTCP that it receives about them.

Reports can be lost, late, out of order or doubled. Packets in a lost report stay unknown: they count neither
as arrived nor as lost. Each packet's fate is returned only once.
"""

from dataclasses import dataclass, replace

from testbed.codecs import rtcp
from testbed.codecs.rtcp import CongestionFeedback, ReceiverReport, TransportFeedback
from testbed.codecs.rtcp.ccfb import OFFSET_UNKNOWN, OFFSETS_PER_SECOND
from testbed.codecs.rtcp.header import ntp32, unwrap
from testbed.codecs.rtcp.transport_wide import REFERENCE_BITS, REFERENCE_TICKS, TICK_NS
from testbed.congestion.feedback import Feedback, PacketReport
from testbed.errors import CodecError

MAX_PACKETS = 4096
"""Packets remembered; older ones are forgotten. At 50 packets per second this is more than a minute."""

_LONGEST_RTT_NS = 60_000_000_000


@dataclass(slots=True)
class _Sent:
    size_bytes: int
    sent_ns: int
    arrived: bool = False
    lost: bool = False


@dataclass(slots=True)
class _News:
    """The new information in all packets of one RTCP compound packet."""

    fates: dict[int, int | None]
    rtt_ns: int | None = None
    reported_loss: float | None = None


class SentHistory:
    """Turns the bytes of RTCP into `Feedback`.

    Parameters
    ----------
    media_ssrc
        The stream that is sent; reports on others are ignored.
    """

    def __init__(self, media_ssrc: int) -> None:
        self._media_ssrc = media_ssrc
        self._sent: dict[int, _Sent] = {}
        self._highest_sent = -1
        self._highest_acked = -1
        self._sent_bytes = 0
        self._reference: int | None = None
        self._report_time: int | None = None

    def on_sent(self, sequence: int, size_bytes: int, sent_ns: int) -> None:
        """Remember a packet.

        Parameters
        ----------
        sequence
            Counts the packets from 0 without wrapping; on the wire its low 16 bits are both the RTP sequence
            number and the transport-wide one.
        size_bytes
            Size on the wire, headers included.

        Raises
        ------
        CodecError
            If the sequence does not increase.
        """
        if sequence <= self._highest_sent:
            raise CodecError(f"packet {sequence} is sent after packet {self._highest_sent}: it must be later")
        self._highest_sent = sequence
        self._sent_bytes += size_bytes
        self._sent[sequence] = _Sent(size_bytes, sent_ns)
        if len(self._sent) > MAX_PACKETS:
            del self._sent[next(iter(self._sent))]

    def on_rtcp(self, data: bytes, now_ns: int) -> Feedback | None:
        """Read received RTCP; None if it has nothing new.

        Raises
        ------
        CodecError
            If the bytes are not RTCP, or damaged.
        """
        news = _News({})
        for packet in rtcp.parse(data):
            if isinstance(packet, TransportFeedback) and packet.media_ssrc == self._media_ssrc:
                self._read_transport_feedback(packet, news, now_ns)
            elif isinstance(packet, CongestionFeedback):
                self._read_congestion_feedback(packet, news, now_ns)
            elif isinstance(packet, ReceiverReport):
                self._read_report(packet, news, now_ns)
        return self._feedback(news, now_ns)

    def _feedback(self, news: _News, now_ns: int) -> Feedback | None:
        packets = []
        acked_before = self._highest_acked
        for sequence in sorted(news.fates):
            sent = self._sent.get(sequence)
            arrival_ns = news.fates[sequence]
            if sent is None or sent.arrived or (sent.lost and arrival_ns is None):
                continue
            sent.lost = arrival_ns is None
            sent.arrived = not sent.lost
            packets.append(PacketReport(sequence, sent.size_bytes, sent.sent_ns, arrival_ns))
            if sent.arrived:
                self._highest_acked = max(self._highest_acked, sequence)
        if not packets and news.reported_loss is None:
            return None
        acked = range(acked_before + 1, self._highest_acked + 1)
        flying = range(self._highest_acked + 1, self._highest_sent + 1)
        feedback = Feedback(now_ns, tuple(packets), news.rtt_ns, news.reported_loss)
        return replace(
            feedback,
            newly_acked_bytes=self._bytes_of(acked),
            in_flight_bytes=self._bytes_of(flying),
            sent_bytes=self._sent_bytes,
        )

    def _bytes_of(self, sequences: range) -> int:
        oldest = next(iter(self._sent), 0)
        sent = (self._sent.get(n) for n in range(max(oldest, sequences.start), sequences.stop))
        return sum(each.size_bytes for each in sent if each is not None)

    def _read_transport_feedback(self, packet: TransportFeedback, news: _News, now_ns: int) -> None:
        if self._reference is None:
            self._reference = packet.reference
        reference = unwrap(packet.reference, self._reference, REFERENCE_BITS)
        self._reference = max(self._reference, reference)
        base = unwrap(packet.base_sequence, self._highest_sent)
        latest: tuple[int, int] | None = None
        for sequence, ticks in enumerate(packet.arrivals, base):
            arrival_ns = None if ticks is None else (reference * REFERENCE_TICKS + ticks) * TICK_NS
            self._note(news, sequence, arrival_ns)
            if arrival_ns is not None and sequence in self._sent:
                latest = max(latest or (arrival_ns, sequence), (arrival_ns, sequence))
        if latest is not None:
            # The report does not state the time at the receiver, which is shortest for the latest arrival.
            self._note_rtt(news, latest[1], now_ns, 0)

    def _read_congestion_feedback(self, packet: CongestionFeedback, news: _News, now_ns: int) -> None:
        if self._report_time is None:
            self._report_time = packet.report_timestamp
        report_time = unwrap(packet.report_timestamp, self._report_time, 32)
        self._report_time = max(self._report_time, report_time)
        report_ns = report_time * 1_000_000_000 >> 16
        for stream in packet.streams:
            if stream.ssrc != self._media_ssrc:
                continue
            base = unwrap(stream.begin_sequence, self._highest_sent)
            kept: tuple[int, int] | None = None
            for sequence, arrival in enumerate(stream.arrivals, base):
                if arrival is None:
                    self._note(news, sequence, None)
                elif arrival.offset != OFFSET_UNKNOWN:
                    held_ns = arrival.offset * 1_000_000_000 // OFFSETS_PER_SECOND
                    self._note(news, sequence, report_ns - held_ns)
                    if sequence in self._sent:
                        kept = min(kept or (held_ns, -sequence), (held_ns, -sequence))
            if kept is not None:
                self._note_rtt(news, -kept[1], now_ns, kept[0])

    def _read_report(self, packet: ReceiverReport, news: _News, now_ns: int) -> None:
        for block in packet.blocks:
            if block.ssrc != self._media_ssrc:
                continue
            news.reported_loss = block.fraction_lost / 256
            if block.last_sr:
                trip = ntp32(now_ns) - block.delay_since_last_sr - block.last_sr & 0xFFFF_FFFF
                trip_ns = trip * 1_000_000_000 >> 16
                if trip_ns <= _LONGEST_RTT_NS:
                    news.rtt_ns = trip_ns

    def _note(self, news: _News, sequence: int, arrival_ns: int | None) -> None:
        """Take the report of a packet as arrived or lost; of two contrary reports "arrived" counts."""
        if sequence in self._sent and news.fates.get(sequence) is None:
            news.fates[sequence] = arrival_ns

    def _note_rtt(self, news: _News, sequence: int, now_ns: int, held_ns: int) -> None:
        rtt_ns = now_ns - self._sent[sequence].sent_ns - held_ns
        if 0 <= rtt_ns <= _LONGEST_RTT_NS and not self._sent[sequence].arrived:
            news.rtt_ns = rtt_ns
