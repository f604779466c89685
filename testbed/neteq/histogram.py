"""Distribution of delays that forgets the past, in fixed point."""

ONE_Q30 = 1 << 30
ONE_Q15 = 1 << 15
BUCKETS = 100
BUCKET_MS = 20


class Histogram:
    """Probabilities (Q30) of `BUCKETS` delays of `BUCKET_MS` each; their sum is always 1.

    Parameters
    ----------
    forget_factor
        Weight of the past when a delay is added, in [0, 1), once many were added.
    start_forget_weight
        Weight of the first delays: after n of them, that of the past is 1 - weight / (n + 1). Without it, the
        weight of the past closes a quarter of its distance to `forget_factor` each time.
    """

    def __init__(self, forget_factor: float, start_forget_weight: float | None) -> None:
        self._steady_factor = int(ONE_Q15 * forget_factor)
        self._start_weight = start_forget_weight
        self.reset()

    def reset(self) -> None:
        """Halve the probability from bucket to bucket, and forget all that was added."""
        self.buckets = [(0x4002 >> (index + 1)) << 16 for index in range(BUCKETS)]
        self.forget_factor_q15 = 0
        self._added = 0

    def add(self, index: int) -> None:
        """Add a delay in bucket `index`."""
        factor = self.forget_factor_q15
        buckets = self.buckets = [(bucket * factor) >> 15 for bucket in self.buckets]
        buckets[index] += (ONE_Q15 - factor) << 15
        self._restore_sum()
        self._added += 1
        self._update_factor()

    def quantile(self, probability_q30: int) -> int:
        """Return the first bucket beyond which at most 1 - `probability_q30` is left; at most the last."""
        rest = ONE_Q30
        for index, bucket in enumerate(self.buckets):
            rest -= bucket
            if rest <= ONE_Q30 - probability_q30:
                return index
        return BUCKETS - 1

    def _restore_sum(self) -> None:
        """Give the rounding error to the first buckets, at most 1/16 of each."""
        buckets = self.buckets
        missing = ONE_Q30 - sum(buckets)
        for index, bucket in enumerate(buckets):
            if not missing:
                return
            most = bucket >> 4
            change = max(-most, min(missing, most))
            buckets[index] += change
            missing -= change

    def _update_factor(self) -> None:
        factor, steady = self.forget_factor_q15, self._steady_factor
        if self._start_weight is None:
            self.forget_factor_q15 += (steady - factor + 3) >> 2
        elif factor != steady:
            wanted = int(ONE_Q15 * (1 - self._start_weight / (self._added + 1)))
            self.forget_factor_q15 = max(0, min(steady, wanted))
