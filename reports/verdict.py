"""The decision at each point of a run: the judging metric, and the recommended scheme."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import pandas as pd

from testbed.choice import Choice, choose
from testbed.errors import ResultsError
from testbed.metrics import METRICS, described
from testbed.reports.intervals import Interval
from testbed.reports.summary import Summary

_BUDGETS_KBPS = (*range(10, 100, 10), *range(100, 1000, 20))
_LESS = 0.85


@dataclass(frozen=True)
class Verdict:
    """The decision at one point.

    Attributes
    ----------
    metric
        The judging metric: the first that shows an effect of loss; None if nothing was scored.
    effects
        Loss of quality of the baseline by loss, by metric up to the judging one; positive if the ceiling is
        better. Without those that are unknown, for lack of calls or of a ceiling.
    choice
        Among all schemes; None if the metric has no margin or no scheme can be ranked.
    budget_kbps, affordable
        A budget on the wire, and the choice among the schemes within it, which may be none; None if all
        schemes are within it.
    is_budget_given
        Whether the reader gave the budget.
    """

    metric: str | None
    effects: Mapping[str, Interval]
    choice: Choice | None
    budget_kbps: float | None = None
    affordable: Choice | None = None
    is_budget_given: bool = False

    @property
    def shows_loss(self) -> bool:
        """True if the judging metric may show an effect of loss."""
        effect = self.effects.get(self.metric or "")
        return effect is None or effect.low > 0


def parse_margins(given: Sequence[str]) -> dict[str, float]:
    """Return the margins by metric of ``--margin METRIC=VALUE``.

    Raises
    ------
    ResultsError
        If an option has another form.
    """
    found = {}
    for text in given:
        name, _, value = text.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            raise ResultsError(f"--margin {text}: give METRIC=VALUE, as in plcmos=0.2") from None
    return found


def ordered(summary: Summary) -> list[str]:
    """Return the metrics of a run in the order in which they judge: that of the registry."""
    preferred = [name for name in METRICS if name in summary.metrics]
    return preferred + [name for name in summary.metrics if name not in preferred]


def verdicts(
    summary: Summary, margins: Mapping[str, float] | None = None, budget_kbps: float | None = None
) -> dict[int, Verdict]:
    """Decide at every point.

    Parameters
    ----------
    margins
        Difference to the best that does not matter, by metric; default: that of each metric. A margin below
        the metric's wobble is raised to it.
    budget_kbps
        Budget on the wire; default: a round bitrate clearly below that of the recommended scheme.

    Raises
    ------
    ResultsError
        If a margin is for a metric that the run does not have, or if it or the budget is not above 0.
    """
    if budget_kbps is not None and not 0 < budget_kbps < math.inf:
        raise ResultsError(f"budget {budget_kbps:g}: give a number above 0")
    if not isinstance(margins, Mapping | None):
        raise ResultsError(f"margins {margins!r}: give one per metric, as in {{'plcmos': 0.2}}")
    for name, margin in (margins or {}).items():
        if name not in summary.metrics:
            have = ", ".join(summary.metrics) or "none"
            raise ResultsError(f"margin {name}: the run has no such metric; it has {have}")
        if not 0 < margin < math.inf:
            raise ResultsError(f"margin {name}={margin:g}: give a number above 0")
    known = _margins(summary, margins)
    points = sorted({point for point, _ in summary.cells})
    scored = _scored(summary)
    judges = {point: _judge(summary, point, known, scored[point]) for point in points}
    metrics = {metric for metric, _ in judges.values() if metric in known}
    among_all = {metric: _choices(summary, metric, known[metric]) for metric in metrics}
    chosen = {
        point: among_all[metric].get(point) for point, (metric, _) in judges.items() if metric in metrics
    }
    budgets = {
        point: budget
        for point, choice in chosen.items()
        if choice and (budget := budget_kbps or _round_budget(summary, point, choice)) is not None
    }
    within = {metric: _choices(summary, metric, known[metric], budgets) for metric in metrics if budgets}
    found = {}
    for point, (metric, effects) in judges.items():
        choice, affordable = chosen.get(point), None
        if choice is not None and point in budgets:
            within_it = within[choice.metric][point]
            affordable = within_it if len(within_it.ranked) < len(choice.ranked) else None
        found[point] = Verdict(
            metric, effects, choice, budgets.get(point), affordable, budget_kbps is not None
        )
    return found


def judge(
    summary: Summary, point: int | None = None, margins: Mapping[str, float] | None = None
) -> str | None:
    """Return the judging metric at a point, default the scenario's own; else the first metric of the run.

    Charts and tables begin with it. None for a run without scores.
    """
    point = summary.own_point if point is None else point
    metric, _ = _judge(summary, point, _margins(summary, margins), _scored(summary)[point])
    return metric or next(iter(ordered(summary)), None)


def judges(summary: Summary, margins: Mapping[str, float] | None = None) -> dict[int, str | None]:
    """Return the judging metric at every point; None where nothing was scored."""
    known, scored = _margins(summary, margins), _scored(summary)
    points = sorted({point for point, _ in summary.cells})
    return {point: _judge(summary, point, known, scored[point])[0] for point in points}


def _margins(summary: Summary, given: Mapping[str, float] | None) -> dict[str, float]:
    """Return the margins of the run's metrics, or those that the user gave; none is below the wobble."""
    own = {name: described(name).margin for name in summary.metrics}
    known = {name: margin for name, margin in own.items() if margin is not None} | dict(given or {})
    return {name: max(margin, summary.wobble.get(name, 0.0)) for name, margin in known.items()}


