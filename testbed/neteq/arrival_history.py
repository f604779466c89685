"""Recent arrivals, and the delay of a packet behind the fastest of them."""

from bisect import bisect_left, bisect_right, insort
from collections import deque


class ArrivalHistory:
    """Arrivals within a window of media time behind the newest packet.

    Parameters
    ----------
    history_ms
        Length of the window.
    samples_per_ms
        Clock of the media times.
    """

    def __init__(self, history_ms: int, samples_per_ms: int) -> None:
        self._window = history_ms * samples_per_ms
        self._samples_per_ms = samples_per_ms
        self.reset()

    def reset(self) -> None:
        """Forget all arrivals."""
        self._held: list[tuple[int, int]] = []
        # Candidates, (lateness, timestamp, arrival): the fastest and the slowest first, then successors.
        self._fastest: deque[tuple[int, int, int]] = deque()
        self._slowest: deque[tuple[int, int, int]] = deque()

    def __len__(self) -> int:
        return len(self._held)

    def insert(self, timestamp: int, samples: int, now_ms: int) -> bool:
        """Take the arrival of a frame; return whether it is neither too old nor within one that is held."""
        held = self._held
        if held and (timestamp + self._window < held[-1][0] or self._is_held(timestamp, samples)):
            return False
        if held and timestamp < held[-1][0]:
            insort(held, (timestamp, timestamp + samples))
            return True
        held.append((timestamp, timestamp + samples))
        self._forget_old(timestamp - self._window)
        lateness = now_ms * self._samples_per_ms - timestamp
        while self._fastest and lateness <= self._fastest[-1][0]:
            self._fastest.pop()
        while self._slowest and lateness >= self._slowest[-1][0]:
            self._slowest.pop()
        self._fastest.append((lateness, timestamp, now_ms))
        self._slowest.append((lateness, timestamp, now_ms))
        return True

    def delay_ms(self, timestamp: int, now_ms: int) -> int:
        """Return how much later than the fastest packet media time `timestamp` is now; 0 without packets."""
        if not self._fastest:
            return 0
        _, fastest, arrival_ms = self._fastest[0]
        media_ms = timestamp // self._samples_per_ms - fastest // self._samples_per_ms
        return max(0, now_ms - arrival_ms - media_ms)

    def max_delay_ms(self) -> int:
        """Return the delay of the slowest packet in order; 0 without packets."""
        if not self._slowest:
            return 0
        _, timestamp, arrival_ms = self._slowest[0]
        return self.delay_ms(timestamp, arrival_ms)

    def is_newest(self, timestamp: int) -> bool:
        """Return whether no packet held has a later media time."""
        return not self._held or timestamp >= self._held[-1][0]

    def _is_held(self, timestamp: int, samples: int) -> bool:
        before = bisect_right(self._held, (timestamp, float("inf")))
        return before > 0 and timestamp + samples <= self._held[before - 1][1]

    def _forget_old(self, before: int) -> None:
        for candidates in (self._fastest, self._slowest):
            while candidates and candidates[0][1] < before:
                candidates.popleft()
        del self._held[: bisect_left(self._held, (before,))]
