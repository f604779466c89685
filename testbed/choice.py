"""Choice of a scheme: the cheapest that is shown to be not worse than the best by more than a margin.

"Not significantly worse" is no criterion, since fewer calls make it true for more schemes. Instead the calls
must show that a scheme is good enough (a test of non-inferiority; ICH E9 and E10): the lower bound of its
difference to every other scheme, simultaneous over schemes and points, lies above minus the margin. So a
scheme that is worse than the true best by more than the margin is recommended in at most 5 % of runs, however
few clips they have.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from testbed.errors import ResultsError
from testbed.metrics import described
from testbed.simultaneous import Differences, confidence, differences
from testbed.stats import POWER, upper_limit

if TYPE_CHECKING:
    import pandas as pd

FEWEST_CLIPS = 5
"""Fewest clips, or speakers where they are the sample, for a choice; with fewer the error exceeds 5 % for
exponentially distributed ones."""
_MOST_UNITS = 1000


@dataclass(frozen=True)
class Choice:
    """The schemes at one point, compared by one metric.

    Attributes
    ----------
    metric, margin
        The metric, and the difference that does not matter.
    unit
        Unit of the sample: ``"clip"`` or ``"speaker"``.
    units, calls
        Number of units and calls with a score of every scheme.
    ranked
        The schemes, the best mean over these calls first.
    equals
        Schemes shown to be not worse than the best by more than the margin, the cheapest first.
    running
        Schemes not shown to be worse than any other, the best mean first.
    units_needed
        Total number of units that would show a scheme to be not worse, with a power of 80 % and at the same
        means; only numbers above the present one, and at most 1000.
    left_out
        Schemes without a score in at least half of the calls.
    """

    metric: str
    margin: float
    unit: str
    units: int
    calls: int
    ranked: tuple[str, ...]
    equals: tuple[str, ...]
    running: tuple[str, ...]
    units_needed: Mapping[str, int]
    left_out: tuple[str, ...]

    @property
    def recommended(self) -> str | None:
        """The cheapest scheme shown to be as good as the best; None if there is none."""
        return self.equals[0] if self.equals else None

    @property
    def has_order(self) -> bool:
        """True if any scheme is shown to be worse than another."""
        return 0 < len(self.running) < len(self.ranked)


def choose(
    table: "pd.DataFrame",
    metric: str,
    schemes: Sequence[str],
    margin: float | None = None,
    budgets_kbps: Mapping[int, float] | None = None,
    speakers: Mapping[str, str] | None = None,
) -> dict[int, Choice]:
    """Choose at every point.

    Parameters
    ----------
    table
        One row per call: ``point``, ``scheme``, ``clip``, ``realization``, ``wire_kbps`` and the
        metric's column, NaN for a call without a score.
    schemes
        The schemes to choose from, in the scenario's order, without the ceiling and those that did not send
        their redundancy.
    margin
        In the metric's unit; default: the metric's own.
    budgets_kbps
        Highest bitrate on the wire, by point; other schemes are left out.
    speakers
        Speaker of each clip, if speakers are the sample; default: the clips are.

    Returns
    -------
    dict
        A choice for each point of the table.

    Raises
    ------
    ResultsError
        No margin is given, and the metric has none.
    """
    judge = described(metric)
    margin = judge.margin if margin is None else margin
    if margin is None:
        raise ResultsError(f"{metric} has no margin; give one")
    names = table["clip"].map(speakers) if speakers else table["clip"]
    all_units = names.nunique()
    points = {
        point: _Scored.of(
            judge.sign * values, units, all_units, schemes, costs_kbps, (budgets_kbps or {}).get(point)
        )
        for point, values, units, costs_kbps in _grids(table, metric, list(schemes), speakers or {})
    }
    unit = "speaker" if speakers else "clip"
    found: dict[int, Choice] = {}
    for is_enough in (True, False):
        group = {
            point: scored for point, scored in points.items() if (scored.units >= FEWEST_CLIPS) == is_enough
        }
        if group:
            has_calls = np.any([scored.has_calls for scored in group.values()], axis=0)
            compared = compare(
                np.stack([scored.means[has_calls] for scored in group.values()], axis=1), margin
            )
            for index, (point, scored) in enumerate(group.items()):
                found[point] = _choice(scored, compared, index, list(schemes), metric, unit)
    return dict(sorted(found.items()))


def _grids(
    table: "pd.DataFrame", metric: str, schemes: list[str], speakers: Mapping[str, str]
) -> Iterator[tuple[int, NDArray[np.float64], NDArray[np.int64], dict[str, float]]]:
    """Yield each point, its scores (calls, schemes), the unit of each call, and the schemes' bitrates."""
    costs: dict[int, dict[str, float]] = {}
    mean_kbps = table.groupby(["point", "scheme"], observed=True)["wire_kbps"].mean()
    for (point, scheme), kbps in zip(mean_kbps.index, mean_kbps, strict=True):
        costs.setdefault(int(point), {})[str(scheme)] = float(kbps)
    rows = table["scheme"].isin(schemes).to_numpy()
    clip, clips = _numbered(table["clip"])
    scheme, names = _numbered(table["scheme"])
    place = np.array([schemes.index(name) if name in schemes else 0 for name in names])
    realization = table["realization"].to_numpy(np.int64)
    realizations = int(realization.max(initial=0)) + 1
    calls = (table["point"].to_numpy(np.int64) * len(clips) + clip) * realizations + realization
    calls, call = np.unique(calls[rows], return_inverse=True)
    cell, scores = call * len(schemes) + place[scheme[rows]], table[metric].to_numpy(float)[rows]
    has_score = ~np.isnan(scores)
    cell, scores, size = cell[has_score], scores[has_score], len(calls) * len(schemes)
    with np.errstate(invalid="ignore"):
        values = (np.bincount(cell, scores, size) / np.bincount(cell, minlength=size)).reshape(len(calls), -1)
    points, clip = calls // (len(clips) * realizations), calls // realizations % len(clips)
    unit_names = [speakers[name] if speakers else name for name in clips]
    units = np.unique(unit_names, return_inverse=True)[1][clip]
    units = np.unique(units, return_inverse=True)[1]
    for point, its_costs in costs.items():
        here = slice(*np.searchsorted(points, [point, point + 1]))
        yield point, values[here], units[here], its_costs