def _scored(summary: Summary) -> dict[int, set[str]]:
    """Return the metrics with a score of any scheme but the ceiling, by point.

    Where a receiver has no delay, `mos_cq` scores the ceiling alone.
    """
    found: dict[int, set[str]] = defaultdict(set)
    for (point, scheme), cell in summary.cells.items():
        if scheme != summary.ceiling:
            found[point].update(cell.scores)
    return found


def _judge(
    summary: Summary, point: int, margins: Mapping[str, float], has_scores: Set[str]
) -> tuple[str | None, dict[str, Interval]]:
    """Return the first metric that has a margin and shows an effect of loss, else the first of all."""
    ceiling = summary.ceiling_at(point)
    scored = [name for name in ordered(summary) if name in has_scores]
    effects: dict[str, Interval] = {}
    for name in (each for each in scored if each in margins):
        effect = ceiling.gains.get(name) if ceiling else None
        if effect is None or math.isnan(effect.low):
            return name, effects
        effects[name] = effect
        if effect.low > 0:
            return name, effects
    return (next(iter(effects), None) or next(iter(scored), None)), effects


def _choices(
    summary: Summary, metric: str, margin: float, budgets_kbps: Mapping[int, float] | None = None
) -> dict[int, Choice]:
    """Choose among the schemes that sent their redundancy."""
    table = summary.rows_to_score(metric)[["point", "scheme", "clip", "realization", "wire_kbps", metric]]
    if unsent := [key for key, cell in summary.cells.items() if cell.is_unsent]:
        table = table[~pd.MultiIndex.from_frame(table[["point", "scheme"]]).isin(unsent)]
    return choose(table, metric, summary.rivals(), margin, budgets_kbps, summary.speakers)


def _round_budget(summary: Summary, point: int, choice: Choice) -> float | None:
    """Return a round bitrate clearly below that of the first scheme; None if no scheme fits in it."""
    kbps = {name: summary.cells[point, name].costs.get("wire_kbps", math.inf) for name in choice.ranked}
    first_kbps = kbps.get(choice.recommended or next(iter(choice.ranked), ""), 0.0)
    below = [
        each for each in _BUDGETS_KBPS if min(kbps.values(), default=math.inf) <= each <= first_kbps * _LESS
    ]
    return max(below, default=None)
