"""One column of a run's table as a grid: one row per (point, clip, realization), one column per scheme."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from testbed.reports.intervals import Labels, Numbers, Sample
from testbed.stats import CONFIDENCE


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
    confidence
        Of the intervals.
    is_pooled
        Whether it is one point that stands for several, which `pooled` makes.
    """

    frame: pd.DataFrame
    speakers: Mapping[str, str]
    confidence: float
    is_pooled: bool = False

    @classmethod
    def of(
        cls, table: pd.DataFrame, column: str, speakers: Mapping[str, str], confidence: float = CONFIDENCE
    ) -> "Grid":
        """Return the grid of a column; the mean, if a call has several rows."""
        keys = ["point", "clip", "realization", "scheme"]
        there = table.loc[table[column].notna(), [*keys, column]]
        return cls(there.groupby(keys, observed=True)[column].mean().unstack(), speakers, confidence)

    def pooled(self, points: Collection[int]) -> "Grid":
        """Return the grid of point 0 that stands for some points, each of equal weight in its means."""
        frame = self.frame[self.frame.index.isin(points, level="point")]
        return replace(self, frame=frame, is_pooled=True)

    def at(self, point: int) -> pd.DataFrame:
        """Return the rows of a point, without schemes that have no value there."""
        here = self.frame.iloc[self._rows.get(point, slice(0))]
        return (here if self.is_pooled else here.droplevel("point")).dropna(axis="columns", how="all")

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
        if self.is_pooled:
            return {0: slice(len(points))}
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
        units = clips
        if self.speakers:
            _, speakers = np.unique(
                [self.speakers[clip] for clip in index.levels[level]], return_inverse=True
            )
            units = speakers[clips]
        if not self.is_pooled:
            return Sample(clips, units, confidence=self.confidence)
        if len(np.unique(units)) == 1:  # a realization of the only clip is the same at all points
            units = index.get_level_values("realization").to_numpy()
        return Sample(clips, units, index.get_level_values("point").to_numpy(), self.confidence)

    @cached_property
    def _schemes(self) -> dict[str, int]:
        return {str(name): place for place, name in enumerate(self.frame.columns)}
