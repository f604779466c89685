"""The beginning of the outline of any study: its name and its points."""

from collections.abc import Sequence
from typing import Any

from testbed.scenario.base import BaseScenario
from testbed.scenario.models import Point
from testbed.words import counted


def heading(scenario: BaseScenario, points: Sequence[Point[Any]]) -> list[str]:
    """Return the name, the number of points, and a line per point that has parameters."""
    told = (", ".join(f"{key} = {value}" for key, value in point.parameters.items()) for point in points)
    return [
        f"{scenario.name}: {scenario.about}".rstrip(": "),
        "",
        counted(len(points), "point"),
        *(f"  {line}" for line in told if line),
    ]
