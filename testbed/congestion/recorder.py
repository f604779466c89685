"""The receiving side of feedback: arrivals of packets, and RTCP reports on them.

Every recorder takes packets as they arrive and returns the bytes of a report on request;
`testbed.congestion.reporting` determines the times. All are plain state machines whose time is a parameter.
"""

from typing import Protocol

from testbed.codecs.rtcp.ccfb import (
    MAX_OFFSET,
    OFFSET_TOO_LONG,
    OFFSETS_PER_SECOND,
    CongestionFeedback,
    ReportedArrival,
    StreamReport,
)
from testbed.codecs.rtcp.header import ntp32, unwrap
from testbed.codecs.rtcp.report import ReceiverReport, ReportBlock, SenderReport
from testbed.codecs.rtcp.transport_wide import REFERENCE_BITS, REFERENCE_TICKS, TICK_NS, TransportFeedback
from testbed.codecs.rtp.packet import CLOCK_HZ

MAX_SPAN = 4096
"""Packets from the first to the last of one report; older ones are left out."""
_REMEMBERED_NS = 500_000_000
_HIGHEST_DELTA = 0x7FFF


class Recorder(Protocol):
    """Takes packets as they arrive, and returns reports."""

    def on_packet(self, sequence: int, arrival_ns: int, timestamp: int = 0) -> None:
        """Take a packet.

        Parameters
        ----------
        sequence
            The 16 bits on the wire: the transport-wide number for transport-wide feedback, RTP's for others.
        arrival_ns
            Time of arrival.
        timestamp
            Its RTP timestamp; only receiver reports use it.
        """

    def feedback(self, now_ns: int) -> bytes:
        """Return the RTCP to send now; empty if there is nothing to report."""


class TransportRecorder:
    """Transport-wide feedback: each report continues after the previous one.

    A late packet, below those already reported, is reported together with all later packets that arrived in
    the last half second, so that no packet reported as arrived is reported as lost later.
    """

    def __init__(self, ssrc: int, media_ssrc: int) -> None:
        self._ssrc = ssrc
        self._media_ssrc = media_ssrc
        self._arrivals: dict[int, int] = {}
        self._unreported: set[int] = set()
        self._highest = -1
        self._next: int | None = None
        self._forgotten_below: int | None = None
        self._count = 0

    def on_packet(self, sequence: int, arrival_ns: int, timestamp: int = 0) -> None:
        number = unwrap(sequence, self._highest) if self._highest >= 0 else sequence
        if number in self._arrivals or number <= self._highest - MAX_SPAN:
            return
        if self._forgotten_below is not None and number < self._forgotten_below:
            return
        self._highest = max(self._highest, number)
        self._arrivals[number] = arrival_ns
        self._unreported.add(number)

    def feedback(self, now_ns: int) -> bytes:
        if not self._unreported:
            return b""
        begin = min(self._unreported) if self._next is None else min(self._next, *self._unreported)
        begin = max(begin, self._highest - MAX_SPAN + 1)
        messages = []
        while begin <= self._highest:
            message = self._message(begin)
            if message is None:
                break
            messages.append(message.serialize())
            begin += len(message.arrivals)
        self._unreported.clear()
        self._next = self._highest + 1
        self._forget(now_ns - _REMEMBERED_NS)
        return b"".join(messages)

    def _forget(self, before_ns: int) -> None:
        """Forget old arrivals, which can no longer be distinguished from losses."""
        old = [number for number, at_ns in self._arrivals.items() if at_ns < before_ns]
        if old:
            self._forgotten_below = below = max(old) + 1
            self._arrivals = {n: at_ns for n, at_ns in self._arrivals.items() if n >= below}

    def _message(self, begin: int) -> TransportFeedback | None:
        """Return the message on the packets from `begin` to the highest, or to the limit of its 16 bits."""
        received = sorted(number for number in self._arrivals if number >= begin)
        if not received:
            return None
        reference = self._arrivals[received[0]] // TICK_NS // REFERENCE_TICKS
        ticks = {
            number: self._arrivals[number] // TICK_NS - reference * REFERENCE_TICKS for number in received
        }
        before, end = 0, self._highest + 1
        for number in received:
            if abs(ticks[number] - before) > _HIGHEST_DELTA:
                end = number
                break
            before = ticks[number]
        arrivals = tuple(ticks.get(number) for number in range(begin, end))
        count, self._count = self._count, self._count + 1
        reference %= 1 << REFERENCE_BITS
        return TransportFeedback(
            self._ssrc, self._media_ssrc, begin & 0xFFFF, reference, count & 0xFF, arrivals
        )


