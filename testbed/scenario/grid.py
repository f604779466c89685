"""The grid of a sweep: lists of values, spaced values, lists that go together, and combinations left out."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.errors import ScenarioError
from testbed.scenario.document import EXCLUDE, ZIP, Document, KeyPath, dotted
from testbed.scenario.messages import shown
from testbed.scenario.speech import MIXED
from testbed.words import counted, nearest_name, shortened, suggestion

MAX_POINTS = 10_000
MAX_AXES = 32
_SPACED: dict[str, Callable[..., NDArray[np.float64]]] = {"linspace": np.linspace, "logspace": np.geomspace}
_DIGITS = (6, 9, 12, 17)
"""Significant digits of spaced values; the first number that moves no value by 1/1000 of its step."""
_NOT_SWEPT = ("name", "about", "sweep", "metrics", "realizations", "speech", "report")
_SWEPT = tuple(f"speech.{key}" for key in MIXED)
_JSON_VALUES: dict[str, Any] = {
    "anyOf": [
        {"type": "array", "minItems": 1},
        *(
            {
                "type": "object",
                "properties": {
                    name: {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3}
                },
                "required": [name],
                "additionalProperties": False,
            }
            for name in _SPACED
        ),
    ]
}
JSON_SCHEMA: dict[str, Any] = {
    "properties": {
        ZIP: {
            "type": "array",
            "items": {"type": "object", "minProperties": 1, "additionalProperties": _JSON_VALUES},
        },
        EXCLUDE: {"type": "array", "items": {"type": "object", "minProperties": 1}},
    },
    "additionalProperties": _JSON_VALUES,
}
"""JSON Schema of a sweep."""


@dataclass
class SweepGrid:
    """The combinations of the values of a sweep.

    Attributes
    ----------
    values
        Values of each swept dotted key, in written order.
    paths
        Path of each key's values in the document.
    axes
        Keys whose values go together: one key, or a group of `zip`. The last axis is the fastest.
    exclusions
        Values by key; a combination that has all values of one of these is left out.
    """

    values: dict[str, list[Any]] = field(default_factory=dict)
    paths: dict[str, KeyPath] = field(default_factory=dict)
    axes: list[list[str]] = field(default_factory=list)
    exclusions: list[dict[str, Any]] = field(default_factory=list)

    @property
    def shape(self) -> list[int]:
        """Number of values along each axis."""
        return [len(self.values[keys[0]]) for keys in self.axes]

    def choices(self) -> list[dict[str, int]]:
        """Return the combinations that are not left out, each as the index of every key's value."""
        is_left_out = np.zeros(self.shape, np.bool_)
        for exclusion in self.exclusions:
            is_left_out[np.ix_(*self.matching(exclusion))] = True
        return [
            {key: index for keys, index in zip(self.axes, indices, strict=True) for key in keys}
            for indices in np.argwhere(~is_left_out).tolist()
        ]

    def matching(self, exclusion: dict[str, Any]) -> list[list[int]]:
        """Return the indices along each axis that have an exclusion's values."""
        found = []
        for keys, length in zip(self.axes, self.shape, strict=True):
            wanted = [(self.values[key], exclusion[key]) for key in keys if key in exclusion]
            found.append([i for i in range(length) if all(values[i] == value for values, value in wanted)])
        return found


def read_grid(document: Document) -> tuple[SweepGrid, list[str]]:
    """Return the grid of a document's sweep, and the mistakes in its form."""
    sweep = document.data.get("sweep") if isinstance(document.data, dict) else None
    grid = SweepGrid()
    if sweep is None:
        return grid, []
    if not isinstance(sweep, dict):
        return grid, [f"{_at(document)}must map dotted keys to lists, e.g. {{codec.bitrate_kbps: [16, 24]}}"]
    mistakes: list[str] = []
    for key, given in sweep.items():
        if key == ZIP:
            mistakes += _add_groups(grid, given, document)
        elif _are_mappings(given) and (near := nearest_name(key, (ZIP, EXCLUDE))) not in (key, ""):
            mistakes.append(f"{_at(document, key)}unknown key; did you mean {near}?")
        elif key != EXCLUDE:
            mistakes += _add_axis(grid, {key: given}, (), document)
    if len(grid.axes) > MAX_AXES:
        mistakes.append(f"{_at(document)}{len(grid.axes)} lists to combine; at most {MAX_AXES}")
    if math.prod(grid.shape) > MAX_POINTS:
        mistakes.append(f"{_at(document)}{math.prod(grid.shape)} combinations; at most {MAX_POINTS}")
    if EXCLUDE in sweep and not mistakes:
        mistakes += _add_exclusions(grid, sweep[EXCLUDE], document)
    return grid, mistakes


def _at(document: Document, *path: str | int) -> str:
    """Return the beginning of a message: ``"s.yaml:14: sweep: codec.bitrate_kbps: "``."""
    return f"{document.place(('sweep', *path))}: sweep: {dotted(path)}{': ' if path else ''}"


def _add_groups(grid: SweepGrid, groups: Any, document: Document) -> Iterator[str]:
    if not _are_mappings(groups):
        example = f"{ZIP}: [{{codec.bitrate_kbps: [16, 24], schemes.red.copies: [1, 2]}}]"
        yield f"{_at(document, ZIP)}must be a list of mappings of keys to lists, as in {example}"
        return
    for number, group in enumerate(groups):
        yield from _add_axis(grid, group, (ZIP, number), document)


