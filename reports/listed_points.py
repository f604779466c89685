"""Points that a page or a terminal lists, where a run has too many for all of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def listed_points(
    points: Sequence[int], parameters: Sequence[Mapping[str, Any]], chosen: int, most: int
) -> list[int]:
    """Return at most `most` of the points, in order, `chosen` among them.

    Of more, those that differ from `chosen` in one swept key, or in keys that are swept together: a line
    through it for each key; of a line that is too long, evenly spaced ones.

    Parameters
    ----------
    points
        The points.
    parameters
        The swept values of every point.
    """
    if len(points) <= most:
        return [*points]
    lines: dict[frozenset[str], list[int]] = defaultdict(list)
    for point in points:
        lines[_differing(parameters[point], parameters[chosen])].append(point)
    del lines[frozenset()]
    single = [line for keys, line in lines.items() if not any(other < keys for other in lines)]
    found = {chosen}
    for number, line in enumerate(sorted(single, key=len)):
        found |= {*_spaced(line, (most - len(found)) // (len(single) - number))}
    return sorted(found)


def left_out(listed: int, points: int) -> str:
    """Return the note about the points that are not listed."""
    return (
        f"{listed} of {points} points are listed: the chosen one, and points that differ from it in one "
        "swept value. testbed show RUN --point N chooses another; run.summary() has all."
    )


def _differing(some: Mapping[str, Any], other: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(key for key in other if some.get(key) != other[key])


def _spaced(line: Sequence[int], most: int) -> list[int]:
    """Return at most `most` points of a line, evenly spaced, with both ends."""
    places = np.linspace(0, len(line) - 1, min(most, len(line))).round().astype(int)
    return [line[place] for place in places]
