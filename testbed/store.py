"""The finished rows of a run on disk: a journal of the latest, Parquet parts of the earlier ones.

Rows are on disk when `Store.append` returns: as one line of the journal, so all are there or none. When the
journal is long, its rows become a part. A row that is in a part and in the journal counts once.

The table is sorted by the rows' numbers. The first line of the journal holds the columns of the table.
"""

import errno
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from testbed.columns import check_declared
from testbed.errors import ResultsError
from testbed.files import sync, written_whole
from testbed.parquet import read_arrow
from testbed.row_set import RowSet

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow

JOURNAL_FILE = "journal"
PARTS = "parts"
RESERVE_FILE = "reserve"
ROWS = "results"
"""Name of the table of the journal."""
ROWS_IN_JOURNAL = 1000
MOST_BYTES_OF_TEXT = 64 << 20
"""Largest size of a journal or a manifest; parsed it takes many times that."""
_NUMBER = "row number"
"""Column of a part with the rows' numbers. No column of a table has a name with a blank."""
_ROW_BYTES = (2000, 500)
"""Upper estimates of a row's size in the journal, and in its part and the table together."""
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

    Attributes
    ----------
    finished
        The rows so far.

    Raises
    ------
    ResultsError
        There is not enough disk space.
    """

    def __init__(self, folder: Path, columns: Columns, rows: int) -> None:
        self.folder = folder
        self.finished = RowSet(rows)
        self._header: dict[str, Any] = {"columns": dict(columns), "rows": rows}
        self._pending: list[tuple[int, Mapping[str, Any]]] = []
        self._sealed = 0
        self._journal = os.open(folder / JOURNAL_FILE, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            self._reserve(_OTHER_BYTES + _ROW_BYTES[0] * min(rows, ROWS_IN_JOURNAL) + _ROW_BYTES[1] * rows)
            self._end = 0
            self._write(json.dumps(self._header).encode() + b"\n")
            self._begin = self._end
            sync(folder)
        except BaseException:
            self.close()
            raise

    def try_out(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Check that a table can hold the known values of rows before the calls are made.

        Raises
        ------
        ResultsError
            It cannot.
        """
        import pyarrow

        try:
            _arrow(_frame(self._header, [*enumerate(rows)]))
        except (pyarrow.ArrowException, OverflowError, UnicodeError, ValueError, TypeError) as error:
            raise ResultsError(f"no table can hold the run's rows: {error}") from error

    def append(self, rows: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
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
            check_declared(row, self._header["columns"])
        self.check_in_place()
        self._write(json.dumps(added, default=_plain).encode() + b"\n")
        self.finished.add(number for number, _ in added)
        self._pending += added
        if len(self._pending) >= ROWS_IN_JOURNAL:
            self._seal()

    def add_part(self, table: str, number: int, frame: "pd.DataFrame") -> None:
        """Add a part to another table; it is on disk when this returns. Parts are sorted by number."""
        path = self.folder / PARTS / f"{table}-{number:09d}.parquet"
        self._with_room(lambda: _write_part(path, _arrow(frame)))

    def table(self) -> "pd.DataFrame":
        """Return all rows."""
        return _table(self.folder, self._header, self._pending)

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
        """Turn the journal's rows into a part."""
        name = f"{ROWS}-{self._sealed:06d}.parquet"
        part = _arrow(_frame(self._header, self._pending))
        self._with_room(lambda: _write_part(self.folder / PARTS / name, part))
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


def read_rows(folder: Path) -> "pd.DataFrame":
    """Return the rows of an unfinished run.

    Raises
    ------
    ResultsError
        Its journal cannot be read.
    """
    header, pending = _read_journal(folder)
    return _table(folder, header, pending)


def read_parts(folder: Path, table: str) -> "pd.DataFrame | None":
    """Return a table of an unfinished run; None if it has no part."""
    parts = _parts(folder, table)
    return _joined(parts).to_pandas() if parts else None


def _read_journal(folder: Path) -> tuple[dict[str, Any], list[tuple[int, dict[str, Any]]]]:
    path = folder / JOURNAL_FILE
    if path.stat().st_size > MOST_BYTES_OF_TEXT:
        raise ResultsError(f"{path}: too large for a journal")
    try:
        first, *lines = path.read_bytes().split(b"\n")[:-1]
        header = json.loads(first)
        whole = isinstance(header["columns"], dict) and isinstance(header["rows"], int)
        rows = [(int(number), dict(row)) for line in lines for number, row in json.loads(line)]
        whole = whole and all(0 <= number < header["rows"] for number, _ in rows)
    except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError, OSError) as error:
        raise ResultsError(f"{path}: cannot be read: {error}") from error
    if not whole:
        raise ResultsError(f"{path}: is not the journal of a run")
    return header, rows


def _table(
    folder: Path, header: Mapping[str, Any], pending: Sequence[tuple[int, Mapping[str, Any]]]
) -> "pd.DataFrame":
    import pyarrow

    columns = header["columns"]
    parts = _parts(folder, ROWS)
    try:
        parts.append(_arrow(_frame(header, pending)))
        table: pd.DataFrame = _joined(parts).to_pandas().drop_duplicates(_NUMBER).sort_values(_NUMBER)
        empty = {name: "float64" for name in columns if table[name].isna().all()}
        types = {name: kind for name, kind in columns.items() if kind}
        return table[[*columns]].astype(empty | types).reset_index(drop=True)
    except (pyarrow.ArrowException, ValueError, TypeError, KeyError, ArithmeticError) as error:
        raise ResultsError(f"{folder}: its rows cannot be read: {error}") from error


def _parts(folder: Path, table: str) -> "list[pyarrow.Table]":
    return [read_arrow(path, "part") for path in sorted((folder / PARTS).glob(f"{table}-*.parquet"))]


def _joined(parts: "list[pyarrow.Table]") -> "pyarrow.Table":
    """Return the parts as one; the types of a column may differ between parts."""
    import pyarrow

    plain = [part.replace_schema_metadata(None) for part in parts]
    return pyarrow.concat_tables(plain, promote_options="permissive")


def _frame(header: Mapping[str, Any], rows: Sequence[tuple[int, Mapping[str, Any]]]) -> "pd.DataFrame":
    import pandas as pd

    made = [{_NUMBER: number, **row} for number, row in rows]
    return pd.DataFrame(made, columns=[_NUMBER, *header["columns"]]).astype({_NUMBER: "int64"})


def _arrow(frame: "pd.DataFrame") -> "pyarrow.Table":
    """Return a frame as Arrow holds it; columns without any value have the null type."""
    import pyarrow

    table = pyarrow.Table.from_pandas(frame, preserve_index=False)
    for index, name in enumerate(table.column_names):
        if table[index].null_count == len(table):
            table = table.set_column(index, name, pyarrow.nulls(len(table)))
    return table


def _write_part(path: Path, part: "pyarrow.Table") -> None:
    import pyarrow.parquet

    with written_whole(path) as temporary, temporary.open("wb") as file:
        pyarrow.parquet.write_table(part, file)


def _plain(value: Any) -> Any:
    """Return a NumPy number as a Python number, for JSON."""
    return value.item()
