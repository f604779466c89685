"""Google congestion control (draft-ietf-rmcat-gcc-02), at the sender, on feedback of single packets.

The delay half (`testbed.congestion.gcc_delay`) detects a growing queue; its rate rises gently and falls by a
factor (section 5.5). The loss half bounds it (section 6). The target is the smaller.

Where this differs from the draft: the delay's trend is libwebrtc's line fit, not the Kalman filter. Reports
come every 50 to 100 ms, so the additive increase is scaled to time as in libwebrtc; the loss half acts on the
losses since its last action, on 20 packets or more, at most once in 200 ms upward and once in 300 ms and a
round trip downward, and falls from the target in force; and a decrease for delay is followed by another only
after a round trip. There is no probing (the draft has none). The expected packet size is the measured mean,
since speech has a constant packet interval at any rate. R_hat is measured at the sender, from reports: if
reports are lost, it is too low, as in libwebrtc, and so is the target.
"""

import math
from typing import ClassVar, Literal

from pydantic import Field

from testbed.congestion.controller import BoundedController, ControllerParameters
from testbed.congestion.feedback import Feedback
from testbed.congestion.gcc_delay import THRESHOLD_DOWN, THRESHOLD_UP, DelayDetector, Usage
from testbed.congestion.rate import RateMeter

RATE_WINDOW_MS = 500.0
RATE_EXCESS = 1.5
AVERAGE_WEIGHT = 0.05
LOSS_RISE = 1.05
LOSS_RISE_NS = 200_000_000
LOSS_FALL_NS = 300_000_000
LEAST_LOSS_PACKETS = 20
DEFAULT_RTT_NS = 200_000_000
SHORTEST_FALL_NS, LONGEST_FALL_NS = 10_000_000, 200_000_000


class Gcc(ControllerParameters):
    """Google congestion control.

    Attributes
    ----------
    decrease
        Factor of the received rate that remains when the queue grows: beta of section 5.5.
    increase_per_s
        Factor by which the rate grows per second far from convergence: eta of section 5.5.
    low_loss
        Share of packets lost below which the loss-based rate rises (section 6).
    high_loss
        Share of packets lost above which the loss-based rate falls (section 6).
    least_increase_kbps_per_s
        Slowest additive increase; 4 in libwebrtc.
    threshold_up
        Gain with which the threshold of the overuse detector rises: K_u of section 5.4; default: libwebrtc's.
        The draft's is 0.01.
    threshold_down
        Gain with which that threshold falls: K_d; default: libwebrtc's. With the draft's 0.00018 it stays
        high for long, and the flow competes with TCP. With the default it soon falls to its minimum, and a
        TCP flow that fills the queue drives the rate to its minimum, too.
    """

    # On receiver reports its loss half works alone.
    needs_arrivals: ClassVar[bool] = False
    controller: Literal["gcc"] = "gcc"
    decrease: float = Field(0.85, gt=0, lt=1)
    increase_per_s: float = Field(1.08, gt=1, le=10)
    low_loss: float = Field(0.02, ge=0, le=1)
    high_loss: float = Field(0.1, ge=0, le=1)
    least_increase_kbps_per_s: float = Field(4.0, ge=0, le=1000)
    threshold_up: float = Field(THRESHOLD_UP, gt=0, le=1)
    threshold_down: float = Field(THRESHOLD_DOWN, gt=0, le=1)

    def build(self) -> "GccController":
        return GccController(self)


class GccController(BoundedController):
    """State of one sender's Google congestion control."""

    def __init__(self, parameters: Gcc) -> None:
        super().__init__(parameters)
        self._parameters = parameters
        self._detector = DelayDetector(parameters.threshold_up, parameters.threshold_down)
        self._received = RateMeter(RATE_WINDOW_MS)
        self._delay_rate = DelayRate(parameters)
        self._loss_kbps = parameters.start_kbps
        self._loss_at_ns: int | None = None
        self._lost = self._counted = 0
        self._reports: list[float] = []
        self._rtt_ns = DEFAULT_RTT_NS

    def update(self, feedback: Feedback) -> float:
        if feedback.rtt_ns is not None:
            self._rtt_ns = feedback.rtt_ns
        for packet in feedback.arrived:
            assert packet.arrival_ns is not None
            self._received.add(packet.arrival_ns, packet.size_bytes)
            self._detector.add(packet)
        target_kbps = self._loss_bound(feedback)
        if feedback.arrived:
            size_bits = 8 * sum(p.size_bytes for p in feedback.arrived) / len(feedback.arrived)
            delay_kbps = self._delay_rate.update(
                self._detector.usage, self._received.kbps(), size_bits, self._rtt_ns, feedback.now_ns
            )
            target_kbps = min(target_kbps, delay_kbps)
        elif self._delay_rate.started:
            target_kbps = min(target_kbps, self._delay_rate.kbps)
        return target_kbps

    def resume(self, target_kbps: float) -> None:
        self._loss_kbps = target_kbps
        self._delay_rate.kbps = target_kbps

    def _loss_bound(self, feedback: Feedback) -> float:
        """Return the rate that loss allows (section 6)."""
        self._lost += feedback.lost_packets
        self._counted += len(feedback.packets)
        if feedback.reported_loss is not None:
            self._reports.append(feedback.reported_loss)
        if self._loss_at_ns is None:
            self._loss_at_ns = feedback.now_ns
        if self._reports:
            loss = sum(self._reports) / len(self._reports)
        elif self._counted >= LEAST_LOSS_PACKETS:
            loss = self._lost / self._counted
        else:
            return self._loss_kbps
        elapsed_ns = feedback.now_ns - self._loss_at_ns
        falls = loss > self._parameters.high_loss
        if elapsed_ns < (LOSS_FALL_NS + self._rtt_ns if falls else LOSS_RISE_NS):
            return self._loss_kbps
        if falls:
            self._loss_kbps = min(self._loss_kbps, self._target_kbps) * (1 - 0.5 * loss)
        elif loss < self._parameters.low_loss:
            self._loss_kbps *= LOSS_RISE
        self._loss_kbps = self._bounded(self._loss_kbps)
        self._loss_at_ns = feedback.now_ns
        self._lost = self._counted = 0
        self._reports.clear()
        return self._loss_kbps


