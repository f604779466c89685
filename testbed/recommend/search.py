"""The search: rounds that drop what is clearly worse and give more calls to the rest (successive halving).

Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", 2016. All
configurations meet the same clips and losses, so they are compared call by call. The calls of a round are
those of the round before and further ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

SHARES = ((1, 1 / 16), (4, 3 / 16), (10, 2 / 5), (20, 1))
"""For each round, the divisor of the number of configurations, and the share of all calls that each gets."""
_LEAST_CALLS, _LEAST_KEPT = 3, 2
_PRIOR_CALLS = 4
"""Calls that the deviation common to all configurations counts for; see `_pooled_error`."""
_CLEARLY = 3.0
"""Standard errors by which a configuration must be worse than the best, beyond the margin, to be dropped
where there is room for it. Three allow for the many configurations and the few calls of early rounds."""


@dataclass(frozen=True)
class Round:
    """A round of the search.

    Attributes
    ----------
    keep
        Most configurations in it.
    calls
        Calls of each configuration in it and all rounds before.
    """

    keep: int
    calls: int


@dataclass(frozen=True)
class MeasuredCalls:
    """The measurements of some configurations over the same calls.

    Attributes
    ----------
    scores
        (calls, configurations): larger is better; NaN for a call without a score.
    wire_kbps, delay_ms
        (configurations,): mean bitrate on the wire and delay from mouth to ear; NaN if unknown.
    """

    scores: NDArray[np.float64]
    wire_kbps: NDArray[np.float64]
    delay_ms: NDArray[np.float64]

    def part(self, places: Sequence[int]) -> "MeasuredCalls":
        """Return the measurements of some of the configurations."""
        chosen = list(places)
        return MeasuredCalls(self.scores[:, chosen], self.wire_kbps[chosen], self.delay_ms[chosen])


@dataclass(frozen=True)
class Searched:
    """The result of a search.

    Attributes
    ----------
    finalists
        The configurations of the last round, the best mean first.
    calls
        Number of calls of each configuration of the grid.
    excluded
        Configurations that were measured and are not possible.
    """

    finalists: tuple[int, ...]
    calls: tuple[int, ...]
    excluded: tuple[int, ...] = ()


def schedule(configurations: int, calls: int) -> list[Round]:
    """Return the rounds for a grid whose whole comparison would take `calls` calls of each configuration.

    Examples
    --------
    >>> from testbed.recommend.search import schedule
    >>> [(each.keep, each.calls) for each in schedule(60, 48)]
    [(60, 3), (15, 9), (6, 20), (3, 48)]
    """
    rounds: list[Round] = []
    for divisor, share in SHARES:
        keep = min(configurations, max(_LEAST_KEPT, ceil(configurations / divisor)))
        number = min(calls, max(_LEAST_CALLS, ceil(calls * share)))
        if not rounds or number > rounds[-1].calls:
            rounds.append(Round(keep, number))
    return rounds


def calls_of(rounds: Sequence[Round]) -> int:
    """Return the most calls that rounds take."""
    before = [0, *(each.calls for each in rounds)]
    return sum(each.keep * (each.calls - done) for each, done in zip(rounds, before, strict=False))


def search(
    configurations: int,
    rounds: Sequence[Round],
    measure: Callable[[Sequence[int], int], MeasuredCalls],
    margin: float,
    is_possible: Callable[[int], bool] = lambda configuration: True,
    least: float | None = None,
) -> Searched:
    """Search a grid.

    Parameters
    ----------
    configurations
        Number of configurations.
    rounds
        See `schedule`.
    measure
        Returns the measurements of some configurations over the first calls; takes their places, and the
        number of calls.
    margin
        Difference that does not matter.
    is_possible
        Whether a configuration that was measured keeps the limits, and did what it was asked for.
    least
        Mean score that is good enough, on the scale of `MeasuredCalls.scores`; None: as good as the best.
    """
    left = list(range(configurations))
    calls, excluded = [0] * configurations, []
    measured = measure([], 0)
    for place, each in enumerate(rounds):
        measured = measure(left, each.calls)
        for configuration in left:
            calls[configuration] = each.calls
        kept = [index for index, configuration in enumerate(left) if is_possible(configuration)]
        excluded += [configuration for index, configuration in enumerate(left) if index not in kept]
        most = rounds[place + 1].keep if place + 1 < len(rounds) else len(kept)
        kept = [kept[index] for index in promoted(measured.part(kept), most, margin, least)]
        left, measured = [left[index] for index in kept], measured.part(kept)
        if not left:
            break
    return Searched(tuple(left), tuple(calls), tuple(excluded))


def promoted(measured: MeasuredCalls, most: int, margin: float, least: float | None = None) -> list[int]:
    """Return the configurations of a round that may still be the answer, the best mean first.

    What is worse than the best by more than the margin, beyond doubt, is dropped. If more than `most` are
    left, half of the places go to the best means, and the others to the cheapest whose mean is within the
    margin of the best: one of these will be recommended. Of several that sound the same in every call, the
    one with the least delay comes first, and the others get places that are left. Where a mean of `least` is
    good enough, the margin reaches down to it.
    """
    scores = measured.scores
    if not scores.shape[1]:
        return []
    mean = means(scores)
    by_mean = np.lexsort((measured.delay_ms, -mean))
    order = [int(place) for place in by_mean if not np.isnan(mean[place])]
    if not order:
        return []
    if least is not None:
        margin = max(margin, float(mean[order[0]]) - least)
    gaps = scores - scores[:, [order[0]]]
    gap = means(gaps)
    doubt = _CLEARLY * _pooled_error(gaps)
    possible = [place for place in order if gap[place] >= -margin - doubt[place]]
    if len(possible) <= most:
        return possible
    distinct = _distinct(scores, possible)
    best = distinct[: ceil(most / 2)]
    near = [place for place in distinct if place not in best and gap[place] >= -margin]
    costs = [
        cost(float(kbps), float(delay_ms))
        for kbps, delay_ms in zip(measured.wire_kbps, measured.delay_ms, strict=True)
    ]
    cheapest = sorted(near, key=lambda place: costs[place])
    chosen = [*best, *cheapest[: most - len(best)]]
    further = [place for place in [*distinct, *possible] if place not in chosen]
    chosen += [*dict.fromkeys(further)][: most - len(chosen)]
    return [place for place in possible if place in chosen]


def cost(wire_kbps: float, delay_ms: float) -> tuple[float, float]:
    """Return what to compare configurations of equal quality by: bitrate in whole kb/s, then delay."""
    return round(wire_kbps), np.inf if np.isnan(delay_ms) else delay_ms


def _distinct(scores: NDArray[np.float64], places: Sequence[int]) -> list[int]:
    """Return the first of each group of configurations with the same score in every call."""
    first: dict[bytes, int] = {}
    for place in places:
        first.setdefault(np.round(scores[:, place], 6).tobytes(), place)
    return [*first.values()]


def means(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each column without its NaN; NaN for a column without a number."""
    known = ~np.isnan(table)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(known, table, 0).sum(axis=0) / known.sum(axis=0), np.float64)


def _pooled_error(gaps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard error of the mean of each column.

    Few calls determine a deviation badly, so the common deviation of all columns is mixed in, as if it came
    from `_PRIOR_CALLS` further calls.
    """
    count = (~np.isnan(gaps)).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        centred = gaps - np.nansum(gaps, axis=0) / count
        squares = np.nansum(centred**2, axis=0)
        freedom = np.maximum(count - 1, 0)
        common = squares.sum() / max(1, int(freedom.sum()))
        variance = (squares + _PRIOR_CALLS * common) / (freedom + _PRIOR_CALLS)
        return np.asarray(np.sqrt(variance / count), np.float64)
