"""Runs that end when their differences are known: rounds, the floor of the clips, and coverage at the end."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import binom

from testbed.precision import Extent, ending, extents, floor, realizations_needed, units_needed
from testbed.stats import SEQUENTIAL_CONFIDENCE, Estimate, interval, student

# What scores of this testbed scatter by: clips by 0.15, realizations of the channel by 0.25.
CLIP_SD, RESIDUAL_SD = 0.15, 0.25
UNKNOWN = Estimate(float("nan"), float("nan"), float("nan"))


def draw(random, most, shape="normal"):
    """Return the scores of all calls, (clips, realizations), with mean 0."""
    scatter = {
        "normal": random.standard_normal,
        "exponential": lambda size: random.exponential(size=size) - 1,
    }[shape]
    calls = (most.clips, most.realizations)
    return CLIP_SD * scatter((most.clips, 1)) + RESIDUAL_SD * scatter(calls)


def sequential(scores, target):
    """Return the interval at the end of a run, the extent of its last round, and why it ended."""
    most = Extent(*scores.shape)
    for extent in extents(most):
        values = scores[: extent.clips, : extent.realizations]
        clips = np.repeat(np.arange(extent.clips), extent.realizations)
        known = interval(values.ravel(), clips, SEQUENTIAL_CONFIDENCE)
        floors = [floor(values.ravel(), clips, clips)] if extent.clips == most.clips else []
        if why := ending((known.high - known.low) / 2, target, floors, extent, most):
            return known, extent, why
    raise AssertionError("no round was the last")


def coverage(most, target, trials, shape="normal"):
    """Return in which share of runs the last interval covers, and that of all calls; and the calls used."""
    random = np.random.default_rng([most.clips, most.realizations, round(1000 * target)])
    clips, held, fixed, used = np.repeat(np.arange(most.clips), most.realizations), 0, 0, 0.0
    for _ in range(trials):
        scores = draw(random, most, shape)
        known, extent, _ = sequential(scores, target)
        held += known.low <= 0 <= known.high
        used += extent.clips * extent.realizations / scores.size
        all_of_it = interval(scores.ravel(), clips)
        fixed += all_of_it.low <= 0 <= all_of_it.high
    return held / trials, fixed / trials, used / trials


@pytest.mark.parametrize(
    ("most", "target"), [(Extent(4, 12), 0.15), (Extent(8, 12), 0.15), (Extent(20, 4), 0.12)]
)
def test_the_last_interval_covers_94_percent(most, target):
    trials = 200
    held, _, used = coverage(most, target, trials)
    assert held >= binom.ppf(0.001, trials, 0.945) / trials
    assert used < 0.9


@pytest.mark.long
@pytest.mark.parametrize("shape", ["normal", "exponential"])
def test_coverage_at_the_end(shape):
    """Prints coverage and the share of calls used, by clips and target (`pytest -m long -s`)."""
    trials = 800
    for most in (Extent(4, 24), Extent(6, 24), Extent(8, 24), Extent(16, 12), Extent(40, 6)):
        for target in (0.05, 0.1, 0.15):
            held, fixed, used = coverage(most, target, trials, shape)
            print(
                f"{shape}, {most.clips} clips, {most.realizations} realizations, ±{target}: "
                f"{100 * held:.1f} % after {100 * used:.0f} % of the calls, {100 * fixed:.1f} % with all"
            )
            # Of lopsided scores, a fixed number of calls has too little coverage, too.
            least = 0.94 if shape == "normal" else min(0.94, fixed - 0.01)
            assert held >= binom.ppf(0.0005, trials, least) / trials


def test_each_round_holds_the_one_before_and_the_last_is_all():
    for most in (Extent(1, 1), Extent(5, 24), Extent(40, 1), Extent(40, 7)):
        found = extents(most)
        assert found[-1] == most
        for before, after in pairwise(found):
            assert after.clips >= before.clips and after.realizations >= before.realizations
            assert after.realizations == 1 or before.clips == most.clips
    assert {each.clips for each in extents(Extent(40, 7), needs_all_clips=True)} == {40}


def test_eight_clips_that_scatter_by_0_15_have_a_floor_of_0_125():
    values = np.array([-1.0, 1.0] * 4) * 0.15 * np.sqrt(7 / 8)
    clips = np.repeat(np.arange(8), 2)
    assert floor(np.repeat(values, 2), clips, clips, confidence=0.95).value == pytest.approx(0.125, abs=5e-4)


def test_the_interval_of_the_floor_covers_90_percent():
    random, trials, held = np.random.default_rng(4), 500, 0
    truth = student(7, SEQUENTIAL_CONFIDENCE) * CLIP_SD / np.sqrt(8)
    clips = np.repeat(np.arange(8), 4)
    for _ in range(trials):
        found = floor(draw(random, Extent(8, 4)).ravel(), clips, clips)
        held += found.low <= truth <= found.high
    assert held >= binom.ppf(0.001, trials, 0.9)


def test_clips_that_do_not_differ_have_a_floor_of_0():
    values = np.tile([1.0, -1.0], 8)
    clips = np.repeat(np.arange(8), 2)
    assert floor(values, clips, clips)[:2] == (0.0, 0.0)


def test_the_clips_of_a_speaker_are_no_realizations():
    random = np.random.default_rng(5)
    clips, speakers = np.repeat(np.arange(12), 3), np.repeat(np.arange(6), 6)
    values = np.repeat(random.normal(size=12), 3)
    found = floor(values, clips, speakers)
    assert found.value == pytest.approx(
        interval(values, speakers, SEQUENTIAL_CONFIDENCE).high - values.mean(), rel=0.03
    )


@pytest.mark.parametrize("calls", [1, 3])
def test_one_clip_or_one_realization_shows_no_floor(calls):
    assert np.isnan(floor(np.arange(calls), np.arange(calls), np.arange(calls))).all()
    assert np.isnan(floor(np.arange(calls), np.zeros(calls), np.zeros(calls))).all()


@pytest.mark.parametrize(
    ("half_width", "floors", "extent", "expected"),
    [
        (0.04, [], Extent(8, 1), "narrow"),
        (0.06, [], Extent(8, 1), ""),
        (0.06, [Estimate(0.1, 0.06, 0.2)], Extent(12, 2), "floor"),
        (0.06, [Estimate(0.1, 0.04, 0.2)], Extent(12, 2), ""),
        (0.06, [Estimate(0.1, 0.06, 0.2)], Extent(8, 2), ""),
        (0.06, [UNKNOWN], Extent(12, 4), "most"),
        (float("nan"), [], Extent(12, 5), "most"),
    ],
)
def test_a_run_ends_when_it_knows_enough_or_cannot_know_more(half_width, floors, extent, expected):
    assert ending(half_width, 0.05, floors, extent, Extent(12, 4)) == expected


def test_the_clips_needed_make_the_interval_narrow_in_most_runs():
    random, narrow, trials = np.random.default_rng(6), 0, 100
    for _ in range(trials):
        scores = draw(random, Extent(400, 1))[:, 0]
        needed = units_needed(scores[:10], np.arange(10), 0.15)
        deviation = scores[:needed].std(ddof=1)
        narrow += student(needed - 1, SEQUENTIAL_CONFIDENCE) * deviation / np.sqrt(needed) <= 0.15
    assert narrow / trials >= 0.65
    assert units_needed(scores[:10], np.arange(10), 1e-4) is None


def test_the_realizations_needed_follow_from_the_floor():
    # Of a variance of 0.05, 0.01 is that of the clips, and 0.04 that of 2 realizations.
    assert realizations_needed(0.05**0.5, 0.1, 2, 0.02**0.5) == 8
    assert realizations_needed(0.2, 0.1, 2, 0.1) is None
    assert realizations_needed(0.2, float("nan"), 2, 0.1) is None
    assert realizations_needed(float("inf"), 0.0, 2, 0.1) is None
