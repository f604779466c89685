"""The finished rows of a run on disk: a journal of the latest, Parquet parts of the earlier ones.

Rows are on disk when `Store.append` returns: as one line of the journal, so all are there or none. When the
journal is long, its rows become a part. A row that is in a part and in the journal counts once.

The table is sorted by the rows' numbers. The first line of the journal holds the columns of the table.
"""

import errno
import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from testbed.columns import check_declared
from testbed.errors import ResultsError
from testbed.files import sync, written_whole
from testbed.plain_json import plain_json
from testbed.row_set import RowSet
from testbed.stored_rows import (
    ERROR,
    JOURNAL_FILE,
    PARTS,
    ROWS,
    Journal,
    NumberedRow,
    StoredRows,
    arrow_of,
    numbered_frame,
    part_number,
    parts_of,
    read_journal,
)

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow

RESERVE_FILE = "reserve"
ROWS_IN_JOURNAL = 1000
_ROW_BYTES = (2000, 500)
"""Upper estimates of a row's size in the journal, and in its part and the table together."""
_PART_BYTES = 250
"""Lower estimate of a row's size in its part."""
_OTHER_BYTES = 64 * 1024
_STEP_BYTES = 16 * 1024

Columns = Mapping[str, str]
"""Names of columns, in order, and their pandas types; "" for the type of the values."""