class CongestionRecorder:
    """RFC 8888 feedback; each report also repeats the previous one, so that one lost report does no harm."""

    def __init__(self, ssrc: int, media_ssrc: int) -> None:
        self._ssrc = ssrc
        self._media_ssrc = media_ssrc
        self._arrivals: dict[int, int] = {}
        self._highest = -1
        self._begin: int | None = None
        self._next: int | None = None
        self._news = False

    def on_packet(self, sequence: int, arrival_ns: int, timestamp: int = 0) -> None:
        number = unwrap(sequence, self._highest) if self._highest >= 0 else sequence
        if number in self._arrivals or number <= self._highest - MAX_SPAN:
            return
        if self._begin is not None and number < self._begin:
            return
        self._highest = max(self._highest, number)
        self._arrivals[number] = arrival_ns
        self._news = True

    def feedback(self, now_ns: int) -> bytes:
        if not self._news:
            return b""
        begin = self._begin if self._begin is not None else min(self._arrivals)
        begin = max(begin, self._highest - MAX_SPAN + 1)
        arrivals = tuple(self._arrival(number, now_ns) for number in range(begin, self._highest + 1))
        stream = StreamReport(self._media_ssrc, begin & 0xFFFF, arrivals)
        self._begin = begin if self._next is None else self._next
        self._next = self._highest + 1
        self._arrivals = {n: at_ns for n, at_ns in self._arrivals.items() if n >= self._begin}
        self._news = False
        return CongestionFeedback(self._ssrc, (stream,), ntp32(now_ns)).serialize()

    def _arrival(self, number: int, now_ns: int) -> ReportedArrival | None:
        arrival_ns = self._arrivals.get(number)
        if arrival_ns is None:
            return None
        offset = (now_ns - arrival_ns) * OFFSETS_PER_SECOND // 1_000_000_000
        return ReportedArrival(offset if offset <= MAX_OFFSET else OFFSET_TOO_LONG)


class ReportRecorder:
    """Receiver reports: statistics as in RFC 3550, appendix A.3 (loss) and A.8 (jitter)."""

    def __init__(self, ssrc: int, media_ssrc: int) -> None:
        self._ssrc = ssrc
        self._media_ssrc = media_ssrc
        self._base = -1
        self._highest = -1
        self._received = 0
        self._expected_before = 0
        self._received_before = 0
        self._jitter = 0.0
        self._transit: int | None = None
        self._last_sr = 0
        self._last_sr_ns = 0

    def on_packet(self, sequence: int, arrival_ns: int, timestamp: int = 0) -> None:
        if self._base < 0:
            self._base = self._highest = sequence
        self._highest = max(self._highest, unwrap(sequence, self._highest))
        self._received += 1
        transit = arrival_ns * CLOCK_HZ // 1_000_000_000 - timestamp & 0xFFFF_FFFF
        if self._transit is not None:
            change = abs(unwrap(transit - self._transit & 0xFFFF_FFFF, 0, 32))
            self._jitter += (change - self._jitter) / 16
        self._transit = transit

    def on_sender_report(self, report: SenderReport, now_ns: int) -> None:
        """Remember a sender report; the sender derives the round-trip time from its repetition."""
        self._last_sr = report.ntp >> 16 & 0xFFFF_FFFF
        self._last_sr_ns = now_ns

    def feedback(self, now_ns: int) -> bytes:
        if self._base < 0:
            return b""
        expected = self._highest - self._base + 1
        expected_now = expected - self._expected_before
        lost_now = expected_now - (self._received - self._received_before)
        self._expected_before, self._received_before = expected, self._received
        fraction = min(255, (lost_now << 8) // expected_now) if expected_now and lost_now > 0 else 0
        lost = max(-(1 << 23), min((1 << 23) - 1, expected - self._received))
        delay = (now_ns - self._last_sr_ns << 16) // 1_000_000_000 if self._last_sr else 0
        block = ReportBlock(
            self._media_ssrc,
            fraction,
            lost,
            self._highest & 0xFFFF_FFFF,
            int(self._jitter),
            self._last_sr,
            min(delay, 0xFFFF_FFFF),
        )
        return ReceiverReport(self._ssrc, (block,)).serialize()
