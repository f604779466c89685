"""What a run decides: at each point the metric that judges, and the schemes that it chooses."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from testbed.choice import MARGINS, Choice, choose
from testbed.errors import ResultsError
from testbed.reports.intervals import Interval
from testbed.reports.summary import CEILING, Summary

FAVOURITES = ("plcmos", "pesq_wb", "estoi")
_BUDGETS_KBPS = (*range(10, 100, 10), *range(100, 1000, 20))
_LESS = 0.85


@dataclass(frozen=True)
class Verdict:
    """What is decided at one point.

    Attributes
    ----------
    metric
        The metric that judges: the first that shows an effect of loss; None if nothing was scored.
    effects
        By metric, up to the one that judges, how much loss takes from the baseline; without those that
        cannot be told, for want of calls or of a ceiling.
    choice
        Among all schemes; None where no two can be compared.
    budget_kbps, affordable
        Among those that take at most so much on the wire; None where none of them is to be chosen from.
    """

    metric: str | None
    effects: Mapping[str, Interval]
    choice: Choice | None
    budget_kbps: float | None = None
    affordable: Choice | None = None

    @property
    def shows_loss(self) -> bool:
        """Whether the metric that judges may show an effect of loss."""
        effect = self.effects.get(self.metric or "")
        return effect is None or effect.low > 0


def parse_margins(given: Sequence[str]) -> dict[str, float]:
    """Return what ``--margin METRIC=VALUE`` says.

    Raises
    ------
    ResultsError
        If it says something else.
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
    """Return the metrics of a run in the order in which they judge."""
    favourites = [name for name in FAVOURITES if name in summary.metrics]
    return favourites + [name for name in summary.metrics if name not in favourites]


def verdicts(
    summary: Summary, margins: Mapping[str, float] | None = None, budget_kbps: float | None = None
) -> dict[int, Verdict]:
    """Decide at every point.

    Parameters
    ----------
    margins
        How much worse than the best is as good, by metric; see `testbed.choice.MARGINS`.
    budget_kbps
        What a scheme may take on the wire; by default a round bitrate that is notably less than what
        the recommended scheme takes.

    Raises
    ------
    ResultsError
        If a margin is for a metric that the run does not have, or is not above 0.
    """
    for name, margin in (margins or {}).items():
        if name not in summary.metrics:
            have = ", ".join(summary.metrics) or "none"
            raise ResultsError(f"--margin {name}: the run has no such metric; it has {have}")
        if not 0 < margin < math.inf:
            raise ResultsError(f"--margin {name}={margin:g}: give a number above 0")
    known = {**MARGINS, **(margins or {})}
    points = sorted({point for point, _ in summary.cells})
    judges = {point: _judge(summary, point, known) for point in points}
    metrics = {metric for metric, _ in judges.values() if metric in known}
    among_all = {metric: _choices(summary, metric, known[metric]) for metric in metrics}
    chosen = {
        point: among_all[metric].get(point) for point, (metric, _) in judges.items() if metric in metrics
    }
    budgets = {
        point: budget_kbps or _round_budget(summary, point, choice)
        for point, choice in chosen.items()
        if choice
    }
    within: dict[tuple[str | None, float | None], dict[int, Choice]] = {
        (metric, budget): _choices(summary, metric, known[metric], budget)
        for metric in metrics
        for budget in {each for each in budgets.values() if each is not None}
    }
    found = {}
    for point, (metric, effects) in judges.items():
        choice, budget = chosen.get(point), budgets.get(point)
        affordable = within.get((metric, budget), {}).get(point)
        if choice is None or affordable is None or not 0 < len(affordable.ranked) < len(choice.ranked):
            affordable = None
        found[point] = Verdict(metric, effects, choice, budget, affordable)
    return found


def _judge(
    summary: Summary, point: int, margins: Mapping[str, float]
) -> tuple[str | None, dict[str, Interval]]:
    """Return the first metric that has a margin and shows an effect of loss, else the first of all."""
    ceiling = summary.cells.get((point, CEILING))
    scored = [
        name
        for name in ordered(summary)
        if any(name in cell.scores for (at, _), cell in summary.cells.items() if at == point)
    ]
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
    summary: Summary, metric: str, margin: float, budget_kbps: float | None = None
) -> dict[int, Choice]:
    """Choose among the schemes that sent what they were asked to."""
    unsent = {key for key, cell in summary.cells.items() if cell.is_unsent}
    keys = zip(summary.table["point"], summary.table["scheme"], strict=True)
    table = summary.table[[key not in unsent for key in keys]]
    return choose(table, metric, summary.rivals(), margin, budget_kbps)


def _round_budget(summary: Summary, point: int, choice: Choice) -> float | None:
    """Return a round bitrate notably below that of the first scheme; None if no scheme takes so little."""
    kbps = {name: summary.cells[point, name].costs.get("wire_kbps", math.inf) for name in choice.ranked}
    first_kbps = kbps.get(choice.recommended or next(iter(choice.ranked), ""), 0.0)
    below = [
        each for each in _BUDGETS_KBPS if min(kbps.values(), default=math.inf) <= each <= first_kbps * _LESS
    ]
    return max(below, default=None)
