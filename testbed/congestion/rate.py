"""The rate of a stream of packets over a sliding window."""

from collections import deque


class RateMeter:
    """Measures kb/s over the last `window_ms`; before that, over the time since the first packet.

    Times must not go back by more than the window; older packets are left out.
    """

    def __init__(self, window_ms: float) -> None:
        self._window_ns = round(1e6 * window_ms)
        self._packets: deque[tuple[int, int]] = deque()
        self._bytes = 0
        self._first_ns: int | None = None
        self._first_bytes = 0
        self._now_ns = 0

    def add(self, time_ns: int, size_bytes: int) -> None:
        """Count a packet."""
        if self._first_ns is None:
            self._first_ns = self._now_ns = time_ns
            self._first_bytes = size_bytes
        self._now_ns = max(self._now_ns, time_ns)
        if time_ns > self._now_ns - self._window_ns:
            self._packets.append((time_ns, size_bytes))
            self._bytes += size_bytes
        while self._packets and self._packets[0][0] <= self._now_ns - self._window_ns:
            self._bytes -= self._packets.popleft()[1]

    def kbps(self, least_share: float = 1.0) -> float | None:
        """Return the rate; None before `least_share` of the window, 0 to 1, has passed."""
        if self._first_ns is None:
            return None
        elapsed_ns = self._now_ns - self._first_ns
        if elapsed_ns < max(1, least_share * self._window_ns):
            return None
        if elapsed_ns < self._window_ns:
            return 8e6 * (self._bytes - self._first_bytes) / elapsed_ns
        return 8e6 * self._bytes / self._window_ns
