"""Means and shares with their 95 % bootstrap intervals, over calls in clips or of speakers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from testbed import stats

Numbers = NDArray[np.float64]
Labels = NDArray[Any]


@dataclass(frozen=True)
class Sample:
    """The clip of each call, and the unit that intervals resample: its speaker or the clip; any labels.

    Attributes
    ----------
    strata
        The point of each call, where a mean is over points of equal weight; None where it is over calls.
    confidence
        Of the intervals.
    """

    clips: Labels
    units: Labels
    strata: Labels | None = None
    confidence: float = stats.CONFIDENCE

    def of(self, calls: NDArray[np.bool_] | slice) -> Self:
        """Return those of some of the calls."""
        strata = None if self.strata is None else self.strata[calls]
        return replace(self, clips=self.clips[calls], units=self.units[calls], strata=strata)


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate over `pairs` (clip, realization) of `clips`, with its 95 % interval (NaN for one call)."""

    mean: float
    low: float
    high: float
    pairs: int
    clips: int

    @property
    def is_known(self) -> bool:
        """True if there were enough calls for an interval."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def is_significant(self) -> bool:
        """True if the interval of a difference excludes 0."""
        return self.is_known and not self.low <= 0 <= self.high

    def times(self, sign: int) -> Self:
        """Return the estimate multiplied by 1 or -1."""
        return self if sign > 0 else type(self)(-self.mean, -self.high, -self.low, self.pairs, self.clips)


def confidence_of(manifest: Mapping[str, Any]) -> float:
    """Return the nominal confidence of a run's intervals; see `testbed.stats.SEQUENTIAL_CONFIDENCE`."""
    return stats.SEQUENTIAL_CONFIDENCE if manifest.get("until_ci") else stats.CONFIDENCE


def interval(values: Numbers, sample: Sample, bounds: tuple[float, float] | None = None) -> Interval | None:
    """Return the mean of the calls that have a value; None if none has, or none at a point.

    The interval is cut off at `bounds`, beyond which the mean cannot be.
    """
    there = ~np.isnan(values)
    if sample.strata is None:
        mean, low, high = stats.interval(values, sample.units, sample.confidence)
    else:
        mean, low, high = stats.stratified(values, sample.units, sample.strata, confidence=sample.confidence)
    if math.isnan(mean):
        return None
    if bounds is not None:
        low, high = (float(np.clip(end, *bounds)) for end in (low, high))
    return Interval(mean, low, high, int(there.sum()), len(np.unique(sample.clips[there])))


def ratio(won: Numbers, lost: Numbers, sample: Sample) -> Interval | None:
    """Return mean(won) / mean(lost) over the calls that have both; None if the loss is not significant."""
    both = ~(np.isnan(won) | np.isnan(lost))
    won, lost, sample = won[both], lost[both], sample.of(both)
    loss = interval(lost, sample)
    if loss is None or not loss.low > 0:
        return None
    if sample.strata is None:
        share = stats.ratio(won, lost, sample.units, sample.confidence)
    else:
        share = stats.stratified(won, sample.units, sample.strata, lost, sample.confidence)
    return Interval(*share, loss.pairs, loss.clips)
