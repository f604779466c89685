"""The evidence for the article's claims: its runs, and facts of packets; each figure with its interval."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from testbed import stats
from testbed.errors import ResultsError
from testbed.loaded_run import Run
from testbed.speakers import resampled_speakers
from testbed.stats import Estimate

PAIR = ["point", "clip", "realization"]


class Evidence:
    """Figures from runs and packets.

    Parameters
    ----------
    runs
        The runs by scenario.
    facts
        Numbers of `packet_facts`, one per clip.
    clips
        The clips of the facts.

    Every method raises `ResultsError` if there is nothing to measure.
    """

    def __init__(
        self, runs: Mapping[str, Run], facts: Mapping[str, Sequence[float]], clips: Sequence[str]
    ) -> None:
        self._runs = {name: _Rows(name, run) for name, run in runs.items()}
        self._facts, self._clips = facts, clips

    def mean(self, run: str, scheme: str, column: str, **at: float) -> Estimate:
        """Return the mean of a column, equal weight for each point."""
        rows = self._rows(run)
        values = rows.values(scheme, column, at)
        return known(stats.interval(values, rows.units(values)), f"{column} of {scheme} in {run}")

    def gain(self, run: str, scheme: str, other: str, column: str, **at: float) -> Estimate:
        """Return the mean difference between two schemes on the same clips and losses."""
        rows = self._rows(run)
        values = rows.values(scheme, column, at) - rows.values(other, column, at)
        name = f"{column} of {scheme} over {other} in {run}"
        return known(stats.interval(values, rows.units(values)), name)

    def ratio(self, run: str, part: "Term", whole: "Term") -> Estimate:
        """Return the ratio of two terms' means."""
        rows = self._rows(run)
        above, below = part.values(rows), whole.values(rows)
        return known(stats.ratio(above, below, rows.units(above)), f"{part} by {whole} in {run}")

    def fact(self, name: str) -> Estimate:
        """Return the mean of a fact."""
        return known(stats.interval(self._fact(name), self._clips), name)

    def fact_ratio(self, part: str, whole: str) -> Estimate:
        """Return the ratio of two facts' means."""
        estimate = stats.ratio(self._fact(part), self._fact(whole), self._clips)
        return known(estimate, f"{part} by {whole}")

    def points(self, run: str, key: str) -> list[float]:
        """Return the values of a swept key."""
        return self._rows(run).points(key)

    def run(self, name: str) -> Run:
        """Return a run."""
        return self._rows(name).run

    def pairs(self, run: str) -> int:
        """Return the number of pairs of clip and loss."""
        return len(self._rows(run).run.table[PAIR].drop_duplicates())

    def _rows(self, run: str) -> "_Rows":
        if run not in self._runs:
            raise ResultsError(f"the article's claims need a run of article/{run}")
        return self._runs[run]

    def _fact(self, name: str) -> Sequence[float]:
        if name not in self._facts:
            raise ResultsError(f"the article's claims need the fact {name!r}")
        return self._facts[name]


class _Rows:
    """The rows of a run, by scheme."""

    def __init__(self, name: str, run: Run) -> None:
        self._name, self.run, self._table = name, run, run.table
        clips = set(self._table["clip"])
        self._speakers = resampled_speakers(run.manifest, clips) or {clip: clip for clip in clips}

    def of(self, scheme: str) -> pd.DataFrame:
        rows = self._table[self._table["scheme"] == scheme]
        if rows.empty:
            known = ", ".join(map(str, self._table["scheme"].unique()))
            raise ResultsError(f"article/{self._name} has no scheme {scheme!r}; it has {known}")
        return rows

    def values(self, scheme: str, column: str, at: Mapping[str, float] | None = None) -> pd.Series:
        rows = self.of(scheme)
        if column not in rows:
            raise ResultsError(f"article/{self._name} has no column {column!r}")
        for key, value in (at or {}).items():
            rows = rows[rows[self._swept(key)] == value]
        return rows.set_index(PAIR)[column].astype(float)

    def units(self, values: pd.Series) -> list[str]:
        return [self._speakers[clip] for clip in values.index.get_level_values("clip")]

    def points(self, key: str) -> list[float]:
        return sorted(map(float, self._table[self._swept(key)].unique()))

    def _swept(self, key: str) -> str:
        found = [str(column) for column in self._table if str(column).endswith(f".{key}")]
        if len(found) != 1:
            raise ResultsError(f"article/{self._name} sweeps no {key!r}")
        return found[0]


@dataclass(frozen=True)
class Term:
    """A column of a scheme, by call; of two schemes, the difference.

    Attributes
    ----------
    column, scheme
        Which one.
    less
        The scheme whose column is subtracted; "" for none.
    """

    column: str
    scheme: str
    less: str = ""

    def values(self, rows: _Rows) -> pd.Series:
        """Return the term for each call."""
        own = rows.values(self.scheme, self.column)
        return own - rows.values(self.less, self.column) if self.less else own

    def __str__(self) -> str:
        return f"{self.column} of {self.scheme}" + (f" over {self.less}" if self.less else "")


def known(estimate: Estimate, name: str) -> Estimate:
    """Return an estimate that has an interval; without one it is a `ResultsError`."""
    if any(map(math.isnan, estimate)):
        raise ResultsError(f"there are too few calls to measure the {name}")
    return estimate
