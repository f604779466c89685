"""Network-assisted dynamic adaptation (RFC 8698): delay and loss as one congestion signal.

The RFC lets the receiver aggregate; here both halves work at the sender, on feedback of single packets. All
default parameters except the rates are those of the RFC's figure 3. Differences from the RFC: There is no
ECN. The minimum filter over one-way delays (section 5.1.1) takes the packets of the last DFILT = 120 ms, at
most 15, because 15 packets of speech last 300 ms. There is no rate-shaping buffer (section 5.2): speech is
sent at once, so the target is the reference rate itself. The signal is at most `xmax_ms`, as in the authors'
ns-3 model (XMAX of ns3-rmcat): the RFC has no bound, and without one its fall after a burst of losses would,
by equation 7, raise the rate from its minimum to its maximum at once.
"""

import math
from collections import deque
from typing import Literal

from pydantic import Field

from testbed.congestion.controller import BoundedController, ControllerParameters
from testbed.congestion.delay import QueueDelay
from testbed.congestion.feedback import Feedback
from testbed.congestion.rate import RateMeter

FILTER_PACKETS = 15
LOSS_SMOOTHING = 0.1
LOSS_INTERVALS = 8
SHORTEST_STEP_MS, LONGEST_STEP_MS = 20.0, 500.0
DEFAULT_RTT_MS = 100.0


class Nada(ControllerParameters):
    """NADA; parameters have the names and the defaults of the RFC's figure 3.

    Attributes
    ----------
    prio
        Weight of the flow's priority: PRIO.
    xref_ms
        Reference congestion level: XREF.
    kappa
        Scaling of the gradual rate update: KAPPA.
    eta
        Scaling of the change of the congestion signal in the gradual rate update: ETA.
    tau_ms
        Upper bound of the round-trip time in the gradual rate update: TAU.
    delta_ms
        Target interval of feedback: DELTA.
    logwin_ms
        Length of the observation window: LOGWIN.
    qeps_ms
        Queuing delay below which the queue counts as empty: QEPS.
    dfilt_ms
        Window of the minimum filter over one-way delays: DFILT.
    gamma_max
        Upper bound of the rate increase in accelerated ramp-up: GAMMA_MAX.
    qbound_ms
        Upper bound of the queuing delay that a flow causes in accelerated ramp-up: QBOUND.
    multiloss
        Multiple of the mean loss interval after which the last loss expires: MULTILOSS.
    qth_ms
        Queuing delay above which delays are warped: QTH.
    warp_lambda
        Scaling in the exponent of the warping: LAMBDA.
    plrref
        Reference loss ratio, a share of 1: PLRREF.
    dloss_ms
        Delay penalty at the reference loss ratio: DLOSS.
    xmax_ms
        Upper bound of the congestion signal: XMAX of ns3-rmcat; the RFC has none.
    """

    controller: Literal["nada"] = "nada"
    prio: float = Field(1.0, gt=0, le=100)
    xref_ms: float = Field(10.0, gt=0, le=1000)
    kappa: float = Field(0.5, gt=0, le=10)
    eta: float = Field(2.0, ge=0, le=100)
    tau_ms: float = Field(500.0, gt=0, le=10_000)
    delta_ms: float = Field(100.0, gt=0, le=10_000)
    logwin_ms: float = Field(500.0, gt=0, le=60_000)
    qeps_ms: float = Field(10.0, ge=0, le=1000)
    dfilt_ms: float = Field(120.0, ge=0, le=1000)
    gamma_max: float = Field(0.5, ge=0, le=10)
    qbound_ms: float = Field(50.0, ge=0, le=1000)
    multiloss: float = Field(7.0, ge=0, le=100)
    qth_ms: float = Field(50.0, gt=0, le=1000)
    warp_lambda: float = Field(0.5, ge=0, le=10)
    plrref: float = Field(0.01, gt=0, le=1)
    dloss_ms: float = Field(10.0, ge=0, le=1000)
    xmax_ms: float = Field(500.0, gt=0, le=1e6)

    def build(self) -> "NadaController":
        return NadaController(self)


