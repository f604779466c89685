"""The calls that a run keeps to be heard: all of a small run, of others those that a fixed rule chooses.

They are chosen as trials, since a listener compares schemes over one loss.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from testbed.codecs.schemes import NO_LOSS
from testbed.plan import CallId, Plan
from testbed.speech import Clip
from testbed.trials import MOST_SECONDS, MOST_SECONDS_OF_SOUND, Trial, ranked_trials, trials_of, worst_calls

if TYPE_CHECKING:
    import pandas as pd

MOST_TRIALS = 20


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
        Columns `testbed.trials.IDENTITY` and the metrics; the index is the number of the row.
    """
    first, metrics = first_trial(plan, clips), plan.scenario.metric_names
    worst = trials_of(worst_calls(rows, metrics, NO_LOSS))
    ranked = [choice.trial for choice in ranked_trials(rows, metrics, NO_LOSS, first.point)]
    wanted = dict.fromkeys([first, *worst[:1], *ranked, *worst])
    return calls_of(_that_fit(wanted, plan, clips), plan, clips)


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
