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
        """What differs in the scenarios as run, in versions and in files."""
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
        keys = [self.a.kind.subject, *dict.fromkeys(["realization", *self._inner])]
        equal = total = 0
        differing: dict[str, None] = {}
        for a, b in self.points:
            ours, theirs = (
                table[table["point"] == point].drop_duplicates(keys).set_index(keys)
                for table, point in ((self.a.table, a), (self.b.table, b))
            )
            shared = ours.index.intersection(theirs.index)
            names = [
                name
                for name in ours
                if name in theirs and name != "point" and not str(name).startswith(_TIMES)
            ]
            ours, theirs = ours.loc[shared, names], theirs.loc[shared, names]
            same = (ours == theirs) | (ours.isna() & theirs.isna())
            equal, total = equal + int(same.all(axis=1).sum()), total + len(shared)
            differing |= dict.fromkeys(str(name) for name in same.columns[~same.all()])
        return equal, total, [*differing]

    @cached_property
    def _speakers(self) -> dict[str, str]:
        return resampled_speakers(self.a.manifest, self.clips)

    @property
    def columns(self) -> list[str]:
        """The columns that are compared: the metrics of both, and costs."""
        if not self.a.kind.has_schemes:
            wanted = list(_OF_FLOWS)
        else:
            asked = self.b.manifest.get("metrics") or []
            wanted = [name for name in self.a.manifest.get("metrics") or [] if name in asked] + [*_COSTS]
        return [name for name in wanted if name in self.a.stored.names and name in self.b.stored.names]

    @property
    def _inner(self) -> list[str]:
        return ["clip"] if self.a.kind.has_schemes else []

    def __repr__(self) -> str:
        """Return the comparison as text."""
        from testbed.reports.comparison_text import comparison_text

        return comparison_text(self)

    def _rows(self) -> Iterator[dict[str, Any]]:
        subject = self.a.kind.subject
        swept = [name for name in _swept(self.a) if name in _swept(self.b)]
        for a, b in self.points:
            values = {name: (self.a.manifest["points"][a]).get(name) for name in swept}
            mine, theirs = (
                table[table["point"] == point] for table, point in ((self.a.table, a), (self.b.table, b))
            )
            for each in self.subjects:
                ours, others = mine[mine[subject] == each], theirs[theirs[subject] == each]
                for column in self.columns:
                    found = self._difference(ours, others, column)
                    if found is not None:
                        about = {"point_a": a, "point_b": b, **values, subject: each, "column": column}
                        yield about | found

    def _difference(self, a: pd.DataFrame, b: pd.DataFrame, column: str) -> dict[str, float] | None:
        unit = self.a.kind.units[0]
        if not self.is_paired:
            means = [stats.interval(each[column].to_numpy(float), each[unit].to_numpy()) for each in (a, b)]
            if any(np.isnan(each.value) for each in means):
                return None
            reach = math.hypot(*(each.high - each.value for each in means))
            gap = means[1].value - means[0].value
            ends = (gap - reach, gap + reach)
            return _figures(means[0].value, means[1].value, gap, *ends, 0)
        keys = [*dict.fromkeys([unit, "realization"])] if self.has_same_draws else [unit]
        ours, others = (
            each.loc[each[unit].isin(self.clips) if self.clips else slice(None)].groupby(keys)[column].mean()
            for each in (a, b)
        )
        both = pd.DataFrame({"a": ours, "b": others}).dropna()
        if not len(both):
            return None
        places = both.index.get_level_values(unit)
        clusters = np.array([self._speakers.get(place, place) for place in places])
        gap, low, high = stats.interval((both["b"] - both["a"]).to_numpy(float), clusters)
        return _figures(float(both["a"].mean()), float(both["b"].mean()), gap, low, high, len(both))


def _figures(a: float, b: float, gap: float, low: float, high: float, pairs: int) -> dict[str, float]:
    return {"a": a, "b": b, "difference": gap, "low": low, "high": high, "pairs": pairs}


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