class DelayRate:
    """The rate that the delay allows: hold, increase or decrease (section 5.5).

    Attributes
    ----------
    kbps
        The rate, A_hat.
    started
        Whether any report on arrivals came.
    """

    def __init__(self, parameters: Gcc) -> None:
        self.kbps = parameters.start_kbps
        self.started = False
        self._parameters = parameters
        self._state: Literal["hold", "increase", "decrease"] = "increase"
        self._updated_ns: int | None = None
        self._decreased_ns: int | None = None
        self._average_kbps: float | None = None
        self._variance = 0.0

    def update(
        self, usage: Usage, received_kbps: float | None, size_bits: float, rtt_ns: int, now_ns: int
    ) -> float:
        """Take the detector's signal and the received rate R_hat; return the new rate."""
        self.started = True
        before_ns = now_ns if self._updated_ns is None else self._updated_ns
        elapsed_s = min(1.0, max(0.0, (now_ns - before_ns) / 1e9))
        self._updated_ns = now_ns
        self._state = _next_state(self._state, usage)
        if self._state == "increase":
            self._increase(received_kbps, size_bits, rtt_ns, elapsed_s)
        elif self._state == "decrease" and received_kbps is not None:
            self._decrease(received_kbps, rtt_ns, now_ns)
        self.kbps = min(self._parameters.max_kbps, max(self._parameters.min_kbps, self.kbps))
        return self.kbps

    def _increase(self, received_kbps: float | None, size_bits: float, rtt_ns: int, elapsed_s: float) -> None:
        if self._is_near(received_kbps):
            response_s = 0.1 + rtt_ns / 1e9
            half_packet_kbps_per_s = 0.5 * size_bits / 1000 / response_s
            rise = max(self._parameters.least_increase_kbps_per_s, half_packet_kbps_per_s)
            raised_kbps = self.kbps + rise * elapsed_s
        else:
            raised_kbps = self.kbps * self._parameters.increase_per_s**elapsed_s
        if received_kbps is not None:
            raised_kbps = min(raised_kbps, max(self.kbps, RATE_EXCESS * received_kbps))
        self.kbps = raised_kbps

    def _is_near(self, received_kbps: float | None) -> bool:
        """Say whether the rate is near what over-use ended before: within three standard deviations."""
        if self._average_kbps is None or received_kbps is None:
            return False
        allowed_kbps = 3 * math.sqrt(self._variance * self._average_kbps)
        if received_kbps > self._average_kbps + allowed_kbps:
            self._average_kbps = None
            return False
        return received_kbps > self._average_kbps - allowed_kbps

    def _decrease(self, received_kbps: float, rtt_ns: int, now_ns: int) -> None:
        pause_ns = min(LONGEST_FALL_NS, max(SHORTEST_FALL_NS, rtt_ns))
        again = self._decreased_ns is not None and now_ns - self._decreased_ns < pause_ns
        if again and received_kbps >= 0.5 * self.kbps:
            return
        self._decreased_ns = now_ns
        self.kbps = min(self.kbps, self._parameters.decrease * received_kbps)
        if self._average_kbps is None:
            self._average_kbps = received_kbps
            self._variance = 0.4
            return
        difference_kbps = received_kbps - self._average_kbps
        self._average_kbps += AVERAGE_WEIGHT * difference_kbps
        normal = max(self._average_kbps, 1.0)
        self._variance += AVERAGE_WEIGHT * (difference_kbps**2 / normal - self._variance)
        self._variance = min(2.5, max(0.4, self._variance))


def _next_state(
    state: Literal["hold", "increase", "decrease"], usage: Usage
) -> Literal["hold", "increase", "decrease"]:
    """Return the next state of the rate controller (section 5.5, table 1)."""
    if usage == "overuse":
        return "decrease"
    if usage == "underuse" or state == "decrease":
        return "hold"
    return "increase"
