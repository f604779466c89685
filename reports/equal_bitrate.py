"""Schemes compared at equal bitrate and at equal quality, where the bitrate of the speech is swept."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from testbed.metrics import described
from testbed.reports.bjontegaard import mean_difference, rises, value_at
from testbed.reports.intervals import Interval
from testbed.reports.summary import Summary
from testbed.stats import resamples, student

RATE_KEYS = ("codec.bitrate_kbps", "codec.total_kbps")
"""Swept keys along which a scheme has a curve of quality over bitrate."""
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


@dataclass(frozen=True)
class AtEqualBitrate:
    """One scheme.

    Attributes
    ----------
    bitrate
        Its bitrate on the wire relative to the baseline's, minus 1, at equal quality: the mean over the
        qualities that both have, by the logarithm (BD-rate). Negative is cheaper.
    quality
        How much better it is than the baseline at equal bitrate: the mean over the bitrates that both have,
        by the logarithm (BD-quality). Positive is better for metrics of either direction.
    score
        Its score at the bitrate `EqualBitrate.at_kbps`; None if its curve does not reach there.
    """

    scheme: str
    bitrate: Difference
    quality: Difference
    score: Interval | None


@dataclass(frozen=True)
class EqualBitrate:
    """The schemes at the points along one swept bitrate, by one metric.

    Attributes
    ----------
    at
        Values of the other swept keys.
    points
        The points, by rising bitrate.
    at_kbps
        A bitrate on the wire that the most schemes reach, near the middle.
    schemes
        The baseline first.
    """

    metric: str
    at: dict[str, Any]
    points: tuple[int, ...]
    at_kbps: float
    schemes: tuple[AtEqualBitrate, ...]


def at_equal_bitrate(summary: Summary, metric: str) -> list[EqualBitrate]:
    """Compare all schemes with the baseline, once per combination of the other swept values.

    Empty if no bitrate of the speech is swept with four values or more, or there is no baseline.
    """
    if summary.baseline is None or metric not in summary.metrics:
        return []
    table = summary.rows_to_score(metric)
    found = []
    for at, points in _lines(summary.points):
        curves = _Curves(summary, table[table["point"].isin(points)], metric, points)
        if summary.baseline in curves.schemes:
            found.append(_compared(summary.baseline, curves, metric, at))
    return found


def _lines(points: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], tuple[int, ...]]]:
    """Return the points along each swept bitrate with the values of the other keys, if they are enough."""
    key = next((key for key in RATE_KEYS if key in points[0]), None)
    if key is None:
        return []
    rates = {each[key] for each in points}
    others = [
        name
        for name in points[0]
        if name != key and len({(each[key], each[name]) for each in points}) > len(rates)
    ]
    lines: dict[tuple[Any, ...], dict[float, int]] = defaultdict(dict)
    for number, each in enumerate(points):
        lines[tuple(each[name] for name in others)][each[key]] = number
    return [
        (dict(zip(others, at, strict=True)), tuple(line[rate] for rate in sorted(line)))
        for at, line in lines.items()
        if len(line) >= FEWEST_RATES
    ]


class _Curves:
    """Curves of quality over the logarithm of the bitrate: row 0 of the calls, then one of each resample.

    Parameters
    ----------
    table
        The rows at the points.
    points
        By rising bitrate of the speech.
    """

    def __init__(self, summary: Summary, table: pd.DataFrame, metric: str, points: tuple[int, ...]) -> None:
        table = table[table[metric].notna()]
        self.points = points
        self._sign = described(metric).sign
        names = table["clip"].map(summary.speakers) if summary.speakers else table["clip"]
        unit = np.unique(names.to_numpy(str), return_inverse=True)[1]
        self.units = int(unit.max(initial=-1)) + 1
        self.clips = int(table["clip"].nunique())
        self.confidence = summary.confidence
        drawn = resamples(self.units)[:_RESAMPLES] if self.units > 1 else np.ones((0, self.units))
        self._weights = np.vstack([np.ones(self.units), drawn])
        place = table["point"].map({point: place for place, point in enumerate(points)}).to_numpy()
        scheme = table["scheme"].to_numpy(str)
        columns = [np.ones(len(table)), table["wire_kbps"].to_numpy(float), table[metric].to_numpy(float)]
        self._sums = {}
        for name in summary.rivals():
            cell = (scheme == name).nonzero()[0]
            index, size = unit[cell] * len(points) + place[cell], self.units * len(points)
            sums = [np.bincount(index, each[cell], size).reshape(self.units, -1) for each in columns]
            if (sums[0].sum(axis=0) > 0).sum() > 0:
                self._sums[name] = sums
        self.schemes = list(self._sums)

    def calls(self, scheme: str) -> int:
        """Return the number of calls of a scheme."""
        return int(self._sums[scheme][0].sum())

    def of(self, scheme: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the logarithms of the bitrates and the qualities, larger is better, at points with calls."""
        there = self._sums[scheme][0].sum(axis=0) > 0
        calls, kbps, scores = (self._weights @ each[:, there] for each in self._sums[scheme])
        with np.errstate(divide="ignore", invalid="ignore"):
            rates, qualities = np.log(kbps / calls), self._sign * scores / calls
        order = np.argsort(rates[0], kind="stable")
        return rates[:, order], qualities[:, order]

    def interval(self, values: NDArray[np.float64], scheme: str) -> Interval:
        """Return the estimate of row 0 with the interval of the others."""
        value, defined = float(values[0]), values[1:][np.isfinite(values[1:])]
        reach = math.nan
        if self.units > 1 and len(defined) >= _LEAST_DEFINED * (len(values) - 1):
            error = float(defined.std()) * math.sqrt(self.units / (self.units - 1))
            reach = student(self.units - 1, self.confidence) * error
        return Interval(value, value - reach, value + reach, self.calls(scheme), self.clips)


