"""The search on tables of scores whose best configuration is known."""

from collections.abc import Sequence

import numpy as np
import pytest

from testbed.randomness import generator
from testbed.recommend.search import MeasuredCalls, Searched, calls_of, promoted, schedule, search

MARGIN = 0.1


class Table:
    """Scores of configurations whose qualities are known, and the calls that a search took from it."""

    def __init__(self, seed: int, configurations: int, calls: int, deviation: float, values: int = 0) -> None:
        rng = generator(seed, "table")
        self.quality = 3.5 + rng.normal(0, 0.4, configurations)
        if values:  # many configurations are equal, as redundancy is on a network that loses little
            self.quality = np.round(self.quality * values) / values
        of_call = rng.normal(0, 0.5, (calls, 1))
        self.scores = self.quality + of_call + rng.normal(0, deviation, (calls, configurations))
        self.kbps = rng.uniform(30, 64, configurations)
        self.asked: list[tuple[int, int]] = []

    def measure(self, places: Sequence[int], calls: int) -> MeasuredCalls:
        chosen = list(places)
        self.asked.append((len(chosen), calls))
        return MeasuredCalls(self.scores[:calls, chosen], self.kbps[chosen], np.full(len(chosen), 100.0))

    def search(self) -> Searched:
        calls, configurations = self.scores.shape
        return search(configurations, schedule(configurations, calls), self.measure, MARGIN)

    def regret(self, searched: Searched) -> float:
        return float(self.quality.max() - self.quality[list(searched.finalists)].max())


@pytest.mark.parametrize("values", [0, 2])
@pytest.mark.parametrize("configurations", [24, 60])
def test_a_finalist_is_within_the_margin_of_the_best_at_a_fifth_of_the_cost(
    configurations: int, values: int
) -> None:
    regrets, shares = [], []
    for seed in range(100):
        table = Table(seed, configurations, 48, 0.25, values)
        searched = table.search()
        regrets.append(table.regret(searched))
        shares.append(sum(searched.calls) / table.scores.size)
    assert np.mean(np.array(regrets) <= MARGIN) >= 0.97
    assert max(shares) <= 0.2


def test_the_same_scores_give_the_same_finalists() -> None:
    assert Table(5, 60, 48, 0.3).search().finalists == Table(5, 60, 48, 0.3).search().finalists


def test_rounds_nest_and_get_smaller() -> None:
    table = Table(1, 60, 48, 0.25)
    table.search()
    asked = table.asked[1:]
    assert [calls for _, calls in asked] == [3, 9, 20, 48]
    assert [number for number, _ in asked] == sorted((number for number, _ in asked), reverse=True)
    assert asked[0][0] == 60


def test_a_schedule_keeps_its_cost_below_a_fifth() -> None:
    for configurations in (30, 60, 64):
        assert calls_of(schedule(configurations, 48)) <= 0.18 * configurations * 48


@pytest.mark.parametrize(("configurations", "calls"), [(1, 1), (2, 1), (3, 2), (64, 1), (1, 48)])
def test_small_grids_have_a_schedule(configurations: int, calls: int) -> None:
    rounds = schedule(configurations, calls)
    assert rounds[0].keep == configurations
    assert rounds[-1].calls == calls


def test_what_is_worse_beyond_doubt_is_dropped_even_where_there_is_room() -> None:
    scores = np.tile([4.0, 2.0, 3.95], (6, 1)) + generator(0, "noise").normal(0, 0.02, (6, 3))
    measured = MeasuredCalls(scores, np.array([60.0, 30.0, 50.0]), np.full(3, 100.0))
    assert set(promoted(measured, 3, MARGIN)) == {0, 2}


def test_a_cheap_configuration_within_the_margin_gets_a_place_before_a_dear_one() -> None:
    scores = np.tile([4.0, 3.99, 3.98, 3.95], (6, 1)) + generator(1, "noise").normal(0, 0.1, (6, 4))
    scores += np.array([4.0, 3.99, 3.98, 3.95]) - scores.mean(axis=0)
    measured = MeasuredCalls(scores, np.array([60.0, 59.0, 58.0, 30.0]), np.full(4, 100.0))
    assert promoted(measured, 2, MARGIN) == [0, 3]


def test_where_a_score_is_good_enough_the_cheapest_that_reaches_it_gets_a_place() -> None:
    means = np.array([4.0, 3.9, 3.85, 3.5])
    scores = np.tile(means, (6, 1)) + generator(3, "noise").normal(0, 0.02, (6, 4))
    measured = MeasuredCalls(scores, np.array([60.0, 55.0, 50.0, 30.0]), np.full(4, 100.0))
    assert promoted(measured, 2, MARGIN) == [0, 1]
    assert promoted(measured, 2, MARGIN, least=3.4) == [0, 3]


def test_of_equal_sounds_the_one_with_the_least_delay_gets_the_place() -> None:
    scores = np.tile([4.0, 3.98, 3.98, 3.95], (6, 1)) + generator(2, "noise").normal(0, 0.05, (6, 1))
    measured = MeasuredCalls(scores, np.full(4, 60.0), np.array([100.0, 250.0, 150.0, 100.0]))
    assert promoted(measured, 3, MARGIN) == [0, 2, 3]


def test_configurations_without_a_score_are_dropped() -> None:
    scores = np.array([[4.0, np.nan], [4.1, np.nan]])
    assert promoted(MeasuredCalls(scores, np.zeros(2), np.zeros(2)), 2, MARGIN) == [0]


def test_what_is_not_possible_is_excluded_after_its_first_calls() -> None:
    table = Table(2, 30, 48, 0.1)
    best = int(table.quality.argmax())
    rounds = schedule(30, 48)
    searched = search(30, rounds, table.measure, MARGIN, lambda place: place != best)
    assert best in searched.excluded
    assert best not in searched.finalists
    assert searched.calls[best] == rounds[0].calls
    assert table.quality[list(searched.finalists)].max() >= np.sort(table.quality)[-2] - MARGIN


def test_nothing_possible_gives_no_finalist() -> None:
    table = Table(3, 8, 12, 0.1)
    searched = search(8, schedule(8, 12), table.measure, MARGIN, lambda place: False)
    assert searched.finalists == ()
    assert set(searched.excluded) == set(range(8))
