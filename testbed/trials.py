"""Trials, the calls of all schemes over the same loss, and the rule by which some are worth hearing."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, SupportsInt

from testbed.metrics import METRICS, described

if TYPE_CHECKING:
    import pandas as pd

WORST_CALLS = 10
MOST_SECONDS = 1200.0
"""Longest sound of a run's calls to be heard, all schemes together: 20 MB as FLAC."""
MOST_SECONDS_OF_SOUND = 60
"""A longer one of these calls is cut."""
IDENTITY = ("point", "scheme", "clip", "realization")


class Trial(NamedTuple):
    """One clip over one realization of the channel at one point: the calls of all its schemes."""

    point: int
    clip: str
    realization: int


class RankedTrial(NamedTuple):
    """A trial, and its rank by the mean of a metric over the schemes: median, worst or best."""

    rank: str
    metric: str
    trial: Trial


def worst_calls(rows: "pd.DataFrame", metrics: Iterable[str], ceiling: str | None) -> "pd.DataFrame":
    """Return the rows of the worst calls by the metric that judges first, at most one of each trial.

    Calls of equal score are in the order of the table; calls without loss are left out.
    """
    metric = first_metric(metrics)
    lossy = rows[rows["scheme"] != ceiling]
    if metric is None:
        return lossy[:0]
    is_ascending = described(metric).better == "higher"
    ranked = lossy[lossy[metric].notna()].sort_values(metric, kind="stable", ascending=is_ascending)
    return ranked.drop_duplicates([*Trial._fields])[:WORST_CALLS]


def first_metric(metrics: Iterable[str]) -> str | None:
    """Return the metric that judges before the others; None if there is none."""
    order = [*METRICS]
    return min(metrics, key=lambda name: order.index(name) if name in order else len(order), default=None)


def ranked_trials(
    rows: "pd.DataFrame", metrics: Sequence[str], ceiling: str | None, point: int
) -> list[RankedTrial]:
    """Return the median, worst and best trial of a point by the mean of each metric over the schemes."""
    lossy = rows[(rows["scheme"] != ceiling) & (rows["point"] == point)]
    means = lossy.groupby([*Trial._fields], sort=False)[[*metrics]].mean()
    found = []
    for metric in metrics:
        is_ascending = described(metric).better == "higher"
        ranked = means[metric].dropna().sort_values(kind="stable", ascending=is_ascending).index
        if len(ranked):
            places = {"median": (len(ranked) - 1) // 2, "worst": 0, "best": len(ranked) - 1}
            found += [RankedTrial(rank, metric, _trial(*ranked[place])) for rank, place in places.items()]
    return found


def trials_of(rows: "pd.DataFrame") -> list[Trial]:
    """Return the trial of each row."""
    return [_trial(*row) for row in rows[[*Trial._fields]].itertuples(index=False)]


def _trial(point: SupportsInt, clip: str, realization: SupportsInt) -> Trial:
    """Return a trial in numbers of Python's own."""
    return Trial(int(point), clip, int(realization))
