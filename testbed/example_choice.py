"""The calls that a run keeps to be heard: all of a small run, of others those that a fixed rule chooses.

They are chosen as trials, since a listener compares schemes over one loss.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, SupportsInt

from testbed.codecs.schemes import NO_LOSS
from testbed.kept_files import MOST_SECONDS_OF_SOUND
from testbed.metrics import METRICS, described
from testbed.plan import CallId, Plan
from testbed.speech import Clip

if TYPE_CHECKING:
    import pandas as pd

MOST_TRIALS = 20
MOST_SECONDS = 1600.0
"""Longest sound of all schemes together, 26 MB as FLAC."""
WORST_CALLS = 10
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


def first_trial(plan: Plan, clips: Sequence[Clip]) -> Trial:
    """Return the trial that every run keeps: of the scenario's own point, with the first clip."""
    return Trial(plan.own_point, clips[0].name, 0)


def kept_from_the_start(plan: Plan, clips: Sequence[Clip]) -> frozenset[CallId]:
    """Return the calls to keep as they are made: all if they are few enough, else those of one trial."""
    if plan.trials <= MOST_TRIALS:
        every = [
            Trial(point, clip.name, realization)
            for point in range(len(plan.points))
            for clip in clips
            for realization in range(plan.scenario.realizations)
        ]
        if len(_that_fit(every, plan, clips)) == plan.trials:
            return calls_of(every, plan, clips)
    return calls_of([first_trial(plan, clips)], plan, clips)


def chosen_calls(rows: "pd.DataFrame", plan: Plan, clips: Sequence[Clip]) -> frozenset[CallId]:
    """Return the calls to keep of a run whose rows are done.

    The first trial comes first, then the worst call of all, then of the scenario's own point the median,
    worst and best trial by each metric, then the next worst calls of all, as long as there is room.

    Parameters
    ----------
    rows
        Columns `IDENTITY` and the metrics; the index is the number of the row.
    """
    first, metrics = first_trial(plan, clips), plan.scenario.metric_names
    worst = [trial_of(row) for row in worst_calls(rows, metrics, NO_LOSS).itertuples()]
    ranked = [choice.trial for choice in ranked_trials(rows, metrics, NO_LOSS, first.point)]
    wanted = dict.fromkeys([first, *worst[:1], *ranked, *worst])
    return calls_of(_that_fit(wanted, plan, clips), plan, clips)


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


def trial_of(row: object) -> Trial:
    """Return the trial of a row of the table, which has its fields as attributes."""
    return _trial(*(getattr(row, name) for name in Trial._fields))


def _trial(point: SupportsInt, clip: str, realization: SupportsInt) -> Trial:
    """Return a trial in numbers of Python's own."""
    return Trial(int(point), clip, int(realization))


def calls_of(trials: Iterable[Trial], plan: Plan, clips: Sequence[Clip]) -> frozenset[CallId]:
    """Return the calls of trials."""
    numbers = {clip.name: number for number, clip in enumerate(clips)}
    return frozenset(
        CallId(trial.point, scheme, numbers[trial.clip], trial.realization)
        for trial in trials
        for scheme in range(len(plan.schemes[trial.point]))
    )


def _that_fit(trials: Iterable[Trial], plan: Plan, clips: Sequence[Clip]) -> list[Trial]:
    """Return the trials within the bounds, in order; the first one always."""
    seconds = {clip.name: min(clip.seconds, MOST_SECONDS_OF_SOUND) for clip in clips}
    kept: list[Trial] = []
    left_s = MOST_SECONDS
    for trial in trials:
        left_s -= len(plan.schemes[trial.point]) * seconds[trial.clip]
        if len(kept) == MOST_TRIALS or (kept and left_s < 0):
            break
        kept.append(trial)
    return kept
