"""A curve of quality over the logarithm of the bitrate, and the Bjøntegaard differences of two of them."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from testbed.reports.bjontegaard import mean_difference, rises, value_at
from testbed.reports.intervals import Interval
from testbed.stats import CONFIDENCE, resamples, student

FEWEST_RATES = 4
"""Fewest rates of a curve."""
_RESAMPLES = 1000
_LEAST_DEFINED = 0.95
"""Smallest share of the resamples in which a difference is defined, for it to have an interval."""


@dataclass(frozen=True)
class Difference:
    """A difference to the baseline, or the reason that it is not defined.

    Attributes
    ----------
    value
        Its mean and 95 % interval; None if it is not defined.
    reason
        Why it is not defined; "" if it is.
    """

    value: Interval | None
    reason: str = ""


def weights(units: int) -> NDArray[np.float64]:
    """Return the weights of clips or speakers: row 0 has all once, each other row is a resample."""
    drawn = resamples(units)[:_RESAMPLES] if units > 1 else np.ones((0, units))
    return np.vstack([np.ones(units), drawn])


@dataclass(frozen=True, eq=False)
class RateCurve:
    """Points by rising bitrate; row 0 is of all calls, each other row of one resample (`weights`).

    Attributes
    ----------
    name
        Name of what is measured, for reasons.
    rates, qualities
        (rows, points): logarithms of the bitrates, and qualities, of which larger is better.
    calls, clips, units
        Numbers of what was measured; the units are what is resampled.
    confidence
        Of the intervals.
    """

    name: str
    rates: NDArray[np.float64]
    qualities: NDArray[np.float64]
    calls: int
    clips: int
    units: int
    confidence: float = CONFIDENCE

    def at(self, rate: float) -> NDArray[np.float64]:
        """Return the quality at the logarithm of a bitrate, by row; NaN beyond the curve."""
        return value_at(self.rates, self.qualities, rate)

    def interval(self, values: NDArray[np.float64]) -> Interval:
        """Return the estimate of row 0 with the interval of the others."""
        value, defined = float(values[0]), values[1:][np.isfinite(values[1:])]
        reach = math.nan
        if self.units > 1 and len(defined) >= _LEAST_DEFINED * (len(values) - 1):
            error = float(defined.std()) * math.sqrt(self.units / (self.units - 1))
            reach = student(self.units - 1, self.confidence) * error
        return Interval(value, value - reach, value + reach, self.calls, self.clips)


def differences(curve: RateCurve, baseline: RateCurve) -> tuple[Difference, Difference]:
    """Return the bitrate relative to the baseline's, minus 1, at equal quality, and the quality gained.

    Both are means by the logarithm of the bitrate over what both curves have (BD-rate and BD-quality).
    """
    for whose, each in (("", curve), (f" for {baseline.name}", baseline)):
        if each.rates.shape[1] < FEWEST_RATES:
            reason = f"there are scores at fewer than {FEWEST_RATES} bitrates{whose}"
            return Difference(None, reason), Difference(None, reason)
        if not rises(each.rates[:1])[0]:
            reason = f"several points have the same bitrate{whose}"
            return Difference(None, reason), Difference(None, reason)
    mine, others = (curve.rates, curve.qualities), (baseline.rates, baseline.qualities)
    quality = Difference(None, "no bitrate is common to both")
    if np.isfinite((values := mean_difference(*mine, *others))[0]):
        quality = Difference(curve.interval(values))
    for whose, each in (("", curve), (f" of {baseline.name}", baseline)):
        if not rises(each.qualities[:1])[0]:
            return Difference(None, f"the quality{whose} does not rise with every bitrate"), quality
    logs = mean_difference(*mine[::-1], *others[::-1])
    if not np.isfinite(logs[0]):
        return Difference(None, "no quality is common to both"), quality
    ratio = curve.interval(logs)
    mean, low, high = (math.expm1(each) for each in (ratio.mean, ratio.low, ratio.high))
    return Difference(Interval(mean, low, high, ratio.pairs, ratio.clips)), quality
