"""Quality against mouth-to-ear delay: the schemes and receivers that no other beats in both."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from testbed.metrics import described
from testbed.reports import labels
from testbed.reports.summary import DELAY, Cell, Summary

_RECEIVER = "playout"
_LEAST_MS = 1.0
"""Smallest difference between delays that counts as one."""


@dataclass(frozen=True)
class Trade:
    """The schemes at points that differ only in the receiver, which has a delay at each.

    Attributes
    ----------
    points
        The points, in order.
    front
        By metric, the cells that no other beats in both delay and mean score: the Pareto front, in order of
        delay, so with rising scores.
    """

    points: tuple[int, ...]
    front: Mapping[str, tuple[Cell, ...]]

    @property
    def cells(self) -> list[Cell]:
        """The cells on the front of any metric, in order of delay."""
        found = {id(cell): cell for cells in self.front.values() for cell in cells}
        return sorted(found.values(), key=lambda cell: (cell.costs[DELAY], cell.point))


def trades(summary: Summary, points: Sequence[int]) -> list[Trade]:
    """Return the trade of each network at the given points; none where all delays are equal."""
    points_of: dict[tuple[tuple[str, Any], ...], list[int]] = defaultdict(list)
    for point in points:
        rest = {key: value for key, value in summary.points[point].items() if not _is_receiver(key)}
        points_of[tuple(rest.items())].append(point)
    found = []
    for its in points_of.values():
        cells = [
            cell
            for point in its
            for scheme in summary.rivals()
            if (cell := summary.cells.get((point, scheme))) and DELAY in cell.costs and cell.scores
        ]
        delays_ms = [cell.costs[DELAY] for cell in cells]
        if cells and max(delays_ms) - min(delays_ms) >= _LEAST_MS:
            front = {metric: pareto(cells, metric) for metric in summary.metrics}
            found.append(Trade(tuple(its), front))
    return found


def receiver(parameters: Mapping[str, Any]) -> str:
    """Return the swept values of a point that belong to the receiver: ``fixed, buffer 60 ms``."""
    return ", ".join(
        labels.alone(value) if key == _RECEIVER else labels.value(key.removeprefix(f"{_RECEIVER}."), value)
        for key, value in parameters.items()
        if _is_receiver(key)
    )


def pareto(cells: Sequence[Cell], metric: str) -> tuple[Cell, ...]:
    """Return the cells that no other beats in both delay and a metric, in order of delay."""
    sign = described(metric).sign
    scored = [cell for cell in cells if metric in cell.scores]
    front: list[Cell] = []
    for cell in sorted(scored, key=lambda cell: (cell.costs[DELAY], -sign * cell.scores[metric].mean)):
        if not front or sign * cell.scores[metric].mean > sign * front[-1].scores[metric].mean:
            front.append(cell)
    return tuple(front)


def _is_receiver(key: str) -> bool:
    return key.split(".", maxsplit=1)[0] == _RECEIVER
