"""Target delay of the buffer, from the delays of the packets."""

from testbed.neteq.parameters import NeteqParameters
from testbed.neteq.reorder_optimizer import ReorderOptimizer
from testbed.neteq.underrun_optimizer import UnderrunOptimizer


class DelayManager:
    """Combines both optimizers.

    Attributes
    ----------
    target_delay_ms
        The larger of their delays, without the bounds that `constraints` set; until there is one,
        `start_delay_ms`.
    """

    def __init__(self, parameters: NeteqParameters) -> None:
        self._start_delay_ms = parameters.start_delay_ms
        self._underrun = UnderrunOptimizer(
            parameters.quantile,
            parameters.forget_factor,
            parameters.start_forget_weight,
            parameters.resample_interval_ms,
        )
        self._reorder: ReorderOptimizer | None = None
        if parameters.use_reorder_optimizer:
            self._reorder = ReorderOptimizer(
                parameters.reorder_forget_factor,
                parameters.start_forget_weight,
                parameters.ms_per_loss_percent,
            )
        self.reset()

    def reset(self) -> None:
        """Forget all delays."""
        self.target_delay_ms = self._start_delay_ms
        self._underrun.reset()
        if self._reorder is not None:
            self._reorder.reset()

    def update(self, delay_ms: int, is_reordered: bool, now_ms: int) -> None:
        """Take the delay of a packet behind the fastest one."""
        if self._reorder is None or not is_reordered:
            self._underrun.update(delay_ms, now_ms)
        estimate_ms = self._underrun.optimal_delay_ms
        target_ms = self._start_delay_ms if estimate_ms is None else estimate_ms
        if self._reorder is not None:
            self._reorder.update(delay_ms, is_reordered, target_ms)
            target_ms = max(target_ms, self._reorder.optimal_delay_ms)
        self.target_delay_ms = target_ms