def _compared(baseline: str, curves: _Curves, metric: str, at: dict[str, Any]) -> EqualBitrate:
    at_kbps = _common_kbps([np.exp(curves.of(name)[0][0]) for name in curves.schemes])
    schemes = sorted(curves.schemes, key=lambda name: name != baseline)
    sign, bounds = described(metric).sign, described(metric).bounds
    found = []
    for name in schemes:
        rates, qualities = curves.of(name)
        score = None
        if rates.shape[1] > 1 and np.isfinite(values := value_at(rates, qualities, math.log(at_kbps)))[0]:
            score = curves.interval(values, name).times(sign)
            low, high = (float(np.clip(end, *bounds)) for end in (score.low, score.high))
            score = Interval(score.mean, low, high, score.pairs, score.clips)
        bitrate, quality = _differences(curves, name, baseline)
        found.append(AtEqualBitrate(name, bitrate, quality, score))
    return EqualBitrate(metric, at, curves.points, at_kbps, tuple(found))


def _differences(curves: _Curves, scheme: str, baseline: str) -> tuple[Difference, Difference]:
    if scheme == baseline:
        return Difference(None, "is the baseline"), Difference(None, "is the baseline")
    mine, others = curves.of(scheme), curves.of(baseline)
    for whose, (rates, _) in (("", mine), (f" for {baseline}", others)):
        if rates.shape[1] < FEWEST_RATES:
            reason = f"there are scores at fewer than {FEWEST_RATES} bitrates{whose}"
            return Difference(None, reason), Difference(None, reason)
        if not rises(rates[:1])[0]:
            reason = f"several points have the same bitrate on the wire{whose}"
            return Difference(None, reason), Difference(None, reason)
    quality = Difference(None, "no bitrate is common to both")
    if np.isfinite((values := mean_difference(*mine, *others))[0]):
        quality = Difference(curves.interval(values, scheme))
    for whose, (_, qualities) in (("", mine), (f" of {baseline}", others)):
        if not rises(qualities[:1])[0]:
            return Difference(None, f"the quality{whose} does not rise with every bitrate"), quality
    logs = mean_difference(*mine[::-1], *others[::-1])
    if not np.isfinite(logs[0]):
        return Difference(None, "no quality is common to both"), quality
    ratio = curves.interval(logs, scheme)
    mean, low, high = (math.expm1(each) for each in (ratio.mean, ratio.low, ratio.high))
    return Difference(Interval(mean, low, high, ratio.pairs, ratio.clips)), quality


def _common_kbps(curves: Sequence[NDArray[np.float64]]) -> float:
    """Return a whole bitrate in the middle of those that the most curves reach."""
    lowest, highest = min(curve[0] for curve in curves), max(curve[-1] for curve in curves)
    candidates = np.arange(math.ceil(lowest), math.floor(highest) + 1) if highest - lowest >= 1 else [lowest]
    reached = np.sum([(curve[0] <= candidates) & (candidates <= curve[-1]) for curve in curves], axis=0)
    best = np.flatnonzero(reached == reached.max())
    return float(np.asarray(candidates)[best[len(best) // 2]])