class CongestionSignal:
    """The receiver's half: the aggregate congestion signal and whether there is any (section 4.2)."""

    def __init__(self, parameters: Nada) -> None:
        self._parameters = parameters
        self._queue = QueueDelay()
        self._filter: deque[tuple[int, float]] = deque(maxlen=FILTER_PACKETS)
        self._window: deque[tuple[int, float]] = deque()
        self._fates: deque[tuple[int, bool]] = deque()
        self._loss_ratio = 0.0
        self._intervals: deque[int] = deque(maxlen=LOSS_INTERVALS)
        self._since_loss: int | None = None
        self._delay_ms = 0.0

    def update(self, feedback: Feedback) -> float:
        """Take a report; return x_curr in ms."""
        for packet in feedback.arrived:
            assert packet.arrival_ns is not None
            queue_ms = self._queue.add(packet)
            self._window.append((packet.arrival_ns, queue_ms))
            self._filter.append((packet.arrival_ns, queue_ms))
            since_ns = packet.arrival_ns - round(1e6 * self._parameters.dfilt_ms)
            while len(self._filter) > 1 and self._filter[0][0] < since_ns:
                self._filter.popleft()
            self._delay_ms = min(delay_ms for _, delay_ms in self._filter)
        if self._window:
            _forget(self._window, self._window[-1][0] - round(1e6 * self._parameters.logwin_ms))
        self._count_losses(feedback)
        excess = self._loss_ratio / self._parameters.plrref
        return min(
            self._parameters.xmax_ms, self._warped(self._delay_ms) + self._parameters.dloss_ms * excess**2
        )

    @property
    def ramps_up(self) -> bool:
        """True if the observation window permits accelerated ramp-up (section 4.2)."""
        no_queue = all(delay_ms < self._parameters.qeps_ms for _, delay_ms in self._window)
        return no_queue and not any(lost for _, lost in self._fates)

    def _count_losses(self, feedback: Feedback) -> None:
        for packet in feedback.packets:
            self._fates.append((feedback.now_ns, packet.lost))
            if packet.lost:
                if self._since_loss is not None:
                    self._intervals.append(self._since_loss + 1)
                self._since_loss = 0
            elif self._since_loss is not None:
                self._since_loss += 1
        _forget(self._fates, feedback.now_ns - round(1e6 * self._parameters.logwin_ms))
        if self._fates:
            lost = sum(lost for _, lost in self._fates) / len(self._fates)
            self._loss_ratio += LOSS_SMOOTHING * (lost - self._loss_ratio)

    def _warped(self, delay_ms: float) -> float:
        """Return the delay, compressed above QTH while losses are recent (section 4.2, equation 1)."""
        threshold_ms = self._parameters.qth_ms
        if delay_ms < threshold_ms or self._since_loss is None or not self._intervals:
            return delay_ms
        expiry = self._parameters.multiloss * sum(self._intervals) / len(self._intervals)
        if self._since_loss >= expiry:
            return delay_ms
        return threshold_ms * math.exp(
            -self._parameters.warp_lambda * (delay_ms - threshold_ms) / threshold_ms
        )


class NadaController(BoundedController):
    """The sender's half: accelerated ramp-up and gradual update of the rate (section 4.3)."""

    def __init__(self, parameters: Nada) -> None:
        super().__init__(parameters)
        self._parameters = parameters
        self._signal = CongestionSignal(parameters)
        self._received = RateMeter(parameters.logwin_ms)
        self._rate_kbps = parameters.start_kbps
        self._before_ms = 0.0
        self._updated_ns: int | None = None
        self._rtt_ms = DEFAULT_RTT_MS

    def update(self, feedback: Feedback) -> float:
        if feedback.rtt_ns is not None:
            self._rtt_ms = feedback.rtt_ns / 1e6
        for packet in feedback.arrived:
            assert packet.arrival_ns is not None
            self._received.add(packet.arrival_ns, packet.size_bytes)
        signal_ms = self._signal.update(feedback)
        elapsed_ms = self._parameters.delta_ms
        if self._updated_ns is not None:
            elapsed_ms = (feedback.now_ns - self._updated_ns) / 1e6
        self._updated_ns = feedback.now_ns
        step_ms = min(LONGEST_STEP_MS, max(SHORTEST_STEP_MS, elapsed_ms))
        if self._signal.ramps_up:
            self._ramp_up()
        else:
            self._adjust(signal_ms, step_ms)
        self._before_ms = signal_ms
        self._rate_kbps = self._bounded(self._rate_kbps)
        return self._rate_kbps

    def resume(self, target_kbps: float) -> None:
        self._rate_kbps = target_kbps

    def _ramp_up(self) -> None:
        """Raise the rate so that the queue it can cause stays below QBOUND (equations 3 and 4)."""
        parameters = self._parameters
        received_kbps = self._received.kbps(least_share=0.5)
        if received_kbps is None:
            return
        blind_ms = self._rtt_ms + parameters.delta_ms + parameters.dfilt_ms
        gamma = min(parameters.gamma_max, parameters.qbound_ms / blind_ms)
        self._rate_kbps = max(self._rate_kbps, (1 + gamma) * received_kbps)

    def _adjust(self, signal_ms: float, step_ms: float) -> None:
        """Move the rate by the signal's distance from its goal, and by its change (equations 5 to 7)."""
        parameters = self._parameters
        goal_ms = parameters.prio * parameters.xref_ms * parameters.max_kbps / self._rate_kbps
        offset = (step_ms / parameters.tau_ms) * (signal_ms - goal_ms) / parameters.tau_ms
        change = parameters.eta * (signal_ms - self._before_ms) / parameters.tau_ms
        self._rate_kbps *= max(0.0, 1 - parameters.kappa * (offset + change))


def _forget(entries: deque[tuple[int, float]] | deque[tuple[int, bool]], before_ns: int) -> None:
    while entries and entries[0][0] < before_ns:
        entries.popleft()
