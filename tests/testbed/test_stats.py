"""Intervals: coverage of the true value, pairing, and NaN bounds for too few data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom

from testbed import stats
from testbed.stats import Estimate, interval, ratio, stratified

# What scores of this testbed scatter by: clips by 0.15, realizations of the channel by 0.25.
CLIP_SD = 0.15
RESIDUAL_SD = 0.25
TRIALS = 2000
# Bounds that a true coverage of 95 % leaves in one of a thousand simulations.
FEWEST, MOST = binom.ppf([0.0005, 0.9995], TRIALS, 0.95)


def draw(random, clips, realizations, scatter="normal"):
    shape = {"normal": random.standard_normal, "exponential": lambda size: random.exponential(size=size) - 1}[
        scatter
    ]
    values = CLIP_SD * shape((clips, 1)) + RESIDUAL_SD * shape((clips, realizations))
    return values.ravel(), np.repeat(np.arange(clips), realizations)


@pytest.mark.parametrize(("clips", "realizations"), [(2, 2), (3, 4), (8, 2), (20, 1)])
def test_coverage_of_a_mean_is_95_percent(clips, realizations):
    random = np.random.default_rng(clips)
    estimates = [interval(*draw(random, clips, realizations)) for _ in range(TRIALS)]
    assert FEWEST <= sum(e.low <= 0 <= e.high for e in estimates) <= MOST


def test_coverage_of_a_mean_of_lopsided_scores_is_not_far_from_it():
    random = np.random.default_rng(5)
    estimates = [interval(*draw(random, 8, 2, "exponential")) for _ in range(TRIALS)]
    assert sum(e.low <= 0 <= e.high for e in estimates) >= binom.ppf(0.0005, TRIALS, 0.92)


def test_percentiles_of_the_same_bootstrap_would_cover_too_little():
    random = np.random.default_rng(8)
    weights = random.multinomial(8, np.full(8, 1 / 8), size=2000) / 8
    held = 0
    for _ in range(TRIALS):
        low, high = np.quantile(weights @ draw(random, 8, 2)[0].reshape(8, 2).mean(axis=1), [0.025, 0.975])
        held += low <= 0 <= high
    assert held < FEWEST


def test_the_deviation_by_covariance_is_that_of_the_resamples(monkeypatch):
    values, clips = draw(np.random.default_rng(3), 12, 3)
    known = interval(values, clips)
    monkeypatch.setattr(stats, "_MOST_CLIPS", 0)
    assert known == pytest.approx(interval(values, clips), rel=1e-10)


def test_coverage_of_a_paired_difference_with_a_common_scatter_and_gaps():
    random = np.random.default_rng(11)
    held = 0
    for _ in range(TRIALS):
        common, clips = draw(random, 8, 2)
        a = 5 * common + draw(random, 8, 2)[0] + 0.3
        a[random.integers(16)] = np.nan
        estimate = interval(a - 5 * common, clips)
        held += estimate.low <= 0.3 <= estimate.high
    assert FEWEST <= held <= MOST


def test_coverage_over_speakers_who_differ_needs_speakers_as_the_sample():
    random = np.random.default_rng(13)
    speakers, covered = np.repeat(np.arange(10), 5), {"clips": 0, "speakers": 0}
    for _ in range(500):
        values = (0.2**0.5 * random.normal(size=(10, 1)) + 0.8**0.5 * random.normal(size=(10, 5))).ravel()
        for unit, labels in {"clips": np.arange(50), "speakers": speakers}.items():
            estimate = interval(values, labels)
            covered[unit] += estimate.low <= 0 <= estimate.high
    fewest, most = binom.ppf([0.0005, 0.9995], 500, 0.95)
    assert fewest <= covered["speakers"] <= most
    assert covered["clips"] < fewest


def test_coverage_of_a_share():
    random = np.random.default_rng(12)
    held = 0
    for _ in range(TRIALS):
        lost, clips = draw(random, 8, 2)
        lost += 1.0
        won = 0.6 * lost + 0.5 * draw(random, 8, 2)[0]
        estimate = ratio(won, lost, clips)
        held += estimate.low <= 0.6 <= estimate.high
    # A ratio of means is only nearly normal at 8 clips.
    assert binom.ppf(0.0005, TRIALS, 0.94) <= held <= MOST


def over_points(random, clips):
    """Return scores at three points, with their clips and points; clips resemble themselves at all points."""
    shape = (3, clips, 2)
    offsets = CLIP_SD * random.normal(size=(1, clips, 1)) + np.array([0.0, 1.0, 2.0])[:, None, None]
    point, clip, _ = np.indices(shape)
    return (offsets + RESIDUAL_SD * random.normal(size=shape)).ravel(), clip.ravel(), point.ravel()


@pytest.mark.parametrize("clips", [3, 8])
def test_coverage_over_points_that_share_their_clips(clips):
    random = np.random.default_rng(clips)
    trials, held, apart = 600, 0, 0
    for _ in range(trials):
        values, clip, point = over_points(random, clips)
        values[random.integers(len(values))] = np.nan
        estimate = stratified(values, clip, point)
        held += estimate.low <= 1.0 <= estimate.high
        means = [interval(values[point == each], clip[point == each]) for each in range(3)]
        reach = np.sqrt(sum((each.high - each.value) ** 2 for each in means)) / 3
        apart += abs(estimate.value - 1.0) <= reach
    # One call in some is missing, so the mean is not quite a Student's variable.
    assert binom.ppf(0.0005, trials, 0.94) <= held <= binom.ppf(0.9995, trials, 0.95)
    assert clips == 3 or apart < binom.ppf(0.0005, trials, 0.95)  # as if each point had clips of its own


def test_points_of_unequal_size_have_equal_weight_in_a_mean_over_them():
    values, clips = [1.0, 1.2, 1.1, 1.3, 3.0, 3.4], [0, 0, 1, 1, 0, 1]
    points = [0, 0, 0, 0, 1, 1]
    assert stratified(values, clips, points).value == pytest.approx((1.15 + 3.2) / 2)
    share = stratified([1, 1, 1, 1, 3, 3], clips, points, whole=[2, 2, 2, 2, 8, 8])
    assert share == pytest.approx((0.4, 0.4, 0.4))
    assert np.isnan(stratified([1, 1, 1, 1, np.nan, np.nan], clips, points)).all()


def test_of_one_point_the_mean_over_points_is_its_mean():
    values, clips = draw(np.random.default_rng(3), 8, 2)
    whole = 1 + values**2
    for one, other in (
        (stratified(values, clips, np.zeros(16)), interval(values, clips)),
        (stratified(values, clips, np.zeros(16), whole), ratio(values, whole, clips)),
    ):
        assert one.value == pytest.approx(other.value)
        # A ratio is linearized here and resampled there.
        assert one.high - one.value == pytest.approx(other.high - other.value, rel=0.05)


def test_pairing_takes_away_what_is_common():
    random = np.random.default_rng(1)
    common, clips = draw(random, 8, 2)
    a, b = common + 0.1 + random.normal(scale=0.01, size=16), common
    paired = interval(a - b, clips)
    assert paired.high - paired.low < 0.1 * (interval(a, clips).high - interval(a, clips).low)
    assert paired.low < 0.1 < paired.high


def test_a_mean_of_balanced_clips_is_students_interval_of_the_clips_means():
    from scipy.stats import t

    values, clips = draw(np.random.default_rng(2), 8, 3)
    means = values.reshape(8, 3).mean(axis=1)
    low, high = t.interval(0.95, 7, means.mean(), means.std(ddof=1) / np.sqrt(8))
    estimate = interval(values, clips)
    assert estimate.value == pytest.approx(means.mean())
    # The standard error of a standard deviation of 10 000 resamples is 0.7 %; within 5 of it.
    assert estimate.low - estimate.value == pytest.approx(low - means.mean(), rel=0.035)
    assert estimate.high - estimate.value == pytest.approx(high - means.mean(), rel=0.035)


def test_the_unit_is_the_clip_and_not_the_call():
    clip = np.random.default_rng(3).normal(size=8)
    few = interval(clip, np.arange(8))
    many = interval(np.repeat(clip, 50), np.repeat(np.arange(8), 50))
    assert many == pytest.approx(few)


def test_the_same_data_give_the_same_interval_in_any_order_and_with_any_labels():
    values, clips = draw(np.random.default_rng(4), 6, 3)
    names = np.array([f"clip {i}" for i in clips], dtype=object)
    order = np.random.default_rng(0).permutation(18)
    assert interval(values, names) == interval(values, clips)
    # Names sort as the numbers do, so that only the order of summation differs.
    assert interval(values[order], names[order]) == pytest.approx(interval(values, clips), rel=1e-12)


def test_one_clip_speaks_of_its_realizations_and_one_call_of_nothing():
    values = np.random.default_rng(6).normal(size=10)
    assert interval(values, np.zeros(10)) == interval(values, np.arange(10))
    single = interval([3.5], ["a"])
    assert single.value == 3.5
    assert np.isnan([single.low, single.high]).all()


@pytest.mark.parametrize("n", [0, 1, 6])
def test_no_data_give_nan(n):
    for estimate in (
        interval(np.full(n, np.nan), np.arange(n)),
        ratio(np.ones(n), np.full(n, np.nan), np.arange(n)),
        ratio(np.ones(n), np.zeros(n), np.arange(n)),
    ):
        assert np.isnan(estimate).all()


def test_a_constant_has_no_width():
    assert interval(np.full(16, 4.1), np.repeat(np.arange(8), 2)) == pytest.approx((4.1, 4.1, 4.1), abs=1e-12)
    assert ratio(np.full(8, 2.0), np.full(8, 4.0), np.arange(8)) == Estimate(0.5, 0.5, 0.5)


def test_a_share_of_what_may_be_nothing_has_no_bounds():
    estimate = ratio([1, 2, 1, 2], [3, -2, 1, -1], np.arange(4))
    assert estimate.value == 6
    assert np.isnan([estimate.low, estimate.high]).all()


def test_a_missing_call_is_left_out():
    values, clips = draw(np.random.default_rng(9), 8, 2)
    gap = np.where(np.arange(16) == 3, np.nan, values)
    assert interval(gap, clips) == interval(np.delete(values, 3), np.delete(clips, 3))
    assert interval(gap, clips).value == pytest.approx(np.nanmean(gap))


def test_shapes_that_differ_are_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="differ"):
        interval([1, 2], [1])


@given(arrays(float, 12, elements=st.floats(-5, 5)), st.floats(-3, 3), st.floats(0.1, 3))
def test_shift_and_scale(values, shift, scale):
    clips = np.repeat(np.arange(4), 3)
    moved = interval(scale * values + shift, clips)
    expected = np.array(interval(values, clips)) * scale + shift
    np.testing.assert_allclose(moved, expected, atol=1e-9)