class Store:
    """The rows of the run in progress in a folder.

    Parameters
    ----------
    folder
        The folder of the journal.
    columns
        Columns of the table.
    rows
        Largest number of rows of the table; disk space is reserved for them.
    resume
        Whether to go on with the rows that are in the folder.

    Attributes
    ----------
    finished
        The numbers of the rows so far.

    Raises
    ------
    ResultsError
        There is not enough disk space, or no journal of this table to go on with.
    """

    def __init__(self, folder: Path, columns: Columns, rows: int, resume: bool = False) -> None:
        self.folder = folder
        self._columns, self._most_rows = dict(columns), rows
        self._pending: list[NumberedRow] = []
        self._sealed = 0
        new = 0 if resume else os.O_CREAT | os.O_EXCL
        self._journal = os.open(folder / JOURNAL_FILE, os.O_RDWR | os.O_NOFOLLOW | new, 0o666)
        try:
            if resume:
                self._reopen()
            else:
                self._begin = self._end = 0
                self.finished = RowSet(rows)
            left = rows - len(self.finished)
            table_bytes = _ROW_BYTES[1] * rows - _PART_BYTES * len(self.finished)
            self._reserve(_OTHER_BYTES + _ROW_BYTES[0] * min(left, ROWS_IN_JOURNAL) + table_bytes)
            if not resume:
                self._write(json.dumps({"columns": self._columns, "rows": rows}).encode() + b"\n")
                self._begin = self._end
            sync(folder)
        except BaseException:
            self.close()
            raise

    def _reopen(self) -> None:
        """Take over the rows so far; what failed or cannot be read is dropped, to be made again."""
        journal = read_journal(self.folder)
        if (journal.columns, journal.most_rows) != (self._columns, self._most_rows):
            raise ResultsError(f"{self.folder / JOURNAL_FILE}: holds the rows of another table")
        stored = StoredRows(self.folder, journal)
        for path in (*stored.damaged, *stored.failed):
            path.unlink()
        self._begin, self._end = journal.begin, journal.end
        os.ftruncate(self._journal, self._end)
        os.fsync(self._journal)
        self._pending = [(number, row) for number, row in journal.rows if not row.get(ERROR)]
        for last in parts_of(self.folder, ROWS)[-1:]:
            self._sealed = part_number(last) + 1
        has_failed = len(self._pending) < len(journal.rows)
        self.finished = self.rows().finished if has_failed or stored.failed else stored.finished
        if has_failed:
            self._seal()

    def try_out(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Check that a table can hold the known values of rows before the calls are made.

        Raises
        ------
        ResultsError
            It cannot.
        """
        import pyarrow

        try:
            arrow_of(numbered_frame(self._columns, [*enumerate(rows)]))
        except (pyarrow.ArrowException, OverflowError, UnicodeError, ValueError, TypeError) as error:
            raise ResultsError(f"no table can hold the run's rows: {error}") from error

    def append(self, rows: Iterable[NumberedRow]) -> None:
        """Add rows, each with its number; they are on disk when this returns.

        Raises
        ------
        OSError
            The disk is full. The earlier rows stay intact.
        ResultsError
            The folder was moved or removed, or a row has a column that the table does not have.
        """
        added = list(rows)
        for _, row in added:
            check_declared(row, self._columns)
        self.check_in_place()
        self._write(plain_json(added) + b"\n")
        self.finished.add(number for number, _ in added)
        self._pending += added
        if len(self._pending) >= ROWS_IN_JOURNAL:
            self._seal()

    def add_part(self, table: str, number: int, frame: "pd.DataFrame") -> None:
        """Add a part to another table; it is on disk when this returns. Parts are sorted by number."""
        path = self.folder / PARTS / f"{table}-{number:09d}.parquet"
        self._with_room(lambda: _write_part(path, arrow_of(frame)))

    def numbers_of(self, table: str) -> set[int]:
        """Return the numbers of the parts of another table."""
        return {part_number(path) for path in parts_of(self.folder, table)}

    def rows(self) -> StoredRows:
        """Return the rows so far, to be read."""
        journal = Journal(self._columns, self._most_rows, self._pending, self._begin, self._end, damage="")
        return StoredRows(self.folder, journal)

    def release(self) -> None:
        """Release the reserved disk space for the table."""
        (self.folder / RESERVE_FILE).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the journal."""
        os.close(self._journal)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, lines: bytes) -> None:
        self._with_room(lambda: self._write_at_end(lines))
        self._end += len(lines)

    def _write_at_end(self, lines: bytes) -> None:
        written = 0
        try:
            while written < len(lines):
                written += os.pwrite(self._journal, lines[written:], self._end + written)
            os.fsync(self._journal)
        except BaseException:
            os.ftruncate(self._journal, self._end)
            raise

    def _seal(self) -> None:
        """Turn the journal's rows into a part, and those that failed into another, to be dropped alone."""
        failed = [numbered for numbered in self._pending if numbered[1].get(ERROR)]
        others = [numbered for numbered in self._pending if not numbered[1].get(ERROR)]
        for rows in filter(None, (others, failed)):
            path = self.folder / PARTS / f"{ROWS}-{self._sealed:06d}.parquet"
            part = arrow_of(numbered_frame(self._columns, rows))
            self._with_room(partial(_write_part, path, part))
            self._sealed += 1
        self._pending.clear()
        self._end = self._begin
        os.ftruncate(self._journal, self._end)
        os.fsync(self._journal)

    def _with_room(self, write: Callable[[], None]) -> None:
        """Write; on a full disk release reserved space step by step until it fits."""
        while True:
            try:
                write()
                return
            except OSError as error:
                if error.errno not in _FULL or not self._released_space():
                    raise

    def _released_space(self) -> bool:
        reserve = self.folder / RESERVE_FILE
        size_bytes = reserve.stat().st_size if reserve.exists() else 0
        if size_bytes:
            os.truncate(reserve, max(0, size_bytes - _STEP_BYTES))
        return size_bytes > 0

    def _reserve(self, size_bytes: int) -> None:
        try:
            with (self.folder / RESERVE_FILE).open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, size_bytes)
        except OSError as error:
            if error.errno in _FULL:
                size_mb = size_bytes / 1e6
                raise ResultsError(
                    f"{self.folder.parent}: the disk is full: the rows of the run need {size_mb:.1f} MB"
                ) from None
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # a file system that cannot
                raise

    def check_in_place(self) -> None:
        """Check that the folder is still the one in which the journal was created.

        Raises
        ------
        ResultsError
            It is not.
        """
        with suppress(OSError):
            if os.path.samestat((self.folder / JOURNAL_FILE).stat(), os.fstat(self._journal)):
                return
        raise ResultsError(f"{self.folder}: was moved or removed during the run")


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _write_part(path: Path, part: "pyarrow.Table") -> None:
    import pyarrow.parquet

    with written_whole(path) as temporary, temporary.open("wb") as file:
        pyarrow.parquet.write_table(part, file)
