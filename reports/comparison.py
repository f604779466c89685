"""Two runs compared: what differs in their making, which rows are equal, and by how much results differ."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from testbed import stats
from testbed.errors import ResultsError
from testbed.reports import labels
from testbed.reports.intervals import confidence_of
from testbed.reports.run_differences import RunDifference, run_differences
from testbed.results import Results, load
from testbed.speakers import resampled_speakers
from testbed.words import shortened

_COSTS = ("wire_kbps", "packet_loss", "mouth_to_ear_ms")
_OF_FLOWS = ("received_kbps", "link_utilisation", "loss", "queue_p95_ms", "delay_p95_ms")
_TIMES = "seconds_"
_LISTED = 6


@dataclass(frozen=True, repr=False)
class Comparison:
    """Two runs beside each other.

    Attributes
    ----------
    a, b
        The runs.
    points
        Pairs of points with the same swept values: in A, in B.
    subjects
        Schemes, or flows, that both have.
    is_paired
        Whether differences are taken call by call; else the runs have no clips in common.
    clips
        Clips of both, of the same sound; of a flow study none.
    has_same_draws
        Whether realizations of a clip are the same draws: the seeds are equal.
    """

    a: Results
    b: Results
    points: tuple[tuple[int, int], ...]
    subjects: tuple[str, ...]
    is_paired: bool
    clips: tuple[str, ...]
    has_same_draws: bool

    @cached_property
    def made(self) -> list[RunDifference]:
        """Differences in the scenarios as run, in versions and in files."""
        return run_differences(self.a, self.b)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per point, scheme (or flow) and column.

        ``point_a``, ``point_b``, the swept values, ``scheme``, ``column``, the means ``a`` and ``b``, their
        ``difference`` B - A with its 95 % interval (``low``, ``high``; NaN where it is not known), and the
        number of ``pairs``, 0 if they are not paired.
        """
        return pd.DataFrame(list(self._rows()))

    @cached_property
    def equal_rows(self) -> tuple[int, int, list[str]]:
        """Number of rows in both that are equal digit for digit, and of all in both; columns that differ."""
        keys = [*dict.fromkeys(["point", self.a.kind.subject, *self.a.kind.units])]
        ours, theirs = (rows.drop_duplicates(keys).set_index(keys) for rows in self._matched)
        shared = ours.index.intersection(theirs.index)
        names = [name for name in ours if name in theirs and not str(name).startswith(_TIMES)]
        ours, theirs = ours.loc[shared, names], theirs.loc[shared, names]
        same = (ours == theirs) | (ours.isna() & theirs.isna())
        return int(same.all(axis=1).sum()), len(shared), [str(name) for name in names if not same[name].all()]

    @cached_property
    def _matched(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The rows of both at common points of common subjects; those of B have the points of A."""
        subject = self.a.kind.subject
        ours, theirs = (run.table[run.table[subject].isin(self.subjects)] for run in (self.a, self.b))
        of_b = {b: a for a, b in self.points}
        ours, theirs = ours[ours["point"].isin(of_b.values())], theirs[theirs["point"].isin(of_b)]
        return ours, theirs.assign(point=theirs["point"].map(of_b))

    @property
    def columns(self) -> list[str]:
        """The columns that are compared: the metrics of both, and costs."""
        if not self.a.kind.has_schemes:
            wanted = list(_OF_FLOWS)
        else:
            asked = self.b.manifest.get("metrics") or []
            wanted = [name for name in self.a.manifest.get("metrics") or [] if name in asked] + [*_COSTS]
        return [name for name in wanted if name in self.a.stored.names and name in self.b.stored.names]

    def __repr__(self) -> str:
        """Return the comparison as text."""
        from testbed.reports.comparison_text import comparison_text

        return comparison_text(self)

    def _rows(self) -> Iterator[dict[str, Any]]:
        subject, points = self.a.kind.subject, self.a.manifest.get("points") or [{}]
        swept = [name for name in _swept(self.a) if name in _swept(self.b)]
        of_a = dict(self.points)
        for column in self.columns:
            for key, found in self._paired(column) if self.is_paired else self._apart(column):
                point, place = key
                values = {name: points[point].get(name) for name in swept}
                about = {"point_a": point, "point_b": of_a[point], **values}
                yield about | {subject: self.subjects[place], "column": column} | found

    def _paired(self, column: str) -> Iterator["_Found"]:
        unit = self.a.kind.units[0]
        keys = [*dict.fromkeys([unit, "realization"])] if self.has_same_draws else [unit]
        means = []
        for rows in self._matched:
            there = rows[rows[unit].isin(self.clips)] if self.clips else rows
            means.append(there.groupby(["point", self._places(there), *keys], observed=True)[column].mean())
        both = pd.DataFrame({"a": means[0], "b": means[1]}).dropna()
        speakers = resampled_speakers(self.a.manifest, self.clips)
        for key, part in both.groupby(level=[0, 1]):
            units = part.index.get_level_values(unit)
            clusters = np.array([speakers.get(each, each) for each in units])
            gaps = (part["b"] - part["a"]).to_numpy(float)
            gap, low, high = stats.interval(gaps, clusters, self._confidence)
            yield key, _figures(part["a"].mean(), part["b"].mean(), gap, low, high, len(part))

    def _apart(self, column: str) -> Iterator["_Found"]:
        unit = self.a.kind.units[0]
        ours, theirs = (
            {
                key: stats.interval(part[column].to_numpy(float), part[unit].to_numpy(), self._confidence)
                for key, part in rows.groupby(["point", self._places(rows)])
            }
            for rows in self._matched
        )
        for key, a in ours.items():
            b = theirs.get(key)
            if b is None or math.isnan(a.value) or math.isnan(b.value):
                continue
            gap, reach = b.value - a.value, math.hypot(a.high - a.value, b.high - b.value)
            yield key, _figures(a.value, b.value, gap, gap - reach, gap + reach, 0)

    @property
    def _confidence(self) -> float:
        """Nominal confidence of the intervals: the higher of the runs'."""
        return max(confidence_of(self.a.manifest), confidence_of(self.b.manifest))

    def _places(self, rows: pd.DataFrame) -> "pd.Series[int]":
        return rows[self.a.kind.subject].map({name: place for place, name in enumerate(self.subjects)})


_Found = tuple[Any, dict[str, float]]
"""A point of A and the place of a subject, and the figures of their difference."""


def _figures(a: float, b: float, gap: float, low: float, high: float, pairs: int) -> dict[str, float]:
    figures = {"a": a, "b": b, "difference": gap, "low": low, "high": high}
    return {name: float(value) for name, value in figures.items()} | {"pairs": pairs}


def compare(a: Results | Path | str, b: Results | Path | str) -> Comparison:
    """Compare two runs.

    Parameters
    ----------
    a, b
        The runs, or their folders.

    Raises
    ------
    ResultsError
        One is not a run, or has no rows; they are studies of different kinds, or have nothing in common.

    Examples
    --------
    >>> testbed.compare(run, "results/first").equal_rows
    (3, 3, [])
    """
    a, b = (each if isinstance(each, Results) else load(each) for each in (a, b))
    if a.kind != b.kind:
        flows, calls = (a, b) if b.kind.has_schemes else (b, a)
        raise ResultsError(f"{flows.folder} is a study of flows, {calls.folder} of calls: no rows to compare")
    for run in (a, b):
        if not len(run.stored):
            raise ResultsError(f"{run.folder}: the run has no rows yet")
    points = _points(a, b)
    if not points:
        raise ResultsError(
            f"nothing in common: {a.folder} has the points {_listed_points(a)}; "
            f"{b.folder} has {_listed_points(b)}"
        )
    names = [[str(name) for name in run.table[run.kind.subject].unique()] for run in (a, b)]
    subjects = tuple(name for name in names[0] if name in names[1])
    if not subjects:
        raise ResultsError(
            f"nothing in common: {a.folder} has the {a.kind.subject}s {shortened(names[0], _LISTED)}, "
            f"{b.folder} {shortened(names[1], _LISTED)}"
        )
    clips = _clips(a, b)
    is_same_speech = bool(clips) or not a.kind.has_schemes
    same_seed = a.manifest.get("seeds", {}).get("scenario") == b.manifest.get("seeds", {}).get("scenario")
    is_paired = is_same_speech and (a.kind.has_schemes or same_seed)
    return Comparison(a, b, points, subjects, is_paired, clips, same_seed)


def _swept(run: Results) -> list[str]:
    return [str(name) for name in run.manifest.get("swept") or ()]


def _points(a: Results, b: Results) -> tuple[tuple[int, int], ...]:
    """Return the points with equal values of all keys that either run sweeps."""
    lists = [run.manifest.get("points") or [{}] for run in (a, b)]
    if len(lists[0]) == len(lists[1]) == 1:
        return ((0, 0),)
    keys = [*dict.fromkeys([*_swept(a), *_swept(b)])]
    places = {_values(b, values, keys): place for place, values in enumerate(lists[1])}
    found = ((place, places.get(_values(a, values, keys))) for place, values in enumerate(lists[0]))
    return tuple((one, other) for one, other in found if other is not None)


def _values(run: Results, point: Mapping[str, Any], keys: list[str]) -> tuple[str, ...]:
    """Return the values of keys at a point, as words; of a key that is not swept, the scenario's."""
    scenario = run.manifest.get("scenario") or {}
    return tuple(labels.alone(point[key] if key in point else _lookup(scenario, key)) for key in keys)


def _lookup(value: Any, key: str) -> Any:
    """Return the value of a dotted key; None if there is none. Entries of a list go by their only key."""
    for name in key.split("."):
        if isinstance(value, list):
            value = next((each for each in value if isinstance(each, dict) and name in each), None)
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _listed_points(run: Results) -> str:
    points = run.manifest.get("points") or [{}]
    return shortened([labels.point(point) for point in points], _LISTED)


def _clips(a: Results, b: Results) -> tuple[str, ...]:
    """Return the names of clips that are the same sound in both."""
    sounds = [
        {each.get("name"): each.get("sha256") for each in run.manifest.get("clips") or ()} for run in (a, b)
    ]
    return tuple(
        str(name) for name, sound in sounds[0].items() if name in sounds[1] and sounds[1][name] == sound
    )
