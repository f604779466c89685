"""The delay half of Google congestion control: detection of a growing queue.

Packets that were sent as a burst are a group (draft-ietf-rmcat-gcc-02, section 5.2). The delay varies from
group to group (section 5.3). The draft filters this variation with a Kalman filter. libwebrtc has used the
slope of a fitted line since 2016, as is done here. The slope is compared with an adaptive threshold (section
5.4; Carlucci et al., "Analysis and Design of the Google Congestion Control for WebRTC", 2016). Constants of
the trendline and of its threshold are libwebrtc's.
"""

from collections import deque
from dataclasses import dataclass
from typing import Literal

from testbed.congestion.feedback import PacketReport

Usage = Literal["normal", "overuse", "underuse"]

BURST_NS = 5_000_000
WINDOW_GROUPS = 20
SMOOTHING = 0.9
GAIN = 4.0
MOST_DELTAS = 60
INITIAL_THRESHOLD_MS = 12.5
THRESHOLD_RANGE_MS = (6.0, 600.0)
THRESHOLD_UP, THRESHOLD_DOWN = 0.0087, 0.039
LARGEST_STEP_MS = 15.0
LONGEST_STEP_MS = 100.0
OVERUSE_TIME_MS = 10.0


@dataclass(slots=True)
class _Group:
    first_sent_ns: int
    last_sent_ns: int
    last_arrival_ns: int


class InterArrival:
    """Groups packets and returns the differences between consecutive groups (section 5.2)."""

    def __init__(self) -> None:
        self._current: _Group | None = None
        self._previous: _Group | None = None

    def add(self, sent_ns: int, arrival_ns: int) -> tuple[float, float, float] | None:
        """Take a packet, in order of arrival.

        Returns
        -------
        tuple or None
            If it begins a new group: for the previous group, the difference of its send time to the group
            before it, the same of its arrival time, and its arrival time; all in ms.
        """
        group = self._current
        if group is None:
            self._current = _Group(sent_ns, sent_ns, arrival_ns)
            return None
        if sent_ns < group.first_sent_ns:
            return None
        if self._belongs(group, sent_ns, arrival_ns):
            group.last_sent_ns = max(group.last_sent_ns, sent_ns)
            group.last_arrival_ns = max(group.last_arrival_ns, arrival_ns)
            return None
        change = None
        if self._previous is not None:
            change = (
                (group.last_sent_ns - self._previous.last_sent_ns) / 1e6,
                (group.last_arrival_ns - self._previous.last_arrival_ns) / 1e6,
                group.last_arrival_ns / 1e6,
            )
        self._previous, self._current = group, _Group(sent_ns, sent_ns, arrival_ns)
        return change

    @staticmethod
    def _belongs(group: _Group, sent_ns: int, arrival_ns: int) -> bool:
        if sent_ns - group.first_sent_ns <= BURST_NS:
            return True
        gap_ns = arrival_ns - group.last_arrival_ns
        return gap_ns < BURST_NS and gap_ns - (sent_ns - group.last_sent_ns) < 0


class DelayDetector:
    """Follows the trend of the delay and detects overuse of the path (sections 5.3 and 5.4).

    Parameters
    ----------
    threshold_up, threshold_down
        Gains with which the threshold rises and falls (K_u and K_d of section 5.4).
    """

    def __init__(self, threshold_up: float = THRESHOLD_UP, threshold_down: float = THRESHOLD_DOWN) -> None:
        self._gain_up, self._gain_down = threshold_up, threshold_down
        self.usage: Usage = "normal"
        self.trend = 0.0
        self._groups = InterArrival()
        self._points: deque[tuple[float, float]] = deque(maxlen=WINDOW_GROUPS)
        self._first_ms: float | None = None
        self._deltas = 0
        self._delay_ms = 0.0
        self._smoothed_ms = 0.0
        self._threshold_ms = INITIAL_THRESHOLD_MS
        self._threshold_at_ms: float | None = None
        self._over_ms: float | None = None
        self._over_count = 0

    def add(self, packet: PacketReport) -> Usage:
        """Take an arrived packet, in order of arrival."""
        assert packet.arrival_ns is not None
        change = self._groups.add(packet.sent_ns, packet.arrival_ns)
        if change is not None:
            self._on_group(*change)
        return self.usage

    def _on_group(self, sent_ms: float, arrived_ms: float, now_ms: float) -> None:
        if self._first_ms is None:
            self._first_ms = now_ms
        self._deltas = min(self._deltas + 1, MOST_DELTAS)
        self._delay_ms += arrived_ms - sent_ms
        self._smoothed_ms = SMOOTHING * self._smoothed_ms + (1 - SMOOTHING) * self._delay_ms
        self._points.append((now_ms - self._first_ms, self._smoothed_ms))
        trend = self.trend
        if len(self._points) == WINDOW_GROUPS:
            trend = _slope(self._points, trend)
        self._detect(trend, sent_ms, now_ms)

    def _detect(self, trend: float, sent_ms: float, now_ms: float) -> None:
        scaled_ms = self._deltas * trend * GAIN
        if scaled_ms > self._threshold_ms:
            self._over_ms = sent_ms / 2 if self._over_ms is None else self._over_ms + sent_ms
            self._over_count += 1
            if self._over_ms > OVERUSE_TIME_MS and self._over_count > 1 and trend >= self.trend:
                self._over_ms, self._over_count = 0.0, 0
                self.usage = "overuse"
        else:
            self._over_ms, self._over_count = None, 0
            self.usage = "underuse" if scaled_ms < -self._threshold_ms else "normal"
        self.trend = trend
        self._adapt(abs(scaled_ms), now_ms)

    def _adapt(self, scaled_ms: float, now_ms: float) -> None:
        """Move the threshold toward the trend, except toward a spike (section 5.4)."""
        if self._threshold_at_ms is None:
            self._threshold_at_ms = now_ms
        elapsed_ms = min(max(0.0, now_ms - self._threshold_at_ms), LONGEST_STEP_MS)
        self._threshold_at_ms = now_ms
        if scaled_ms > self._threshold_ms + LARGEST_STEP_MS:
            return
        gain = self._gain_down if scaled_ms < self._threshold_ms else self._gain_up
        moved_ms = self._threshold_ms + gain * (scaled_ms - self._threshold_ms) * elapsed_ms
        lowest_ms, highest_ms = THRESHOLD_RANGE_MS
        self._threshold_ms = min(highest_ms, max(lowest_ms, moved_ms))


def _slope(points: deque[tuple[float, float]], otherwise: float) -> float:
    """Return the slope of the least-squares line; `otherwise` if all points share one abscissa."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if spread == 0:
        return otherwise
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
