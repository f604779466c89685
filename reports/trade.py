"""Quality against bitrate and delay: the schemes and settings that no other beats in both."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from testbed.metrics import described
from testbed.reports import labels
from testbed.reports.summary import DELAY, Cell, Summary

_RECEIVER = "playout"
_CHOSEN = {"wire_kbps": ("codec", "schemes"), DELAY: (_RECEIVER,)}
"""By cost, the keys of a scenario that one can choose to change it; others are the network."""
_LEAST_DIFFERENCE = 1.0
"""Smallest difference between costs that counts as one."""


@dataclass(frozen=True)
class Trade:
    """The schemes at points that differ only in what one can choose, whose costs differ.

    Attributes
    ----------
    column
        The cost: the bitrate on the wire, or the delay.
    points
        The points, in order.
    front
        By metric, the cells that no other beats in both cost and mean score: the Pareto front, in order of
        cost, so with rising scores.
    """

    column: str
    points: tuple[int, ...]
    front: Mapping[str, tuple[Cell, ...]]

    @property
    def cells(self) -> list[Cell]:
        """The cells on the front of any metric, in order of cost."""
        found = {id(cell): cell for cells in self.front.values() for cell in cells}
        return sorted(found.values(), key=lambda cell: (cell.costs[self.column], cell.point))


def trades(summary: Summary, points: Sequence[int], column: str) -> list[Trade]:
    """Return the trade of each network at the given points; none where all costs are equal.

    Parameters
    ----------
    column
        ``"wire_kbps"`` or `DELAY`.
    """
    points_of: dict[tuple[tuple[str, Any], ...], list[int]] = defaultdict(list)
    for point in points:
        rest = {
            key: value for key, value in summary.points[point].items() if _part(key) not in _CHOSEN[column]
        }
        points_of[tuple(rest.items())].append(point)
    found = []
    for its in points_of.values():
        cells = [
            cell
            for point in its
            for scheme in summary.rivals()
            if (cell := summary.cells.get((point, scheme))) and column in cell.costs and cell.scores
        ]
        costs = [cell.costs[column] for cell in cells]
        if cells and max(costs) - min(costs) >= _LEAST_DIFFERENCE:
            front = {metric: pareto(cells, metric, column) for metric in summary.metrics}
            found.append(Trade(column, tuple(its), front))
    return found


def receiver(parameters: Mapping[str, Any]) -> str:
    """Return the swept values of a point that belong to the receiver: ``fixed, buffer 60 ms``."""
    return ", ".join(
        labels.alone(value) if key == _RECEIVER else labels.value(key.removeprefix(f"{_RECEIVER}."), value)
        for key, value in parameters.items()
        if _part(key) == _RECEIVER
    )


def pareto(cells: Sequence[Cell], metric: str, column: str) -> tuple[Cell, ...]:
    """Return the cells that no other beats in both a cost and a metric, in order of cost."""
    sign = described(metric).sign
    scored = [cell for cell in cells if metric in cell.scores]
    front: list[Cell] = []
    for cell in sorted(scored, key=lambda cell: (cell.costs[column], -sign * cell.scores[metric].mean)):
        if not front or sign * cell.scores[metric].mean > sign * front[-1].scores[metric].mean:
            front.append(cell)
    return tuple(front)


def _part(key: str) -> str:
    return key.split(".", maxsplit=1)[0]
