"""The distribution of delays; values of libwebrtc's histogram_unittest.cc."""

import pytest

from testbed.neteq.histogram import BUCKETS, ONE_Q15, ONE_Q30, Histogram


def test_probabilities_add_up_to_one_after_a_reset_and_after_each_delay() -> None:
    histogram = Histogram(32440 / ONE_Q15, None)
    assert sum(histogram.buckets) == ONE_Q30
    for index in (0, 5, 12, 99, 99, 0, 3):
        histogram.add(index)
        assert sum(histogram.buckets) == ONE_Q30


def test_a_fresh_distribution_halves_from_bucket_to_bucket() -> None:
    buckets = Histogram(0.9, None).buckets
    assert buckets[:3] == [ONE_Q30 // 2 + (1 << 16), ONE_Q30 // 4, ONE_Q30 // 8]
    assert buckets[15:] == [0] * (BUCKETS - 15)


@pytest.mark.parametrize("weight", [None, 1, 2])
def test_the_forget_factor_reaches_its_steady_value(weight: float | None) -> None:
    histogram = Histogram(0.9993, weight)
    assert histogram.forget_factor_q15 == 0
    for index in range(10_000):
        histogram.add(index % 7)
    assert histogram.forget_factor_q15 == 32745


def test_with_a_start_weight_of_one_all_first_delays_weigh_the_same() -> None:
    histogram = Histogram(0.9993, 1)
    for index in range(10):
        histogram.add(index)
    assert histogram.buckets[:10] == pytest.approx([ONE_Q30 / 10] * 10, rel=1e-3)


def test_the_first_delay_replaces_the_initial_distribution() -> None:
    histogram = Histogram(0.983, 2)
    histogram.add(21)
    assert histogram.buckets[21] == ONE_Q30
    assert histogram.quantile(ONE_Q30 // 100) == 21


def test_a_quantile_is_the_first_bucket_beyond_which_no_more_is_left_than_the_rest() -> None:
    histogram = Histogram(0.9, None)
    assert [histogram.quantile(int(share * ONE_Q30)) for share in (0.1, 0.5, 0.51, 0.76, 0.95)] == [
        0,
        0,
        1,
        2,
        4,
    ]
    assert histogram.quantile(ONE_Q30) == 13


def test_a_start_weight_larger_than_the_number_of_delays_forgets_everything_before() -> None:
    histogram = Histogram(0.9, 5)
    for index in (3, 4, 5):
        histogram.add(index)
    assert histogram.forget_factor_q15 == 0
    assert histogram.buckets[5] == ONE_Q30
