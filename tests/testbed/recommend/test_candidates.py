"""The grid of configurations, its limits, and their errors."""

import math

import pytest

from testbed.errors import ScenarioError, UnknownNameError
from testbed.recommend.candidates import (
    MOST_CANDIDATES,
    Candidate,
    NetworkFacts,
    candidate_grid,
    longest_buffer_ms,
    overhead_kbps,
)
from testbed.recommend.limits import RecommendLimits
from testbed.recommend.wrong_guess import wrong_guesses

LOSSY = NetworkFacts(loss=0.1, least_delay_ms=30, capacity_kbps=math.inf)
CODEC = {"complexity": 5, "total_kbps": 24}


@pytest.mark.parametrize("max_kbps", [24, 40, 64, 200])
@pytest.mark.parametrize("max_delay_ms", [60, 150, 400])
@pytest.mark.parametrize("has_exact_dred", [False, True])
def test_a_grid_keeps_its_size_and_its_limits(
    max_kbps: float, max_delay_ms: float, has_exact_dred: bool
) -> None:
    limits = RecommendLimits(max_kbps, max_delay_ms)
    grid = candidate_grid(limits, LOSSY, CODEC, has_exact_dred)
    assert 0 < len(grid.candidates) <= MOST_CANDIDATES
    names = [each.name for each in grid.candidates]
    assert len(set(names)) == len(names)
    for each in grid.candidates:
        assert each.rate_kbps + overhead_kbps(20) <= max_kbps
        assert each.codec["complexity"] == 5
        if each.buffer_ms is not None:
            assert each.buffer_ms <= longest_buffer_ms(max_delay_ms, LOSSY.least_delay_ms, 20)


def test_a_grid_has_every_mechanism_two_bitrates_and_three_receivers() -> None:
    candidates = candidate_grid(RecommendLimits(), LOSSY, CODEC).candidates
    assert {key for each in candidates for key in each.scheme} == {"neural_plc", "red", "lbrr", "dred"}
    assert len({each.rate_kbps for each in candidates}) >= 2
    assert {each.receiver for each in candidates} == {
        "adaptive buffer",
        "buffer of 190 ms",
        "buffer of 95 ms",
    }
    expected = {each.codec["expected_loss"] for each in candidates if each.uses_expected_loss}
    assert expected == {0.1, 0.2}


def test_a_network_without_loss_is_searched_without_redundancy() -> None:
    grid = candidate_grid(RecommendLimits(), NetworkFacts(0, 0, math.inf), CODEC)
    assert {key for each in grid.candidates for key in each.scheme} == {"neural_plc"}


def test_what_a_link_has_no_room_for_is_left_out_with_the_reason() -> None:
    grid = candidate_grid(RecommendLimits(100), NetworkFacts(0.1, 30, 60), CODEC)
    assert grid.left_out[0] == "more than 57 kb/s on the wire: the link has 60 kb/s"
    assert max(each.rate_kbps for each in grid.candidates) + overhead_kbps(20) <= 57


def test_copies_that_are_too_small_are_left_out_with_the_reason() -> None:
    grid = candidate_grid(RecommendLimits(30), LOSSY, CODEC)
    assert "RED x2 at 14 kb/s: each copy has under 6 kb/s" in grid.left_out


@pytest.mark.parametrize(
    ("limits", "facts", "said"),
    [
        (RecommendLimits(20), LOSSY, r"--max-kbps 20 excludes everything.*nearest limit is 22 kb/s"),
        (RecommendLimits(64, 40), LOSSY, r"--max-delay-ms 40 excludes everything.* 56\.5 ms"),
        (RecommendLimits(64), NetworkFacts(0.1, 30, 20), r"its link has 20 kb/s.* 22 kb/s"),
    ],
)
def test_a_limit_that_excludes_everything_is_named_with_the_nearest_that_does_not(
    limits: RecommendLimits, facts: NetworkFacts, said: str
) -> None:
    with pytest.raises(ScenarioError, match=said):
        candidate_grid(limits, facts, CODEC)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"max_kbps": 0}, "--max-kbps 0: give a number above 0"),
        ({"max_delay_ms": -1}, "--max-delay-ms -1: give a number above 0"),
        ({"min_score": 7}, "--min-score 7: PLCMOS goes from 1 to 5"),
        ({"margin": 0}, "--margin 0: give a number above 0"),
    ],
)
def test_a_limit_out_of_range_is_refused(arguments: dict[str, float], said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        RecommendLimits(**arguments)


def test_an_unknown_metric_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean plcmos"):
        RecommendLimits(metric="plcmoss")


def test_wrong_guesses_are_off_by_a_factor_of_two_in_both_directions() -> None:
    fixed = {"policy": "fixed", "buffer_ms": 100}
    chosen = Candidate({"total_kbps": 48, "expected_loss": 0.1}, {"dred": {"depth_ms": 200}}, fixed)
    assert [said for said, _ in wrong_guesses(chosen)] == [
        "expected loss 5 %",
        "expected loss 20 %",
        "buffer 50 ms",
        "buffer 200 ms",
    ]
    assert [each.codec["expected_loss"] for _, each in wrong_guesses(chosen)] == [0.05, 0.2, 0.1, 0.1]


def test_what_is_not_guessed_cannot_be_wrong() -> None:
    adaptive = {"policy": "adaptive"}
    red = Candidate({"total_kbps": 48, "expected_loss": 0.1}, {"red": {"copies": 1}}, adaptive)
    assert list(wrong_guesses(red)) == []
    lbrr = Candidate({"total_kbps": 48, "expected_loss": 0.01}, {"lbrr": {}}, adaptive)
    assert [said for said, _ in wrong_guesses(lbrr)] == ["expected loss 2 %"], "libopus takes whole percent"
