"""Delay that waits for reordered packets as long as it is worth it."""

from testbed.neteq.histogram import BUCKET_MS, BUCKETS, ONE_Q30, Histogram


class ReorderOptimizer:
    """Balances delay against the loss of reordered packets that come later.

    Parameters
    ----------
    forget_factor, start_forget_weight
        Of `Histogram`.
    ms_per_loss_percent
        Delay that is worth 1 % of loss.

    Attributes
    ----------
    optimal_delay_ms
        The estimate; 0 before the first.
    """

    def __init__(
        self, forget_factor: float, start_forget_weight: float | None, ms_per_loss_percent: int
    ) -> None:
        self._ms_per_loss_percent = ms_per_loss_percent
        self._histogram = Histogram(forget_factor, start_forget_weight)
        self.reset()

    def reset(self) -> None:
        """Forget all delays."""
        self._histogram.reset()
        self.optimal_delay_ms = 0

    def update(self, delay_ms: int, is_reordered: bool, base_delay_ms: int) -> None:
        """Take the delay of a packet; delays up to `base_delay_ms` cost nothing."""
        index = delay_ms // BUCKET_MS if is_reordered else 0
        if index < BUCKETS:
            self._histogram.add(index)
        self.optimal_delay_ms = (1 + self._cheapest(base_delay_ms)) * BUCKET_MS

    def _cheapest(self, base_delay_ms: int) -> int:
        loss_q30 = ONE_Q30
        best, best_cost = 0, -1
        for index, bucket in enumerate(self._histogram.buckets):
            loss_q30 -= bucket
            delay_cost = max(0, index * BUCKET_MS - base_delay_ms) << 30
            if 0 <= best_cost <= delay_cost:
                break  # later buckets cost more delay
            cost = delay_cost + 100 * self._ms_per_loss_percent * loss_q30
            if best_cost < 0 or cost < best_cost:
                best, best_cost = index, cost
        return best
