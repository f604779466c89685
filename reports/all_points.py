"""The answer over all points of a sweep: means with equal weight for every point."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from testbed.metrics import described
from testbed.reports.headline import Answer, answers
from testbed.reports.summary import Cell, Summary, add_scores
from testbed.reports.verdict import judges, ordered
from testbed.reports.wording import listed

_LARGEST = ("buffer_needed_ms_max",)
"""Columns whose value over points is the largest, not the mean."""


@dataclass(frozen=True)
class AllPoints:
    """The answer over the points that one metric judges; scores of different metrics have no mean.

    Attributes
    ----------
    metric
        The judging metric of these points.
    points
        The points.
    summary
        Has one point, number 0, that stands for all of them. The mean of a scheme is that of its means at
        the points, and an interval draws a clip with its calls at all points.
    answer
        The answer at that point.
    left_out
        Schemes without a score at some of the points.
    """

    metric: str
    points: tuple[int, ...]
    summary: Summary
    answer: Answer
    left_out: tuple[str, ...]

    def label(self, points: int) -> str:
        """Return ``all 3 points``, or ``2 of 3 points``, of the points of a run."""
        covered = len(self.points)
        return f"all {points} points" if covered == points else f"{covered} of {points} points"

    def lead(self, points: int) -> str:
        """Return the answer's first sentence with the points that it is about, of those of a run."""
        which = self.label(points)
        if len(self.points) < points:
            which = f"the {which} that {described(self.metric).label} judges"
        said = f"Over {which}, each of equal weight: {self.answer.lead}"
        return f"{said} Without a score at some points: {listed(self.left_out)}." if self.left_out else said


def over_all_points(
    summary: Summary, margins: Mapping[str, float] | None = None, budget_kbps: float | None = None
) -> list[AllPoints]:
    """Return the answer over all points, the metric of the most points first; see `answers`.

    Metrics that judge a single point have none.
    """
    judged: dict[str, list[int]] = defaultdict(list)
    for point, metric in judges(summary, margins).items():
        if metric is not None:
            judged[metric].append(point)
    found = []
    for metric, points in sorted(judged.items(), key=lambda each: -len(each[1])):
        if len(points) > 1:
            pooled = _pooled(summary, metric, points)
            known = {name: value for name, value in (margins or {}).items() if name in pooled.metrics}
            answer = answers(pooled, known, budget_kbps)[0]
            left_out = tuple(name for name in summary.rivals() if name not in pooled.schemes)
            found.append(AllPoints(metric, tuple(points), pooled, answer, left_out))
    return found


def _pooled(summary: Summary, metric: str, points: Sequence[int]) -> Summary:
    """Return a summary with one point that stands for several, judged by a metric or one after it."""
    order = ordered(summary)
    metrics = order[order.index(metric) :]
    cells = {}
    for scheme in summary.schemes:
        its_cells = [summary.cells.get((point, scheme)) for point in points]
        scored = [cell for cell in its_cells if cell is not None and metric in cell.scores]
        if len(scored) == len(points):
            cells[0, scheme] = _cell(scored)
    table = summary.rows_to_score(metric)
    table = table[table["point"].isin(points) & table["scheme"].isin([scheme for _, scheme in cells])]
    realizations = int(table["realization"].max()) + 1
    pooled = replace(
        summary,
        cells=cells,
        schemes=[scheme for _, scheme in cells],
        metrics=metrics,
        points=[{}],
        own_point=0,
        table=table.assign(point=0, realization=table["point"] * realizations + table["realization"]),
        policies=[policy.pop() if len(policy := {summary.policies[point] for point in points}) == 1 else ""],
        scored_realizations={},
        clips_not_scored={},
        grids={name: summary.grids[name].pooled(points) for name in metrics},
    )
    for name in metrics:
        for point, grid in pooled.grids[name].parts():
            add_scores(pooled, point, name, grid)
    return pooled


def _cell(cells: Sequence[Cell]) -> Cell:
    """Return the cell that stands for a scheme at several points."""
    names = [name for name in cells[0].costs if all(name in cell.costs for cell in cells)]
    shares = [name for name in cells[0].shares if all(name in cell.shares for cell in cells)]
    return Cell(
        point=0,
        scheme=cells[0].scheme,
        calls=sum(cell.calls for cell in cells),
        failed=sum(cell.failed for cell in cells),
        costs={
            name: (max if name in _LARGEST else fmean)([cell.costs[name] for cell in cells]) for name in names
        },
        shares={name: fmean([cell.shares[name] for cell in cells]) for name in shares},
        is_unsent=any(cell.is_unsent for cell in cells),
    )
