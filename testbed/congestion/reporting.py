"""Feedback of a receiver: its format, and an interval that follows the received rate."""

from typing import Literal

from pydantic import Field, model_validator

from testbed.codecs import rtcp
from testbed.codecs.rtcp import SenderReport
from testbed.codecs.rtp.packet import IPV4_HEADER_BYTES, UDP_HEADER_BYTES
from testbed.congestion.recorder import CongestionRecorder, Recorder, ReportRecorder, TransportRecorder
from testbed.parameters import Parameters

REPORT_OVERHEAD_BYTES = UDP_HEADER_BYTES + IPV4_HEADER_BYTES


class Reporting(Parameters):
    """Feedback of a receiver: `{format: transport_wide, min_interval_ms: 50, ...}`.

    Attributes
    ----------
    format
        ``transport_wide`` (draft-holmer-rmcat-transport-wide-cc-extensions), ``ccfb`` (RFC 8888) or
        ``receiver_report`` (RFC 3550), which does not report single packets.
    min_interval_ms
        Shortest time between two reports; 50 ms in libwebrtc.
    max_interval_ms
        Longest time between two reports. RFC 8698 asks for 100 ms, RFC 8298 for 10 reports per second.
    share
        Largest share of the received rate that reports take, within these intervals; default: the 0.05 that
        RFC 3550, section 6.2, allows all of RTCP.
    """

    format: Literal["transport_wide", "ccfb", "receiver_report"] = "transport_wide"
    min_interval_ms: float = Field(50.0, ge=1, le=60_000)
    max_interval_ms: float = Field(100.0, ge=1, le=60_000)
    share: float = Field(0.05, gt=0, le=1)

    @model_validator(mode="after")
    def _ordered(self) -> "Reporting":
        if self.min_interval_ms > self.max_interval_ms:
            raise ValueError("min_interval_ms is above max_interval_ms")
        return self

    @property
    def arrivals_known(self) -> bool:
        """True if the format holds arrival times of single packets; most controllers need them."""
        return self.format != "receiver_report"

    def recorder(self, ssrc: int, media_ssrc: int) -> Recorder:
        """Return a fresh recorder."""
        if self.format == "transport_wide":
            return TransportRecorder(ssrc, media_ssrc)
        if self.format == "ccfb":
            return CongestionRecorder(ssrc, media_ssrc)
        return ReportRecorder(ssrc, media_ssrc)

    def interval_ns(self, report_bytes: int, received_kbps: float) -> int:
        """Return the time from a report to the next one.

        Parameters
        ----------
        report_bytes
            RTCP bytes of the report just sent; UDP and IPv4 come on top.
        received_kbps
            Rate of the packets that arrived since the previous report.
        """
        allowed_kbps = self.share * received_kbps
        bits = 8 * (report_bytes + REPORT_OVERHEAD_BYTES)
        wanted_ms = bits / allowed_kbps if allowed_kbps > 0 else self.max_interval_ms
        return round(1e6 * min(self.max_interval_ms, max(self.min_interval_ms, wanted_ms)))


class Reporter:
    """A receiver's side of feedback: takes packets, and returns reports and the times to send them.

    Parameters
    ----------
    reporting
        Format and interval.
    ssrc, media_ssrc
        SSRC of the receiver, and of the stream that it reports on.
    """

    def __init__(self, reporting: Reporting, ssrc: int, media_ssrc: int) -> None:
        self._reporting = reporting
        self._recorder = reporting.recorder(ssrc, media_ssrc)
        self._received_bytes = 0
        self._reported_ns = 0

    @property
    def first_ns(self) -> int:
        """Time of the first report: one shortest interval after the start of the call."""
        return round(1e6 * self._reporting.min_interval_ms)

    def on_packet(self, sequence: int, size_bytes: int, arrival_ns: int, timestamp: int = 0) -> None:
        """Take a packet that arrived; for `sequence` and `timestamp` see `Recorder.on_packet`."""
        self._received_bytes += size_bytes
        self._recorder.on_packet(sequence, arrival_ns, timestamp)

    def on_rtcp(self, data: bytes, now_ns: int) -> None:
        """Take RTCP of the sender: sender reports, which receiver reports answer.

        Raises
        ------
        CodecError
            If the bytes are not RTCP, or damaged.
        """
        if isinstance(self._recorder, ReportRecorder):
            for packet in rtcp.parse(data):
                if isinstance(packet, SenderReport):
                    self._recorder.on_sender_report(packet, now_ns)

    def report(self, now_ns: int) -> tuple[bytes, int]:
        """Return the RTCP to send now (empty: none), and the time of the next report."""
        data = self._recorder.feedback(now_ns)
        if not data:
            return data, now_ns + self.first_ns
        elapsed_ms = max(1.0, (now_ns - self._reported_ns) / 1e6)
        received_kbps = 8 * self._received_bytes / elapsed_ms
        self._received_bytes, self._reported_ns = 0, now_ns
        return data, now_ns + self._reporting.interval_ns(len(data), received_kbps)
