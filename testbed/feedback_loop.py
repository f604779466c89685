"""The closed loop of one flow: reports of the receiver, and the target rate derived by the sender.

`FeedbackSender` is at the receiver of media and sends RTCP on the reverse channel. `FeedbackReceiver` is at
the sender of media, takes that RTCP and holds the controller's target. Reports can be late or lost.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import simpy

from testbed.channels.clock import Clock
from testbed.channels.packet import Packet
from testbed.channels.stage import Out
from testbed.codecs.rtp.extension import EXTENSION_BYTES, transport_sequence, with_transport_sequence
from testbed.codecs.rtp.packet import RtpPacket
from testbed.congestion.controller import Controller
from testbed.congestion.feedback import Feedback
from testbed.congestion.history import SentHistory
from testbed.congestion.reporting import REPORT_OVERHEAD_BYTES, Reporter, Reporting


@dataclass(frozen=True, slots=True)
class TargetDecision:
    """The target after a report.

    Attributes
    ----------
    time_ns
        Arrival time of the report.
    target_kbps
        The new target on the wire, headers included.
    fraction_lost
        Share of lost packets among those that the report covers.
    rtt_ms
        Round-trip time, or NaN.
    """

    time_ns: int
    target_kbps: float
    fraction_lost: float
    rtt_ms: float


class FeedbackSender:
    """Sends reports about one flow until the flow ends.

    Parameters
    ----------
    env, reporting
        The clock, and the format and interval of reports.
    ssrc, media_ssrc
        SSRC of the receiver, and of the stream that it reports on.
    flow
        Name of the flow, also of its reports.
    out
        Entrance of the reverse channel.
    """

    def __init__(
        self, env: Clock, reporting: Reporting, ssrc: int, media_ssrc: int, flow: str, out: Out
    ) -> None:
        self._env = env
        self._reporter = Reporter(reporting, ssrc, media_ssrc)
        self._is_transport_wide = reporting.format == "transport_wide"
        self._flow = flow
        self._out = out
        self._sent = 0

    def on_packet(self, packet: Packet) -> None:
        """Take an RTP packet that arrived."""
        rtp = RtpPacket.parse(packet.payload)
        found = transport_sequence(packet.payload) if self._is_transport_wide else None
        sequence = rtp.sequence if found is None else found
        self._reporter.on_packet(sequence, packet.size_bytes, self._env.now, rtp.timestamp)

    def run(self, end_ns: int) -> Generator[simpy.Event, Any, None]:
        """Report until `end_ns`."""
        next_ns = self._reporter.first_ns
        while next_ns < end_ns:
            yield self._env.timeout(next_ns - self._env.now)
            data, next_ns = self._reporter.report(self._env.now)
            if data:
                size_bytes = len(data) + REPORT_OVERHEAD_BYTES
                self._out(Packet(size_bytes, self._env.now, self._sent, self._flow, data))
                self._sent += 1


class FeedbackReceiver:
    """Matches reports with the packets sent, and holds the target of the controller.

    Parameters
    ----------
    env, controller, reporting
        The clock, the controller, and the format of reports.
    media_ssrc
        SSRC of the stream.
    on_feedback
        Called with the feedback of each report.

    Attributes
    ----------
    decisions
        All targets, with their time and cause.
    """

    def __init__(
        self,
        env: Clock,
        controller: Controller,
        reporting: Reporting,
        media_ssrc: int,
        on_feedback: Callable[[Feedback], object] = lambda feedback: None,
    ) -> None:
        self.decisions: list[TargetDecision] = []
        self._env = env
        self._controller = controller
        self._is_transport_wide = reporting.format == "transport_wide"
        self._history = SentHistory(media_ssrc)
        self._on_feedback = on_feedback

    @property
    def target_kbps(self) -> float:
        """The current target on the wire."""
        return self._controller.target_kbps(self._env.now)

    @property
    def extension_bytes(self) -> int:
        """Bytes that the feedback format adds to every packet."""
        return EXTENSION_BYTES if self._is_transport_wide else 0

    def stamp(self, rtp: bytes, sequence: int) -> bytes:
        """Return an RTP packet with the header extension that the feedback format needs."""
        return with_transport_sequence(rtp, sequence & 0xFFFF) if self._is_transport_wide else rtp

    def on_sent(self, packet: Packet) -> None:
        """Add a packet to the history."""
        self._history.on_sent(packet.sequence, packet.size_bytes, packet.sent_ns)

    def put(self, packet: Packet) -> None:
        """Take an RTCP packet."""
        feedback = self._history.on_rtcp(packet.payload, self._env.now)
        if feedback is None:
            return
        target_kbps = self._controller.on_feedback(feedback)
        rtt_ms = float("nan") if feedback.rtt_ns is None else feedback.rtt_ns / 1e6
        self.decisions.append(TargetDecision(self._env.now, target_kbps, feedback.fraction_lost, rtt_ms))
        self._on_feedback(feedback)
