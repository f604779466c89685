"""What a plot draws: means of one column by another, in groups, and what each mean pools."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from testbed.reports import labels
from testbed.reports.flows import CONTROLLED
from testbed.reports.intervals import Interval, interval
from testbed.reports.selection import shown
from testbed.reports.summary import CEILING
from testbed.results import Results

_ASKED = ("dred_asked_ms",)
"""Columns that say what a scheme asks for: they have few values, like a swept parameter."""


@dataclass
class Lines:
    """The lines of one panel.

    Attributes
    ----------
    points
        For each group, its places on the x axis and the mean of y there.
    beside
        The groups that are not a value of the column told apart, but what its values are compared with.
    calls
        How many calls, or flows, each of the means is over.
    pooled
        For each column in which the rows of a mean differ, clips and realizations apart: its values.
    scattered
        The swept parameters, if several, in which the places of a group differ: no line joins these.
    left_out
        Groups to compare with that are not drawn, because `y` is no metric.
    """

    points: dict[str, list[tuple[Any, Interval]]] = field(default_factory=dict)
    beside: set[str] = field(default_factory=set)
    calls: list[int] = field(default_factory=list)
    pooled: dict[str, list[str]] = field(default_factory=dict)
    scattered: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def lines(results: Results, x: str, y: str, by: str) -> Lines:
    """Return what is drawn of `y` against `x`, told apart by `by`.

    Of a flow study only the flows that follow a controller are drawn, unless it is about single flows. Where
    neither `x` nor `by` is the scheme, metrics are also drawn of what they are compared with: the no-loss
    ceiling and, along the DRED asked for, each scheme that asks for none.
    """
    of_flows = results.manifest.get("kind") == "flows"
    swept = [name for name in results.manifest.get("swept", []) if name in results.table]
    # What is drawn at random: a clip and then its channel; in a flow study a run, in which there are flows.
    unit = ["realization", "flow"] if of_flows else ["clip", "realization"]
    telling = [name for name in ("flow" if of_flows else "scheme", *swept) if name not in (x, by)]
    made = Lines()
    for group, is_beside, rows in _groups(results, x, by):
        if is_beside and y not in results.manifest.get("metrics", []):
            made.left_out.append(group)
            continue
        at_values = x in swept or x in _ASKED or not numeric(rows[x])
        for value, its in rows.groupby(x if at_values else "point", sort=True):
            column = its.groupby(unit)[y].mean().rename_axis(["clip", "realization"])
            mean = interval(column, labels.BOUNDS.get(y))
            place = value if at_values else its[x].mean()
            if mean is None or pd.isna(place):
                continue
            made.points.setdefault(group, []).append((place, mean))
            made.calls.append(int(its[y].notna().sum()))
            for name in telling if not is_beside else ():
                values = list(dict.fromkeys(its[name].map(shown)))
                if len(values) > 1:
                    made.pooled[name] = list(dict.fromkeys([*made.pooled.get(name, []), *values]))
        if is_beside and group in made.points:
            made.beside.add(group)
        elif not at_values:
            several = [name for name in swept if name != by and rows[name].map(shown).nunique() > 1]
            made.scattered = several if len(several) > 1 else made.scattered
    return made


def numeric(column: "pd.Series[Any]") -> bool:
    """Whether a column holds numbers."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _groups(results: Results, x: str, by: str) -> Iterator[tuple[str, bool, pd.DataFrame]]:
    """Give each group's name, whether it is one to compare with, and its rows."""
    table = results.table
    beside = pd.Series(False, table.index)
    name = table[by].map(shown)
    if results.manifest.get("kind") == "flows":
        if not {"flow", "kind"} & {x, by}:
            table = table[table["kind"].isin(CONTROLLED)]
    elif "scheme" not in (by, x):
        beside = table["scheme"] == CEILING
        if x in _ASKED:
            beside |= table[x] == 0
        name = name.mask(beside, table["scheme"])
    for group in dict.fromkeys(name[table.index]):
        mine = table[name[table.index] == group]
        for is_beside, rows in mine.groupby(beside[mine.index]):
            yield str(group), bool(is_beside), rows
