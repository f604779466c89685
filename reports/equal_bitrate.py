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
from testbed.reports.intervals import Interval
from testbed.reports.rate_curve import FEWEST_RATES, Difference, RateCurve, differences, weights
from testbed.reports.summary import Summary

RATE_KEYS = ("codec.bitrate_kbps", "codec.total_kbps")
"""Swept keys along which a scheme has a curve of quality over bitrate."""


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
        self._weights = weights(self.units)
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

    def of(self, scheme: str) -> RateCurve:
        """Return the curve of a scheme, larger qualities being better, through the points with calls."""
        sums = self._sums[scheme]
        there = sums[0].sum(axis=0) > 0
        calls, kbps, scores = (self._weights @ each[:, there] for each in sums)
        with np.errstate(divide="ignore", invalid="ignore"):
            rates, qualities = np.log(kbps / calls), self._sign * scores / calls
        order = np.argsort(rates[0], kind="stable")
        return RateCurve(
            scheme,
            rates[:, order],
            qualities[:, order],
            int(sums[0].sum()),
            self.clips,
            self.units,
            self.confidence,
        )


def _compared(baseline: str, curves: _Curves, metric: str, at: dict[str, Any]) -> EqualBitrate:
    at_kbps = _common_kbps([np.exp(curves.of(name).rates[0]) for name in curves.schemes])
    schemes = sorted(curves.schemes, key=lambda name: name != baseline)
    sign, bounds = described(metric).sign, described(metric).bounds
    found = []
    for name in schemes:
        curve = curves.of(name)
        score = None
        if len(curve.rates[0]) > 1 and np.isfinite(values := curve.at(math.log(at_kbps)))[0]:
            score = curve.interval(values).times(sign)
            low, high = (float(np.clip(end, *bounds)) for end in (score.low, score.high))
            score = Interval(score.mean, low, high, score.pairs, score.clips)
        bitrate, quality = _differences(curve, baseline, curves)
        found.append(AtEqualBitrate(name, bitrate, quality, score))
    return EqualBitrate(metric, at, curves.points, at_kbps, tuple(found))


def _differences(curve: RateCurve, baseline: str, curves: _Curves) -> tuple[Difference, Difference]:
    if curve.name == baseline:
        return Difference(None, "is the baseline"), Difference(None, "is the baseline")
    return differences(curve, curves.of(baseline))


def _common_kbps(curves: Sequence[NDArray[np.float64]]) -> float:
    """Return a whole bitrate in the middle of those that the most curves reach."""
    lowest, highest = min(curve[0] for curve in curves), max(curve[-1] for curve in curves)
    candidates = np.arange(math.ceil(lowest), math.floor(highest) + 1) if highest - lowest >= 1 else [lowest]
    reached = np.sum([(curve[0] <= candidates) & (candidates <= curve[-1]) for curve in curves], axis=0)
    best = np.flatnonzero(reached == reached.max())
    return float(np.asarray(candidates)[best[len(best) // 2]])
