"""The rows of a run, read when they are asked for, so that a large table need not be held."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from testbed.parquet import ParquetTable

if TYPE_CHECKING:
    import pandas as pd


class RunRows:
    """The rows of a run, in memory or in its file.

    Parameters
    ----------
    source
        The rows, or the open file that holds them.
    """

    def __init__(self, source: "pd.DataFrame | ParquetTable") -> None:
        self._source = source

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._source)

    def __reduce__(self) -> "tuple[type[RunRows], tuple[pd.DataFrame]]":
        """Return the rows without the file, for copies and other processes."""
        return RunRows, (self.whole,)

    @property
    def whole(self) -> "pd.DataFrame":
        """All rows and columns; read once."""
        if isinstance(self._source, ParquetTable):
            self._source = self._source.frame()
        return self._source

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        if isinstance(self._source, ParquetTable):
            return self._source.names
        return tuple(map(str, self._source))

    def columns(self, names: Iterable[str]) -> "pd.DataFrame":
        """Return some columns; those that the table lacks are left out."""
        known = self.names
        there = [name for name in dict.fromkeys(names) if name in known]
        return self._source.frame(there) if isinstance(self._source, ParquetTable) else self._source[there]
