"""Self-clocked rate adaptation for multimedia (RFC 8298), for speech.

A window of bytes in flight grows and shrinks with the queueing delay and with loss (section 4.1.2); the media
rate follows the throughput of the window (section 4.1.3). Simplified for audio: speech never waits in a queue
at the sender, since a late packet is worth nothing. The bytes that the window would have held back are in
flight beyond it instead, and this excess replaces the RFC's RTP queue in the rate control. There is no
pacing. The RFC's segment of 1000 bytes and smallest window of 3000 bytes are meant for video, and would have
no effect at the rates of speech. Here the segment is the largest packet seen, and the smallest window is
three segments. While there is such an excess the rate moves by the difference of throughput and target, as in
Ericsson's implementation: the RFC's pseudocode, which always adds the throughput itself, grows while its
queue does, and relies on the sender's queue to hold that off the network. The default of RAMP_UP_SPEED is a
tenth of the RFC's, like the rates of speech compared with those of video. There is no ECN, and one stream.
The compensation for competing flows (section 4.1.2.3) can be switched off, as the RFC permits; on a narrow
link with a deep queue it mistakes the call's own losses for those of another flow, as the RFC warns, and the
queue stays long.
"""

import math
import statistics
from collections import deque
from itertools import pairwise
from typing import Literal

from pydantic import Field

from testbed.congestion.controller import BoundedController, ControllerParameters
from testbed.congestion.delay import QueueDelay
from testbed.congestion.feedback import Feedback
from testbed.congestion.rate import RateMeter

RATE_ADJUST_NS = 200_000_000
HISTORY_NS = 50_000_000
QDELAY_WEIGHT = 0.1
QDELAY_TREND_TH = QDELAY_TREND_LO = 0.2
RESUME_NS = 5_000_000_000
IN_FLIGHT_NS = 5_000_000_000
HEAD_ROOM = 1.1
LEAST_WINDOW_SEGMENTS = 3
RTP_QDELAY_TH_MS = 20.0
TARGET_RATE_SCALE_RTP_QDELAY = 0.95
RATE_WINDOW_MS = 500.0
DEFAULT_RTT_MS = 100.0


class Scream(ControllerParameters):
    """SCReAM; parameters are the RFC's constants (section 4.1.1.1), in this project's units.

    Attributes
    ----------
    qdelay_target_lo_ms
        Target of the queuing delay: QDELAY_TARGET_LO.
    qdelay_target_hi_ms
        Upper bound of that target when flows that fill the queue compete: QDELAY_TARGET_HI.
    gain
        Gain of the adjustment of the congestion window: GAIN.
    beta_loss
        Factor of the congestion window that remains after a loss event: BETA_LOSS.
    beta_r
        Factor of the target rate that remains after a loss event: BETA_R.
    ramp_up_speed_kbps_per_s
        Fastest increase of the target rate: RAMP_UP_SPEED.
    pre_congestion_guard
        Caution before the queue reaches its target; more lowers the target rate: PRE_CONGESTION_GUARD.
    tx_queue_size_factor
        Caution while packets wait at the sender; more lowers the target rate: TX_QUEUE_SIZE_FACTOR.
    compensates_competing_flows
        Whether the delay target rises when flows that fill the queue compete (section 4.1.2.1).
    """

    controller: Literal["scream"] = "scream"
    qdelay_target_lo_ms: float = Field(100.0, gt=0, le=10_000)
    qdelay_target_hi_ms: float = Field(400.0, gt=0, le=10_000)
    gain: float = Field(1.0, gt=0, le=10)
    beta_loss: float = Field(0.8, gt=0, le=1)
    beta_r: float = Field(0.9, gt=0, le=1)
    ramp_up_speed_kbps_per_s: float = Field(20.0, gt=0, le=1e6)
    pre_congestion_guard: float = Field(0.1, ge=0, le=1)
    tx_queue_size_factor: float = Field(1.0, ge=0, le=10)
    compensates_competing_flows: bool = True

    def build(self) -> "ScreamController":
        return ScreamController(self)


