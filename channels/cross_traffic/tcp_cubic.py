"""CUBIC's congestion window, RFC 9438 (which replaces RFC 8312)."""

from math import inf

from testbed.channels.cross_traffic.tcp_window import INITIAL_SEGMENTS, LEAST_THRESHOLD

C = 0.4
"""Segments per second cubed."""
BETA = 0.7
_RENO_ALPHA = 3 * (1 - BETA) / (1 + BETA)
_MOST_GROWTH = 1.5


class Cubic:
    """Grows as the cube of the time to or from the size at the last loss, at least as fast as Reno would.

    Attributes
    ----------
    size
        The window in segments.
    threshold
        Slow-start threshold in segments.
    """

    def __init__(self) -> None:
        self.size = INITIAL_SEGMENTS
        self.threshold = inf
        self._peak = 0.0
        self._before_loss = 0.0
        self._epoch_ns: int | None = None
        self._to_peak_s = 0.0
        self._as_reno = 0.0

    def on_acknowledged(self, now_ns: int, rtt_ns: int) -> None:
        """Grow (sections 4.2 to 4.5)."""
        if self.size < self.threshold:
            self.size += 1
            return
        if self._epoch_ns is None:
            self._begin_epoch(now_ns)
        assert self._epoch_ns is not None
        elapsed_s = (now_ns - self._epoch_ns) / 1e9
        alpha = 1.0 if self._as_reno >= self._before_loss else _RENO_ALPHA
        self._as_reno += alpha / self.size
        if self._cubic(elapsed_s) < self._as_reno:
            self.size = max(self.size, self._as_reno)
        else:
            target = self._cubic(elapsed_s + rtt_ns / 1e9)
            target = min(max(target, self.size), _MOST_GROWTH * self.size)
            self.size += (target - self.size) / self.size

    def on_loss(self, in_flight: int) -> None:
        """Shrink to 0.7; a window below its last peak releases more (sections 4.6 and 4.7)."""
        self._before_loss = self.size
        self._peak = self.size * (1 + BETA) / 2 if self.size < self._peak else self.size
        self._epoch_ns = None
        self.size = self.threshold = max(in_flight * BETA, LEAST_THRESHOLD)

    def on_timeout(self, in_flight: int) -> None:
        """Restart with slow start up to 0.7 of the segments in flight (section 4.8)."""
        self._before_loss = self.size
        self._peak = 0.0
        self._epoch_ns = None
        self.threshold = max(in_flight * BETA, LEAST_THRESHOLD)
        self.size = 1.0

    def _begin_epoch(self, now_ns: int) -> None:
        self._epoch_ns = now_ns
        self._as_reno = self.size
        self._peak = max(self._peak, self.size)
        self._to_peak_s = ((self._peak - self.size) / C) ** (1 / 3)

    def _cubic(self, elapsed_s: float) -> float:
        return C * (elapsed_s - self._to_peak_s) ** 3 + self._peak