def _add_axis(grid: SweepGrid, given: dict[str, Any], path: KeyPath, document: Document) -> Iterator[str]:
    """Add the keys of one axis to the grid; yield the mistakes in them."""
    axis: dict[str, list[Any]] = {}
    for key, written in given.items():
        try:
            if key in grid.values:
                raise ScenarioError("is swept twice")
            axis[key] = _values(key, written)
        except ScenarioError as error:
            yield f"{_at(document, *path, key)}{error}"
    lengths = {key: len(values) for key, values in axis.items()}
    if len(axis) < len(given):
        return
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{key} has {length}" for key, length in lengths.items())
        yield f"{_at(document, *path)}lists that go together must have equally many values; {told}"
    elif _repeats(list(zip(*axis.values(), strict=True))):
        yield f"{_at(document, *(path or axis))}duplicate {'combination' if len(axis) > 1 else 'value'}"
    else:
        grid.values |= axis
        grid.paths |= {key: ("sweep", *path, key) for key in axis}
        grid.axes.append(list(axis))


def _add_exclusions(grid: SweepGrid, exclusions: Any, document: Document) -> Iterator[str]:
    if not _are_mappings(exclusions):
        example = f"{EXCLUDE}: [{{codec.bitrate_kbps: 16, channel.loss.rate: 0.3}}]"
        yield f"{_at(document, EXCLUDE)}must be a list of mappings of keys to one value, as in {example}"
        return
    for number, exclusion in enumerate(exclusions):
        mistakes = []
        for key, value in exclusion.items():
            if key not in grid.values:
                mistakes.append((key, f"is not swept{suggestion(key, grid.values)}"))
            elif value not in grid.values[key]:
                known = shortened([repr(each) for each in grid.values[key]], 8)
                mistakes.append((key, f"{value!r} is not one of its values, {known}"))
        yield from (f"{_at(document, EXCLUDE, number, key)}{reason}" for key, reason in mistakes)
        if not mistakes and not all(grid.matching(exclusion)):
            yield f"{_at(document, EXCLUDE, number)}no combination has these values"
        if not mistakes:
            grid.exclusions.append(exclusion)
    if len(grid.exclusions) == len(exclusions) and not grid.choices():
        yield f"{_at(document, EXCLUDE)}leaves none of {counted(math.prod(grid.shape), 'combination')}"


def _values(key: str, written: Any) -> list[Any]:
    """Return the values of a key.

    Raises
    ------
    ScenarioError
        They are written in another way, or the key cannot be swept.
    """
    if isinstance(written, dict):
        name = next(iter(written), "key")
        near = name if name in _SPACED else nearest_name(name, _SPACED)
        if not near:
            raise ScenarioError(f"write the dotted key, e.g. {key}.{name}: [...]")
        if near != name:
            raise ScenarioError(f"unknown key {name}; did you mean {near}?")
        if len(written) > 1:
            raise ScenarioError(f"{name} takes no other key, such as {list(written)[1]}")
        values = _spaced(name, written[name])
    elif isinstance(written, list) and written:
        values = written
    else:
        raise ScenarioError(f"must be a list of values, not {shown(written)}")
    if key.split(".", maxsplit=1)[0] in _NOT_SWEPT and not key.startswith(_SWEPT):
        others = f"; of speech, {', '.join(MIXED)} can" if key.startswith("speech") else ""
        raise ScenarioError(f"cannot be swept{others}")
    return values


def _spaced(name: str, given: Any) -> list[Any]:
    """Return spaced values, the ends as written; whole numbers if both ends and all values are."""
    if not isinstance(given, list) or len(given) != 3 or not all(map(_is_number, given)):
        example = f"{{{name}: [16, 32, 5]}}"
        raise ScenarioError(f"{name} must be [start, stop, number], as in {example}, not {shown(given)}")
    start, stop, number = given
    if not isinstance(number, int) or not 2 <= number <= MAX_POINTS:
        raise ScenarioError(
            f"{name} gives a whole number of values from 2 to {MAX_POINTS}, not {shown(number)}"
        )
    if name == "logspace" and min(start, stop) <= 0:
        low = shown(min(start, stop))
        raise ScenarioError(f"start and stop of logspace are values, not exponents: more than 0, not {low}")
    with np.errstate(all="ignore"):
        exact = _SPACED[name](float(start), float(stop), number)
        steps = np.diff(exact)
    if not np.isfinite(steps).all() or not steps.all():
        raise ScenarioError(f"there are no {number} values from {shown(start)} to {shown(stop)}")
    tolerated = np.minimum(np.abs(steps[:-1]), np.abs(steps[1:])) / 1000
    for digits in _DIGITS:
        between = [float(f"{value:.{digits}g}") for value in exact[1:-1]]
        if (np.abs(between - exact[1:-1]) < tolerated).all():
            break
    values = [start, *between, stop]
    is_whole = isinstance(start, int) and isinstance(stop, int) and all(value % 1 == 0 for value in values)
    return [int(value) if is_whole else float(value) for value in values]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _are_mappings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) and each for each in value)


def _repeats(values: list[tuple[Any, ...]]) -> bool:
    """Return whether a value occurs twice."""
    try:
        return len(set(values)) < len(values)
    except TypeError:  # lists and mappings
        return any(value in values[:index] for index, value in enumerate(values))