def _numbered(column: "pd.Series[str]") -> tuple[NDArray[np.int64], list[str]]:
    """Return the number of each value, and the values in their order."""
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        return np.asarray(column.cat.codes, np.int64), [str(name) for name in column.cat.categories]
    numbers, names = pd.factorize(column, sort=True)
    return np.asarray(numbers, np.int64), [str(name) for name in names]


@dataclass(frozen=True)
class Compared:
    """All schemes at all points against each other.

    Attributes
    ----------
    differences
        Of all schemes.
    candidates
        (points, schemes): not shown to be worse than another by more than the margin.
    equals
        (points, schemes): shown to be not worse than any other by more than the margin.
    running
        (points, schemes): not shown to be worse than another.
    """

    margin: float
    differences: Differences
    candidates: NDArray[np.bool_]
    equals: NDArray[np.bool_]
    running: NDArray[np.bool_]


def compare(scores: NDArray[np.float64], margin: float) -> Compared:
    """Find the schemes that are as good as the best; `scores` as for `testbed.simultaneous.differences`.

    A scheme shown to be worse than another by more than the margin cannot be as good as the best. It is set
    aside, so that the bounds need to hold for fewer schemes.
    """
    everything = differences(scores)
    is_there = np.asarray(~np.isnan(everything.mean).all(axis=2), np.bool_)
    candidates: NDArray[np.bool_] = is_there & ~(everything.low > margin).any(axis=1)
    low = differences(scores, candidates).low
    low[:, range(low.shape[1]), range(low.shape[1])] = 0.0
    is_rankable = (everything.clips >= FEWEST_CLIPS)[:, None]
    equals: NDArray[np.bool_] = (
        is_rankable & candidates & ((low > -margin) | ~is_there[:, None, :]).all(axis=2)
    )
    running: NDArray[np.bool_] = is_there & ~(is_rankable & (everything.low > 0).any(axis=1))
    return Compared(margin, everything, candidates, equals, running)