class ScreamWindow:
    """The network's half: the number of bytes that may be in flight (section 4.1.2)."""

    def __init__(self, parameters: Scream) -> None:
        self.fast_increase = True
        self.trend = self.trend_memory = 0.0
        self.segment_bytes = 0
        self.window_bytes = 0.0
        self.queue_ms = 0.0
        self._parameters = parameters
        self._queue = QueueDelay()
        self._target_ms = parameters.qdelay_target_lo_ms
        self._fraction = 0.0
        self._fractions: deque[float] = deque(maxlen=20)
        self._sampled_ns: int | None = None
        self._norms: deque[float] = deque(maxlen=200)
        self._in_flight: deque[tuple[int, int]] = deque()
        self._reduced_ns: int | None = None
        self._calm_since_ns: int | None = None
        self._loss_events = 0.0

    def update(self, feedback: Feedback, rtt_ms: float) -> bool:
        """Take a report; return whether it is a loss event, of which there is at most one per round trip."""
        for packet in feedback.packets:
            self.segment_bytes = max(self.segment_bytes, packet.size_bytes)
        least_bytes = LEAST_WINDOW_SEGMENTS * self.segment_bytes
        self.window_bytes = max(self.window_bytes, least_bytes)
        for packet in feedback.arrived:
            self.queue_ms = self._queue.add(packet)
            self._follow_delay(packet.arrival_ns or 0)
        self._remember_flight(feedback)
        if feedback.lost_packets and self._is_new_event(feedback.now_ns, rtt_ms):
            self._reduced_ns = feedback.now_ns
            self.window_bytes = max(least_bytes, self.window_bytes * self._parameters.beta_loss)
            self.fast_increase = False
            self._loss_events += 0.05 * (1 - self._loss_events)
            return True
        self._loss_events *= 0.99
        self._grow(feedback)
        self.window_bytes = max(self.window_bytes, least_bytes)
        if self._parameters.compensates_competing_flows:
            self._move_target()
        self._resume(feedback.now_ns)
        return False

    def excess_bytes(self, feedback: Feedback) -> float:
        """Return the bytes in flight beyond the send window (section 4.1.2.5), in place of the RTP queue."""
        allowed = self.window_bytes + (self.segment_bytes if self.queue_ms <= self._target_ms else 0)
        return max(0.0, feedback.in_flight_bytes - allowed)

    def _is_new_event(self, now_ns: int, rtt_ms: float) -> bool:
        return self._reduced_ns is None or now_ns - self._reduced_ns >= 1e6 * rtt_ms

    def _follow_delay(self, arrival_ns: int) -> None:
        """Update the delay's average and its trend, the lag-1 autocorrelation of its recent past.

        Each packet in a report is an acknowledgement; the past is sampled every 50 ms of arrivals.
        """
        fraction = self.queue_ms / self._target_ms
        self._fraction += QDELAY_WEIGHT * (fraction - self._fraction)
        if self._sampled_ns is not None and arrival_ns - self._sampled_ns < HISTORY_NS:
            return
        self._sampled_ns = arrival_ns
        self._fractions.append(fraction)
        self._norms.append(self.queue_ms / self._parameters.qdelay_target_lo_ms)
        mean = sum(self._fractions) / len(self._fractions)
        centred = [each - mean for each in self._fractions]
        power = sum(each * each for each in centred)
        lagged = sum(a * b for a, b in pairwise(centred))
        correlation = lagged / power if power > 1e-12 else 0.0
        self.trend = max(0.0, min(1.0, correlation * self._fraction))
        self.trend_memory = max(0.99 * self.trend_memory, self.trend)

    def _remember_flight(self, feedback: Feedback) -> None:
        flown = feedback.in_flight_bytes + feedback.newly_acked_bytes
        self._in_flight.append((feedback.now_ns, flown))
        while self._in_flight[0][0] < feedback.now_ns - IN_FLIGHT_NS:
            self._in_flight.popleft()

    def _grow(self, feedback: Feedback) -> None:
        """Move the window by the delay (section 4.1.2.2)."""
        acked, flying = feedback.newly_acked_bytes, feedback.in_flight_bytes
        if self.fast_increase:
            if self.trend < QDELAY_TREND_TH:
                if flying * 1.5 + acked > self.window_bytes:
                    self.window_bytes += acked
                return
            self.fast_increase = False
        if not self.window_bytes:
            return
        off_target = (self._target_ms - self.queue_ms) / self._target_ms
        step = self._parameters.gain * off_target * acked * self.segment_bytes / self.window_bytes
        if off_target > 0 and flying * 1.25 + acked <= self.window_bytes:
            step = 0.0
        most = max(flown for _, flown in self._in_flight) * HEAD_ROOM
        self.window_bytes = min(self.window_bytes + step, most)

    def _move_target(self) -> None:
        """Allow for flows that fill the queue regardless of its delay (section 4.1.2.3)."""
        low_ms, high_ms = self._parameters.qdelay_target_lo_ms, self._parameters.qdelay_target_hi_ms
        if not self._norms:
            return
        mean = sum(self._norms) / len(self._norms)
        variance = sum((each - mean) ** 2 for each in self._norms) / len(self._norms)
        recent = list(self._norms)[-50:]
        wanted_ms = low_ms * (sum(recent) / len(recent) + math.sqrt(variance))
        if self._loss_events > 0.002:
            self._target_ms = 1.5 * wanted_ms
        elif variance < 0.2:
            self._target_ms = wanted_ms
        elif wanted_ms < low_ms:
            self._target_ms = max(0.5 * self._target_ms, wanted_ms)
        else:
            self._target_ms *= 0.9
        self._target_ms = max(low_ms, min(high_ms, self._target_ms))

    def _resume(self, now_ns: int) -> None:
        """Go back to fast increase after a long calm (section 4.1.2.7)."""
        if self.trend >= QDELAY_TREND_LO:
            self._calm_since_ns = None
        elif self._calm_since_ns is None:
            self._calm_since_ns = now_ns
        elif now_ns - self._calm_since_ns >= RESUME_NS:
            self.fast_increase = True


