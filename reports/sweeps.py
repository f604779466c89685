"""The sweep of a page: keys whose values go together, and the points at each of their values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from testbed.reports import labels


@dataclass(frozen=True)
class Sweep:
    """Swept keys whose values go together.

    Attributes
    ----------
    keys
        The keys, that with most values first; the others follow from it.
    title
        Title of an axis or a choice.
    values
        Values of the first key, in the order of the points.
    texts
        Each of them in words, with those of the other keys.
    points
        Points at each of them.
    """

    keys: tuple[str, ...]
    title: str
    values: list[Any] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    points: list[list[int]] = field(default_factory=list)

    @property
    def is_numeric(self) -> bool:
        """True if the values of the first key are numbers."""
        return all(labels.is_number(value) for value in self.values)


def sweeps(points: Sequence[int], parameters: Sequence[Mapping[str, Any]]) -> list[Sweep]:
    """Return the sweeps of some points, by the values of all points; none for a key that has one value."""
    columns = {
        key: [parameters[point].get(key) for point in points] for key in (parameters[0] if parameters else {})
    }
    numbers = {key: len(set(column)) for key, column in columns.items()}
    groups: list[list[str]] = []
    for key in sorted((key for key in columns if numbers[key] > 1), key=lambda key: -numbers[key]):
        for group in groups:
            if len({*zip(columns[group[0]], columns[key], strict=True)}) == numbers[group[0]]:
                group.append(key)
                break
        else:
            groups.append([key])
    order = [*columns]
    return [
        _sweep(group, columns, points) for group in sorted(groups, key=lambda group: order.index(group[0]))
    ]


def _sweep(keys: Sequence[str], columns: Mapping[str, Sequence[Any]], points: Sequence[int]) -> Sweep:
    made = Sweep(tuple(keys), ", ".join(map(labels.axis, keys)))
    for place, point in enumerate(points):
        value = columns[keys[0]][place]
        if value not in made.values:
            made.values.append(value)
            made.texts.append(", ".join(labels.alone(columns[key][place]) for key in keys))
            made.points.append([])
        made.points[made.values.index(value)].append(point)
    return made
