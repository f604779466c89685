"""Data of a plot: means of one column by another, in groups, and the values that each mean pools."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from testbed.reports.flow_verdict import CONTROLLED
from testbed.reports.intervals import Interval, Sample, confidence_of, interval
from testbed.reports.selection import shown
from testbed.results import Results
from testbed.speakers import resampled_speakers

_ASKED = ("dred_asked_ms",)
"""Settings of a scheme, which have few values, like a swept parameter."""


@dataclass
class Lines:
    """The lines of one panel.

    Attributes
    ----------
    points
        Positions on the x axis and means of y there, by group.
    beside
        Groups for comparison, which are not a value of the column of groups.
    calls, clips
        Number of calls, or flows, of each mean, and of their clips.
    pooled
        Values of each column in which the rows of a mean differ, except clips and realizations.
    scattered
        The swept parameters, if several, in which the points of a group differ; no line joins them.
    left_out
        Groups for comparison that are not drawn, since `y` is not a metric.
    """

    points: dict[str, list[tuple[Any, Interval]]] = field(default_factory=dict)
    beside: set[str] = field(default_factory=set)
    calls: list[int] = field(default_factory=list)
    clips: list[int] = field(default_factory=list)
    pooled: dict[str, list[str]] = field(default_factory=dict)
    scattered: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def lines(results: Results, x: str, y: str, by: str, bounds: tuple[float, float] | None = None) -> Lines:
    """Return the lines of `y` against `x`, one per value of `by`.

    Of a flow study only the flows with a controller are drawn, unless `x` or `by` selects flows. If neither
    `x` nor `by` is the scheme, metrics are also drawn for comparison: the no-loss ceiling and, along the DRED
    asked for, each scheme without DRED.

    Parameters
    ----------
    bounds
        Bounds of `y`, beyond which no interval goes.
    """
    swept = [name for name in results.manifest.get("swept", []) if name in results.table]
    telling = [name for name in (results.kind.subject, *swept) if name not in (x, by)]
    clips = results.table["clip"].unique() if results.kind.has_schemes else ()
    speakers = resampled_speakers(results.manifest, clips)
    made = Lines()
    for group, is_beside, rows in _groups(results, x, by):
        if is_beside and y not in results.manifest.get("metrics", []):
            made.left_out.append(group)
            continue
        at_values = x in swept or x in _ASKED or not numeric(rows[x])
        for value, its in rows.groupby(x if at_values else "point", sort=True):
            column = its.groupby(list(results.kind.units))[y].mean()
            outer = column.index.get_level_values(0)
            units = outer.map(speakers) if speakers else outer
            sample = Sample(outer.to_numpy(), units.to_numpy(), confidence=confidence_of(results.manifest))
            mean = interval(column.to_numpy(float), sample, bounds)
            place = value if at_values else its[x].mean()
            if mean is None or pd.isna(place):
                continue
            made.points.setdefault(group, []).append((place, mean))
            made.calls.append(int(its[y].notna().sum()))
            made.clips.append(mean.clips)
            for name in telling if not is_beside else ():
                values = list(dict.fromkeys(its[name].map(shown)))
                if len(values) > 1:
                    made.pooled[name] = list(dict.fromkeys([*made.pooled.get(name, []), *values]))
        if is_beside and group in made.points:
            made.beside.add(group)
        elif not at_values:
            several = _independent(rows, [name for name in swept if name != by])
            made.scattered = several if len(several) > 1 else made.scattered
    return made


def _independent(rows: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Return the columns that differ between rows, without those whose value follows from another's."""
    values = {name: rows[name].map(shown) for name in names}
    found: list[str] = []
    for name in sorted(names, key=lambda name: values[name].nunique(), reverse=True):
        follows = any(values[name].groupby(values[other]).nunique().max() == 1 for other in found)
        if values[name].nunique() > 1 and not follows:
            found.append(name)
    return [name for name in names if name in found]


def numeric(column: "pd.Series[Any]") -> bool:
    """Return whether a column holds numbers."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _groups(results: Results, x: str, by: str) -> Iterator[tuple[str, bool, pd.DataFrame]]:
    """Yield each group's name, whether it is one for comparison, and its rows."""
    table = results.table
    beside = pd.Series(False, table.index)
    name = table[by].map(shown)
    if not results.kind.has_schemes:
        if not {"flow", "kind"} & {x, by}:
            table = table[table["kind"].isin(CONTROLLED)]
    elif "scheme" not in (by, x):
        beside = table["scheme"] == results.ceiling
        if x in _ASKED:
            beside |= table[x] == 0
        name = name.mask(beside, table["scheme"])
    for group in dict.fromkeys(name[table.index]):
        mine = table[name[table.index] == group]
        for is_beside, rows in mine.groupby(beside[mine.index]):
            yield str(group), bool(is_beside), rows