class ScreamController(BoundedController):
    """The media's half: the target follows the throughput (section 4.1.3)."""

    def __init__(self, parameters: Scream) -> None:
        super().__init__(parameters)
        self._parameters = parameters
        self._window = ScreamWindow(parameters)
        self._sent, self._acked = RateMeter(RATE_WINDOW_MS), RateMeter(RATE_WINDOW_MS)
        self._sent_bytes = 0
        self._rates: deque[float] = deque(maxlen=25)
        self._rtt_ms: float | None = None
        self._rate_kbps = parameters.start_kbps
        self._last_max_kbps: float | None = None
        self._adjusted_ns: int | None = None

    def update(self, feedback: Feedback) -> float:
        if feedback.rtt_ns is not None:
            rtt_ms = feedback.rtt_ns / 1e6
            self._rtt_ms = rtt_ms if self._rtt_ms is None else 0.875 * self._rtt_ms + 0.125 * rtt_ms
        self._sent.add(feedback.now_ns, feedback.sent_bytes - self._sent_bytes)
        self._sent_bytes = feedback.sent_bytes
        for packet in feedback.arrived:
            self._acked.add(packet.arrival_ns or 0, packet.size_bytes)
        if not feedback.packets:
            return self._rate_kbps
        was_fast = self._window.fast_increase
        if self._window.update(feedback, self._rtt_ms or DEFAULT_RTT_MS):
            self._last_max_kbps = self._rate_kbps
            self._rate_kbps = self._bounded(self._parameters.beta_r * self._rate_kbps)
            self._adjusted_ns = feedback.now_ns
            return self._rate_kbps
        if was_fast and not self._window.fast_increase:
            self._last_max_kbps = self._rate_kbps
        if self._adjusted_ns is None:
            self._adjusted_ns = feedback.now_ns
        elif feedback.now_ns - self._adjusted_ns >= RATE_ADJUST_NS:
            elapsed_s = min(1.0, (feedback.now_ns - self._adjusted_ns) / 1e9)
            self._adjusted_ns = feedback.now_ns
            self._adjust(8 * self._window.excess_bytes(feedback) / 1000, elapsed_s)
        return self._rate_kbps

    def resume(self, target_kbps: float) -> None:
        self._rate_kbps = target_kbps

    def _adjust(self, queue_kbit: float, elapsed_s: float) -> None:
        rates = [rate for meter in (self._sent, self._acked) if (rate := meter.kbps(0.4)) is not None]
        if not rates:
            return
        current_kbps = max(rates)
        self._rates.append(current_kbps)
        most = min(self._parameters.ramp_up_speed_kbps_per_s, self._rate_kbps / 2) * elapsed_s
        scale = 1.0
        if self._last_max_kbps is not None:
            distance = (self._rate_kbps - self._last_max_kbps) / self._last_max_kbps
            scale = max(0.2, min(1.0, (4 * distance) ** 2))
        if self._window.fast_increase:
            self._rate_kbps += most * scale
        else:
            guard = 1 - self._parameters.pre_congestion_guard * self._window.trend
            let_through_kbps = current_kbps * guard - self._parameters.tx_queue_size_factor * queue_kbit
            change_kbps = let_through_kbps - (self._rate_kbps if queue_kbit else 0.0)
            self._rate_kbps += min(change_kbps * scale, most) if change_kbps > 0 else change_kbps
            if current_kbps > 0 and 1000 * queue_kbit / current_kbps > RTP_QDELAY_TH_MS:
                self._rate_kbps *= TARGET_RATE_SCALE_RTP_QDELAY
        limit_kbps = max(current_kbps, statistics.median(self._rates)) * (2 - self._window.trend_memory)
        self._rate_kbps = self._bounded(min(self._rate_kbps, limit_kbps))
