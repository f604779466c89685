"""Delay that keeps the buffer from running empty: a quantile of the largest delays per interval."""

from testbed.neteq.histogram import BUCKET_MS, BUCKETS, ONE_Q30, Histogram


class UnderrunOptimizer:
    """Estimates the target delay from packets in order.

    Parameters
    ----------
    quantile
        Share of the intervals whose largest delay is covered.
    forget_factor, start_forget_weight
        Of `Histogram`.
    resample_interval_ms
        Length of an interval; without it, each delay counts.

    Attributes
    ----------
    optimal_delay_ms
        The estimate; None before the first.
    """

    def __init__(
        self,
        quantile: float,
        forget_factor: float,
        start_forget_weight: float | None,
        resample_interval_ms: int | None,
    ) -> None:
        self._quantile_q30 = int(ONE_Q30 * quantile)
        self._interval_ms = resample_interval_ms
        self._histogram = Histogram(forget_factor, start_forget_weight)
        self.reset()

    def reset(self) -> None:
        """Forget all delays."""
        self._histogram.reset()
        self._interval_start_ms: int | None = None
        self._max_delay_ms = 0
        self.optimal_delay_ms: int | None = None

    def update(self, delay_ms: int, now_ms: int) -> None:
        """Take the delay of a packet that arrived at `now_ms`."""
        finished_ms = self._finished_interval(delay_ms, now_ms)
        if finished_ms is None:
            return
        if finished_ms < BUCKETS * BUCKET_MS:
            self._histogram.add(finished_ms // BUCKET_MS)
        self.optimal_delay_ms = (1 + self._histogram.quantile(self._quantile_q30)) * BUCKET_MS

    def _finished_interval(self, delay_ms: int, now_ms: int) -> int | None:
        """Return the largest delay of the interval that has ended; None while it goes on."""
        if self._interval_ms is None:
            return delay_ms
        finished_ms = None
        if self._interval_start_ms is None:
            self._interval_start_ms = now_ms
        elif now_ms - self._interval_start_ms > self._interval_ms:
            finished_ms, self._max_delay_ms = self._max_delay_ms, 0
            self._interval_start_ms = now_ms
        self._max_delay_ms = max(self._max_delay_ms, delay_ms)
        return finished_ms
