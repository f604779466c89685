"""Means and shares with their 95 % bootstrap intervals, from columns indexed by clip and realization."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from testbed import stats


@dataclass(frozen=True)
class Interval:
    """An estimate over `pairs` of (clip, realization), with its 95 % interval (NaN for one call)."""

    mean: float
    low: float
    high: float
    pairs: int

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
        return self if sign > 0 else type(self)(-self.mean, -self.high, -self.low, self.pairs)


def interval(column: "pd.Series[float]", bounds: tuple[float, float] | None = None) -> Interval | None:
    """Return the mean of a column whose index is (clip, realization); None if it has no value.

    The interval is cut off at `bounds`, beyond which the mean cannot be.
    """
    column = column.dropna()
    if not len(column):
        return None
    mean, low, high = stats.interval(column.to_numpy(float), column.index.get_level_values("clip").to_numpy())
    if bounds is not None:
        low, high = (float(np.clip(end, *bounds)) for end in (low, high))
    return Interval(mean, low, high, len(column))


def ratio(won: "pd.Series[float]", lost: "pd.Series[float]") -> Interval | None:
    """Return mean(won) / mean(lost) over the pairs that have both; None if the loss is not significant."""
    both = pd.DataFrame({"won": won, "lost": lost}).dropna()
    loss = interval(both["lost"])
    if loss is None or not loss.low > 0:
        return None
    clips = both.index.get_level_values("clip").to_numpy()
    return Interval(*stats.ratio(both["won"].to_numpy(), both["lost"].to_numpy(), clips), len(both))
