"""One column of a run's table as a grid: one row per (point, clip, realization), one column per scheme."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from testbed.reports.intervals import Labels, Numbers, Sample


@dataclass(frozen=True)
class PartOfGrid:
    """The calls at one point.

    Attributes
    ----------
    values
        (calls, schemes); NaN where there is none.
    sample
        The clip and the resampled unit of each call, as numbers.
    schemes
        Place of each scheme.
    """

    values: Numbers
    sample: Sample
    schemes: dict[str, int]

    @property
    def number_of_clips(self) -> int:
        """Number of clips that have a value."""
        return len(np.unique(self.sample.clips))

    def of(self, scheme: str) -> Numbers:
        """Return the values of a scheme, (calls,)."""
        return self.values[:, self.schemes[scheme]]


@dataclass(frozen=True)
class Grid:
    """The values of one column at all points.

    Attributes
    ----------
    frame
        Rows with a value of any scheme, sorted.
    speakers
        Speaker of each clip, if speakers are the sample.
    """

    frame: pd.DataFrame
    speakers: Mapping[str, str]

    @classmethod
    def of(cls, table: pd.DataFrame, column: str, speakers: Mapping[str, str]) -> "Grid":
        """Return the grid of a column; the mean, if a call has several rows."""
        keys = ["point", "clip", "realization", "scheme"]
        there = table.loc[table[column].notna(), [*keys, column]]
        return cls(there.groupby(keys, observed=True)[column].mean().unstack(), speakers)

    def at(self, point: int) -> pd.DataFrame:
        """Return the rows of a point, without schemes that have no value there."""
        here = self.frame.iloc[self._rows.get(point, slice(0))]
        return here.droplevel("point").dropna(axis="columns", how="all")

    def part(self, point: int) -> PartOfGrid:
        """Return the calls at a point."""
        rows = self._rows.get(point, slice(0))
        return PartOfGrid(self._values[rows], self._sample.of(rows), self._schemes)

    def parts(self) -> Iterator[tuple[int, PartOfGrid]]:
        """Yield each point that has a value, and its calls."""
        for point in self._rows:
            yield point, self.part(point)

    @cached_property
    def _rows(self) -> dict[int, slice]:
        points = self.frame.index.get_level_values("point").to_numpy()
        starts = np.flatnonzero(np.diff(points, prepend=-1)).tolist()
        ends = [*starts[1:], len(points)]
        return {int(points[start]): slice(start, end) for start, end in zip(starts, ends, strict=True)}

    @cached_property
    def _values(self) -> Numbers:
        return self.frame.to_numpy(float)

    @cached_property
    def _sample(self) -> Sample:
        index = self.frame.index
        assert isinstance(index, pd.MultiIndex)
        level = index.names.index("clip")
        clips: Labels = np.asarray(index.codes[level])
        if not self.speakers:
            return Sample(clips, clips)
        _, speakers = np.unique([self.speakers[clip] for clip in index.levels[level]], return_inverse=True)
        return Sample(clips, speakers[clips])

    @cached_property
    def _schemes(self) -> dict[str, int]:
        return {str(name): place for place, name in enumerate(self.frame.columns)}
