"""The differences that an answer rests on, and how well they are known.

At each point they are those of its leading scheme, by the judging metric: to the baseline, and to the best of
the other schemes. The leading scheme is the recommended one, or the one with the best mean where none is.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from testbed.metrics import described
from testbed.precision import Ending, Extent, ending, floor, realizations_needed, units_needed
from testbed.reports.headline import answers
from testbed.reports.intervals import Interval, Numbers, Sample, interval
from testbed.reports.recommendation import ranking
from testbed.reports.summary import Summary, summarize
from testbed.results import Results
from testbed.stats import Estimate


@dataclass(frozen=True)
class HeadlineDifference:
    """A scheme's improvement over another at one point, call by call.

    Attributes
    ----------
    values, sample
        The difference in each call that has both scores, and the calls' clips.
    """

    point: int
    metric: str
    scheme: str
    other: str
    values: Numbers
    sample: Sample

    @property
    def known(self) -> Interval | None:
        """Its mean and interval."""
        return interval(self.values, self.sample)

    @property
    def half_width(self) -> float:
        """Half-width of its interval; infinite if that is not known."""
        known = self.known
        return (known.high - known.low) / 2 if known is not None and known.is_known else math.inf


@dataclass(frozen=True)
class RoundResult:
    """The headline differences after a round, as the manifest has them.

    Attributes
    ----------
    clips, realizations
        Extent of the round.
    ending
        Why the run ends; "" if it goes on.
    unit, units, units_needed
        What intervals are over, ``"clip"`` or ``"speaker"``, their number, and the number that would make all
        of them narrow enough; None if that exceeds 1000 or is not known.
    realizations_needed
        Number of realizations that would make all of them narrow enough; None if none would.
    half_width
        Of the widest interval; None if it is not known.
    point, metric, scheme, other
        The difference that has it; None and "" without one.
    floor, floor_low, floor_high
        Half-width of its interval with any number of realizations, with its 90 % interval; None if not known.
    """

    clips: int
    realizations: int
    ending: Ending
    unit: str
    units: int = 0
    units_needed: int | None = None
    realizations_needed: int | None = None
    half_width: float | None = None
    point: int | None = None
    metric: str = ""
    scheme: str = ""
    other: str = ""
    floor: float | None = None
    floor_low: float | None = None
    floor_high: float | None = None


def headline_differences(summary: Summary) -> Iterator[HeadlineDifference]:
    """Yield the headline differences of all points."""
    for point, answer in answers(summary).items():
        metric, leading = answer.verdict.metric, answer.leading
        if metric is None or leading is None:
            continue
        best = [cell.scheme for cell in ranking(summary, point, metric) if cell.scheme != leading][:1]
        baseline = [summary.baseline] if summary.baseline not in (None, leading) else []
        grid = summary.grids[metric].part(point)
        for other in dict.fromkeys([*baseline, *best]):
            values = described(metric).sign * (grid.of(leading) - grid.of(str(other)))
            there = ~np.isnan(values)
            if there.any():
                yield HeadlineDifference(
                    point, metric, leading, str(other), values[there], grid.sample.of(there)
                )


def look(results: Results, extent: Extent, most: Extent, target: float) -> RoundResult:
    """Return how well the headline differences of a round are known, and whether the run ends with it.

    Parameters
    ----------
    results
        The rows of the round.
    target
        Half-width of the interval of each headline difference that ends the run, in the unit of its metric.
    """
    summary = summarize(results)
    found = sorted(headline_differences(summary), key=lambda each: -each.half_width)
    wide = [each for each in found if each.half_width > target]
    floors = [floor(each.values, each.sample.clips, each.sample.units) for each in wide]
    units = [units_needed(each.values, each.sample.units, target) for each in wide]
    draws = [
        realizations_needed(each.half_width, lowest.value, extent.realizations, target)
        for each, lowest in zip(wide, floors, strict=True)
    ]
    half_width = found[0].half_width if found else math.inf
    useful = Extent(most.clips, _most_realizations(results.manifest, found, most))
    seen = RoundResult(
        clips=extent.clips,
        realizations=extent.realizations,
        ending=ending(half_width, target, floors, extent, useful),
        unit="speaker" if summary.speakers else "clip",
    )
    if not found:
        return seen
    lowest = floors[0] if floors else Estimate(math.nan, math.nan, math.nan)
    return replace(
        seen,
        half_width=_finite(half_width),
        point=found[0].point,
        metric=found[0].metric,
        scheme=found[0].scheme,
        other=found[0].other,
        floor=_finite(lowest.value),
        floor_low=_finite(lowest.low),
        floor_high=_finite(lowest.high),
        units=len(np.unique(found[0].sample.units)),
        units_needed=_largest(units),
        realizations_needed=_largest(draws),
    )


def _most_realizations(
    manifest: Mapping[str, Any], differences: Sequence[HeadlineDifference], most: Extent
) -> int:
    """Return the largest number of realizations that a judging metric scores."""
    scored: dict[str, int] = manifest.get("scored_realizations") or {}
    parts = [scored.get(each.metric, most.realizations) for each in differences]
    return min(most.realizations, max(parts, default=most.realizations))


def _largest(numbers: Sequence[int | None]) -> int | None:
    """Return the largest; None if one is not known, or there is none."""
    known = [number for number in numbers if number is not None]
    return max(known) if known and len(known) == len(numbers) else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
