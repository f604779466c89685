"""The choice among finalists whose scores are known."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from testbed.randomness import generator
from testbed.recommend.candidates import Candidate
from testbed.recommend.comparing import choice_among, chosen_of, member
from testbed.recommend.limits import RecommendLimits
from testbed.recommend.measuring import CandidateCalls
from testbed.recommend.search import MeasuredCalls, Searched

ADAPTIVE = {"policy": "adaptive"}


class Made:
    """Calls with given mean scores, bitrates and delays, of 8 clips."""

    metric = "plcmos"

    def __init__(self, scores: list[float], kbps: list[float], delay_ms: list[float], clips: int = 8) -> None:
        self.candidates = [
            Candidate({"total_kbps": 20 + n, "expected_loss": 0.1}, {"neural_plc": {}}, ADAPTIVE)
            for n in range(len(scores))
        ]
        self.clip_names = [f"clip {n}" for n in range(clips)]
        self.calls = 3 * clips
        noise = generator(0, "noise").normal(0, 0.02, (self.calls, len(scores)))
        self.scores = np.array(scores) + noise - noise.mean(axis=0)
        self.kbps, self.delay_ms = np.array(kbps), np.array(delay_ms)

    def column(self, places: Sequence[int], calls: int, name: str) -> NDArray[np.float64]:
        whole = self.scores if name == self.metric else np.tile(self.kbps, (self.calls, 1))
        return whole[:calls, list(places)]

    def measured(self, places: Sequence[int], calls: int) -> MeasuredCalls:
        of_these = list(places)
        return MeasuredCalls(self.scores[:calls, of_these], self.kbps[of_these], self.delay_ms[of_these])

    def chosen(self, **limits: Any) -> tuple[int, bool]:
        calls = cast(CandidateCalls, self)
        best_first = tuple(int(place) for place in np.argsort(-self.scores.mean(axis=0)))
        searched = Searched(best_first, (self.calls,) * len(best_first))
        given = RecommendLimits(**limits)
        members = [member(calls, searched, place) for place in best_first]
        return chosen_of(calls, searched, choice_among(calls, searched, given), members, given)


def test_the_cheapest_within_the_margin_is_chosen() -> None:
    assert Made([4.0, 3.97, 3.7], [60, 50, 30], [100, 100, 100]).chosen() == (1, True)


def test_of_nearly_equal_bitrates_the_least_delay_is_chosen() -> None:
    assert Made([4.0, 3.99, 3.98], [60, 62, 61], [250, 150, 200]).chosen() == (1, True)
    assert Made([4.0, 3.99, 3.98], [60, 64, 61], [250, 150, 200]).chosen() == (2, True)


def test_too_few_clips_show_nothing_so_the_best_mean_is_chosen() -> None:
    assert Made([3.97, 4.0], [30, 60], [100, 100], clips=3).chosen() == (1, False)


def test_with_a_least_score_the_cheapest_that_reaches_it_is_chosen() -> None:
    made = Made([4.0, 3.8, 3.5], [60, 50, 30], [100, 100, 100])
    assert made.chosen(min_score=3.4) == (2, True)
    assert made.chosen(min_score=3.6) == (1, True)
    assert made.chosen(min_score=4.5) == (0, False)


def test_a_score_is_that_of_the_best_less_the_difference_on_common_calls() -> None:
    made = Made([4.0, 3.8], [60, 50], [100, 100])
    made.scores[:4] += 0.5  # the first calls are easy ones
    searched = Searched((0, 1), (made.calls, 4))
    calls = cast(CandidateCalls, made)
    best, other = (member(calls, searched, place) for place in (0, 1))
    assert abs(best.score - other.score - 0.2) < 0.05
    assert best.gap.value == 0
