"""Labels of columns, metrics and swept parameters, with their units."""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from testbed import columns
from testbed.columns import Column
from testbed.flows import columns as flow_columns
from testbed.metrics import METRICS, described
from testbed.reports.key_words import is_symbol, named, phrase

_DECLARED = {column.name: column for column in (*flow_columns.COLUMNS, *columns.COLUMNS)}
_KINDS = ("policy", "controller", "model", "format", "discipline")
"""Keys whose values need no name before them."""
_UNCONTROLLED = ("congestion.controller", "none")
_UNITS = {"kbps": "kb/s", "ms": "ms", "hz": "Hz", "packets": "packets", "bytes": "bytes", "db": "dB"}


def column(name: str) -> Column:
    """Return the declaration of a column or of a metric's column."""
    return _DECLARED.get(name) or described(name).column(name)


def words(parameter: str) -> str:
    """Return ``playout delay`` for ``playout.delay_ms``."""
    return _words(parameter)[0]


def axis(name: str) -> str:
    """Return the title of an axis, with the unit: ``Playout delay (ms)`` for ``playout.delay_ms``."""
    if name in METRICS:
        return METRICS[name].axis
    if name in _DECLARED:
        return _DECLARED[name].axis
    words, unit = _words(name)
    title = words[:1].upper() + words[1:]
    return f"{title} ({unit})" if unit else title


def value(parameter: str, number: Any) -> str:
    """Return ``playout delay 40 ms`` for ``playout.delay_ms`` at 40."""
    words, unit = _words(parameter)
    if parameter.rpartition(".")[2] in _KINDS and isinstance(number, str):
        return "no congestion control" if (parameter, number) == _UNCONTROLLED else alone(number)
    joint = " = " if is_symbol(words) else " "
    return f"{words}{joint}{alone(number)} {'' if _parts(number) else unit}".rstrip()


def alone(number: Any) -> str:
    """Return a value without the name and unit of its parameter: ``40`` for 40."""
    if parts := _parts(number):
        return ", ".join(value(key, part) for key, part in parts.items())
    if isinstance(number, str):
        return named(number)
    return f"{number:g}" if is_number(number) else json.dumps(number)


def _parts(number: Any) -> dict[str, Any]:
    """Return the keys of a swept mapping, which a point holds as JSON; empty for any other value."""
    if isinstance(number, str) and number.startswith("{"):
        with suppress(ValueError):
            number = json.loads(number)
    return number if isinstance(number, dict) else {}


def point(parameters: dict[str, Any]) -> str:
    """Return the label of a combination of swept parameters."""
    return ", ".join(value(name, number) for name, number in parameters.items()) or "the only point"


def telling(parameters: Sequence[dict[str, Any]]) -> list[str]:
    """Return the swept keys that tell points apart: of keys whose values go together, the first."""
    found: list[str] = []
    for name in parameters[0]:
        before = {tuple(alone(each[key]) for key in found) for each in parameters}
        with_it = {tuple(alone(each[key]) for key in (*found, name)) for each in parameters}
        if len(with_it) > len(before):
            found.append(name)
    return found


def point_columns(
    points: Sequence[int], parameters: Sequence[dict[str, Any]]
) -> tuple[list[str], list[list[str]]]:
    """Return the headings and rows that name points in a table: one column per key of `telling`.

    One such key has the heading ``At`` and the labels of its points.
    """
    swept = telling(parameters)
    if len(swept) < 2:
        return ["At"], [[point({name: parameters[number][name] for name in swept})] for number in points]
    return [axis(name) for name in swept], [
        [alone(parameters[number][name]) for name in swept] for number in points
    ]


def is_number(thing: Any) -> bool:
    """Return whether a value is a number for an axis."""
    return isinstance(thing, int | float) and not isinstance(thing, bool)


def _words(parameter: str) -> tuple[str, str]:
    last = parameter.rpartition("_")[2] if "_" in parameter else ""
    return phrase(parameter, last if last in _UNITS else ""), _UNITS.get(last, "")
