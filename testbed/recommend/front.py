"""The Pareto front: configurations that no other beats in bitrate, delay and quality together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from testbed.stats import Estimate

_KBPS, _MS = 1.0, 5.0
"""Differences of bitrate and delay below these do not count."""


@dataclass(frozen=True)
class FrontMember:
    """A configuration with its costs and its quality.

    Attributes
    ----------
    place
        Its place in the grid.
    wire_kbps, delay_ms
        Means; `delay_ms` is NaN if unknown.
    score
        Mean score, larger is better.
    gap
        Difference of the score to that of the best, on the calls that both made.
    calls
        Number of calls.
    """

    place: int
    wire_kbps: float
    delay_ms: float
    score: float
    gap: Estimate
    calls: int


def pareto_front(members: Sequence[FrontMember], with_place: int | None = None) -> list[FrontMember]:
    """Return the members that no other beats, and the one at a given place, the cheapest first."""
    kept = [
        each
        for each in members
        if each.place == with_place or not any(_beats(other, each) for other in members)
    ]
    return sorted(kept, key=lambda each: (each.wire_kbps, each.delay_ms, each.place))


def _beats(one: FrontMember, other: FrontMember) -> bool:
    """Return whether one is at least as good in everything, and better in something or listed before it."""
    if np.isnan(one.score) or one.place == other.place:
        return False
    if np.isnan(other.score):
        return True
    gains = (
        _steps(other.wire_kbps - one.wire_kbps, _KBPS),
        _steps(other.delay_ms - one.delay_ms, _MS),
        one.score - other.score,
    )
    return min(gains) >= 0 and (max(gains) > 0 or one.place < other.place)


def _steps(difference: float, least: float) -> float:
    return difference if abs(difference) >= least else 0.0