@dataclass(frozen=True)
class _Scored:
    """The scores at one point that can be compared.

    Attributes
    ----------
    means
        (units, schemes): means over the calls with a score of every scheme; larger is better. NaN for a unit
        without such a call, and for a scheme that is not compared.
    has_calls
        (units,): whether a unit has such a call.
    calls
        Number of such calls.
    ranked
        The schemes, the best mean first.
    costs_kbps
        Bitrate of each scheme on the wire.
    """

    means: NDArray[np.float64]
    has_calls: NDArray[np.bool_]
    calls: int
    ranked: tuple[str, ...]
    costs_kbps: Mapping[str, float]
    left_out: tuple[str, ...]

    @property
    def units(self) -> int:
        return int(self.has_calls.sum())

    @classmethod
    def of(
        cls,
        values: NDArray[np.float64],
        units: NDArray[np.int64],
        number_of_units: int,
        schemes: Sequence[str],
        costs_kbps: Mapping[str, float],
        budget_kbps: float | None,
    ) -> Self:
        most_kbps = math.inf if budget_kbps is None else budget_kbps
        affordable = [
            place
            for place, name in enumerate(schemes)
            if name in costs_kbps and not costs_kbps[name] > most_kbps
        ]
        is_there = ~np.isnan(values)
        enough = [place for place in affordable if 2 * is_there[:, place].sum() >= len(values) > 0]
        is_complete = is_there[:, enough].all(axis=1)
        together, units = values[is_complete][:, enough], units[is_complete]
        overall = np.nanmean(values[:, enough] if not len(together) else together, axis=0)
        ranked = [schemes[enough[place]] for place in np.argsort(-overall, kind="stable")]
        calls = np.bincount(units, minlength=number_of_units)
        means = np.full((number_of_units, len(schemes)), np.nan)
        for place, scores in zip(enough, together.T, strict=True):
            sums = np.bincount(units, scores, number_of_units)
            means[calls > 0, place] = sums[calls > 0] / calls[calls > 0]
        left_out = tuple(schemes[place] for place in affordable if place not in enough)
        return cls(means, calls > 0, len(together), tuple(ranked), costs_kbps, left_out)


def _choice(
    scored: _Scored, compared: Compared, index: int, schemes: list[str], metric: str, unit: str
) -> Choice:
    place = {name: schemes.index(name) for name in scored.ranked}
    equals = [name for name in scored.ranked if compared.equals[index, place[name]]]
    comparisons = max(1, int(compared.candidates.sum()) - len(compared.candidates))
    needed = {}
    for name in scored.ranked:
        at = (index, place[name], [place[other] for other in scored.ranked if other != name])
        distance = compared.differences.mean[at] + compared.margin
        units = _units_needed(distance, compared.differences.deviation[at], comparisons, scored.units)
        if name not in equals and units is not None:
            needed[name] = max(units, scored.units + 1)
    return Choice(
        metric=metric,
        margin=compared.margin,
        unit=unit,
        units=scored.units,
        calls=scored.calls,
        ranked=scored.ranked,
        equals=tuple(sorted(equals, key=lambda name: round(scored.costs_kbps[name], 1))),
        running=tuple(name for name in scored.ranked if compared.running[index, place[name]]),
        units_needed=needed,
        left_out=scored.left_out,
    )


def _units_needed(
    distance: NDArray[np.float64], deviation: NDArray[np.float64], comparisons: int, have: int
) -> int | None:
    """Return the number of units that show each distance to be above 0; None if it exceeds 1000.

    By Bonferroni's bound with two degrees of freedom less, which is close to the bootstrap's for few units.
    The deviation over the present units is uncertain, so its upper limit is used; otherwise the number would
    be too small in half of the runs (Browne, "On the use of a pilot sample for sample size determination",
    Statistics in Medicine 14, 1995).
    """
    if np.isnan(deviation).any():
        return None
    deviation = deviation * upper_limit(have)
    units, errors = _errors(comparisons)
    is_shown = errors[:, None] * deviation < distance
    return int(units[is_shown.all(axis=1).argmax()]) if is_shown.all(axis=1).any() else None


@lru_cache(maxsize=8)
def _errors(comparisons: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return numbers of units and the largest error of a mean with each, in standard deviations."""
    from scipy.stats import norm, t

    units = np.arange(FEWEST_CLIPS, _MOST_UNITS + 1)
    errors = t.ppf(1 - (1 - confidence(units)) / comparisons, units - 3) + norm.ppf(POWER)
    return units, errors / np.sqrt(units)
