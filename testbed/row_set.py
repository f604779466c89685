"""A set of rows of a table, one bit per row."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


class RowSet:
    """A set of numbers of rows.

    Parameters
    ----------
    rows
        Number of rows of the table. The set takes a bit for each.
    numbers
        The rows in the set at first.
    """

    def __init__(self, rows: int, numbers: Iterable[int] = ()) -> None:
        self.rows = rows
        self._bits = np.zeros((rows + 7) // 8, np.uint8)
        self.add(numbers)

    def add(self, numbers: Iterable[int] | NDArray[np.int64]) -> None:
        """Add rows.

        Raises
        ------
        IndexError
            The table has fewer rows.
        """
        np.bitwise_or.at(self._bits, *self._places(numbers))

    def discard(self, numbers: Iterable[int] | NDArray[np.int64]) -> None:
        """Remove rows, whether or not they are in the set; see `add`."""
        places, bits = self._places(numbers)
        np.bitwise_and.at(self._bits, places, ~bits)

    def _places(
        self, numbers: Iterable[int] | NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return the byte of each row, and its bit in it."""
        rows = numbers if isinstance(numbers, np.ndarray) else np.fromiter(numbers, np.int64)
        if (outside := rows[(rows < 0) | (rows >= self.rows)]).size:
            raise IndexError(f"the table has rows 0 to {self.rows - 1}, so not {outside[0]}")
        return rows >> 3, np.left_shift(1, rows & 7).astype(np.uint8)

    def missing(self, begin: int, end: int) -> NDArray[np.int64]:
        """Return the rows from `begin` up to `end`, exclusive, that are not in the set."""
        bits = np.unpackbits(self._bits[begin // 8 : (end + 7) // 8], bitorder="little")
        return begin + np.flatnonzero(bits[begin % 8 :][: end - begin] == 0)

    def __len__(self) -> int:
        """Return the number of rows in the set."""
        return int(np.bitwise_count(self._bits).sum())
