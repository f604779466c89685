"""The beginning of the outline of any study: its name and its points."""

from collections.abc import Sequence
from typing import Any

from testbed.scenario.base import BaseScenario
from testbed.scenario.models import Point
from testbed.words import counted

_MOST_POINTS = 50


def heading(scenario: BaseScenario, points: Sequence[Point[Any]]) -> list[str]:
    """Return the name, the number of points, and the parameters of the points, of many the first and last."""
    shown = [*points[:_MOST_POINTS], *points[max(_MOST_POINTS, len(points) - 1) :]]
    told = [", ".join(f"{key} = {value}" for key, value in point.parameters.items()) for point in shown]
    if len(points) > len(shown):
        told.insert(-1, f"... ({len(points) - len(shown)} more)")
    return [
        f"{scenario.name}: {scenario.about}".rstrip(": "),
        "",
        counted(len(points), "point"),
        *(f"  {line}" for line in told if line),
    ]
