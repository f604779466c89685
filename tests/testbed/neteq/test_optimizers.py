"""Underrun and reorder optimizer; values of libwebrtc's underrun_ and reorder_optimizer_unittest.cc."""

import random
from math import ceil

import pytest

from testbed.neteq.reorder_optimizer import ReorderOptimizer
from testbed.neteq.underrun_optimizer import UnderrunOptimizer

NETEQ = (0.95, 0.983, 2, 500)


def test_the_largest_delay_of_an_interval_counts_once_when_the_interval_has_ended() -> None:
    optimizer = UnderrunOptimizer(0.95, 0.9993, None, 500)
    for delay_ms in range(0, 500, 20):
        optimizer.update(delay_ms, 0)
        assert optimizer.optimal_delay_ms is None
    optimizer.update(0, 500)
    assert optimizer.optimal_delay_ms is None, "an interval is longer than 500 ms"
    optimizer.update(0, 510)
    assert optimizer.optimal_delay_ms == 500


def test_without_an_interval_each_delay_counts() -> None:
    optimizer = UnderrunOptimizer(0.95, 0.9993, None, None)
    optimizer.update(130, 0)
    assert optimizer.optimal_delay_ms == 140


def test_delays_of_two_seconds_and_more_do_not_count() -> None:
    optimizer = UnderrunOptimizer(*NETEQ[:3], None)
    optimizer.update(40, 0)
    optimizer.update(2000, 10)
    assert optimizer.optimal_delay_ms == 60
    optimizer.update(1999, 20)
    assert optimizer.optimal_delay_ms == 2000


class Intervals:
    """An underrun optimizer with NetEq's constants that is given one delay per interval."""

    def __init__(self) -> None:
        self._optimizer = UnderrunOptimizer(*NETEQ)
        self._now_ms = 0

    def pass_with(self, delay_ms: int) -> int | None:
        self._optimizer.update(delay_ms, self._now_ms)
        self._now_ms += 510
        return self._optimizer.optimal_delay_ms


def test_one_spike_at_the_start_sets_the_target_delay() -> None:
    intervals = Intervals()
    intervals.pass_with(400)
    assert intervals.pass_with(0) == 420


def test_after_a_calm_minute_the_third_interval_with_a_spike_lifts_the_target_delay() -> None:
    intervals = Intervals()
    for _ in range(120):
        intervals.pass_with(0)
    targets = [intervals.pass_with(400) for _ in range(5)]
    assert targets == [20, 20, 20, 420, 420], "an estimate comes at the end of its interval"


def test_ten_intervals_with_spikes_are_forgotten_after_half_a_minute() -> None:
    intervals = Intervals()
    for _ in range(1000):
        intervals.pass_with(0)
    for _ in range(10):
        intervals.pass_with(400)
    calm = 0
    while intervals.pass_with(0) != 20:
        calm += 1
    assert calm == 67


def test_independent_delays_lead_to_the_quantile_of_the_largest_per_interval() -> None:
    """With uniform delays up to 100 ms, 25 per interval, 95 % of the largest are below 100 * 0.95^(1/25)."""
    generator = random.Random(7)
    optimizer = UnderrunOptimizer(0.95, 0.9993, 2, 500)
    now_ms = 0
    for _ in range(100_000):
        optimizer.update(generator.randrange(130), now_ms)
        now_ms += 20
    largest_ms = 130 * 0.95 ** (1 / 26)
    assert optimizer.optimal_delay_ms == ceil(largest_ms / 20) * 20


def reordering() -> ReorderOptimizer:
    return ReorderOptimizer(0.9993, 1, ms_per_loss_percent=20)


def test_only_reordered_packets_raise_the_delay() -> None:
    optimizer = reordering()
    optimizer.update(60, False, 0)
    assert optimizer.optimal_delay_ms == 20
    optimizer.update(100, False, 0)
    assert optimizer.optimal_delay_ms == 20
    optimizer.update(80, True, 0)
    assert optimizer.optimal_delay_ms == 100


@pytest.mark.parametrize(("base_delay_ms", "after_outlier_ms"), [(0, 60), (200, 620)])
def test_a_rare_long_delay_counts_when_most_of_it_costs_nothing(
    base_delay_ms: int, after_outlier_ms: int
) -> None:
    optimizer = reordering()
    for _ in range(3):
        optimizer.update(40, True, base_delay_ms)
    assert optimizer.optimal_delay_ms == 60
    optimizer.update(600, True, base_delay_ms)
    assert optimizer.optimal_delay_ms == after_outlier_ms


def test_copies_are_waited_for_when_that_costs_less_than_the_loss_they_repair() -> None:
    """1 % of loss is worth 20 ms: copies 100 ms late are worth waiting for if they are 5 % or more."""
    for share, expected_ms in ((20, 20), (10, 120)):
        optimizer = reordering()
        for count in range(1, 5001):
            optimizer.update(100, count % share == 0 and count % (2 * share) == 0, 0)
        assert optimizer.optimal_delay_ms == expected_ms, share


def test_reset_forgets_all_delays() -> None:
    reorder, underrun = reordering(), UnderrunOptimizer(0.95, 0.983, 2, None)
    reorder.update(80, True, 0)
    underrun.update(80, 0)
    reorder.reset()
    underrun.reset()
    assert reorder.optimal_delay_ms == 0
    assert underrun.optimal_delay_ms is None
