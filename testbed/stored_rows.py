"""Reading of the finished rows of a run on disk, in the order of its table, some at a time."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed.columns import TYPES
from testbed.errors import ResultsError
from testbed.files import written_whole
from testbed.parquet import read_arrow
from testbed.row_set import RowSet

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow

JOURNAL_FILE = "journal"
PARTS = "parts"
ROWS = "results"
"""Name of the table of the journal."""
ROWS_AT_ONCE = 1 << 15
MOST_BYTES_OF_TEXT = 64 << 20
"""Largest size of a journal or a manifest; parsed it takes many times that."""
NUMBER = "row number"
"""Column of a part with the rows' numbers. No column of a table has a name with a blank."""
ERROR = "error"
"""Column with the reason why a row failed; "" if it did not."""
_MOST_ROWS = 10**12

NumberedRow = tuple[int, Mapping[str, Any]]


@dataclass(frozen=True)
class Journal:
    """Content of a journal.

    Attributes
    ----------
    columns
        Columns of the table: their pandas types by name, in order; "" for the type of the values.
    most_rows
        Largest number of rows of the table.
    rows
        The rows in it, by number.
    begin, end
        Place in the file after its first line, and after its last whole line.
    damage
        Reason why a line after `end` cannot be read; "" if none is there.
    """

    columns: dict[str, str]
    most_rows: int
    rows: list[NumberedRow]
    begin: int
    end: int
    damage: str


def read_journal(folder: Path) -> Journal:
    """Read the journal of an unfinished run.

    Raises
    ------
    ResultsError
        It has no first line, or is larger than a journal can be.
    """
    path = folder / JOURNAL_FILE
    try:
        if path.stat().st_size > MOST_BYTES_OF_TEXT:
            raise ResultsError(f"{path}: too large for a journal")
        first, *lines = path.read_bytes().split(b"\n")[:-1]
        header = json.loads(first)
        if "columns" in header and "rows" not in header:
            raise ResultsError(f"{path}: was written by an older testbed, so it cannot be read")
        columns, most_rows = header["columns"], header["rows"]
        is_ours = isinstance(columns, dict) and TYPES.issuperset(columns.values())
        if not is_ours or not isinstance(most_rows, int) or not 0 <= most_rows < _MOST_ROWS:
            raise ResultsError(f"{path}: is not the journal of a run")
    except _BROKEN as error:
        raise ResultsError(f"{path}: cannot be read: {error}") from error
    rows: list[NumberedRow] = []
    begin = end = len(first) + 1
    damage = ""
    for line in lines:
        try:
            found = [(int(number), dict(row)) for number, row in json.loads(line)]
            if not all(0 <= number < most_rows for number, _ in found):
                raise ValueError("a row's number is too large")
        except _BROKEN as error:
            damage = f"{path}: cannot be read: {error}"
            break
        rows += found
        end += len(line) + 1
    return Journal(columns, most_rows, rows, begin, end, damage)


class StoredRows:
    """The finished rows of a run. Of rows with one number, the last one written counts.

    Parameters
    ----------
    folder
        The folder of the journal.
    journal
        Its content.

    Attributes
    ----------
    finished
        The numbers of the rows.
    failed
        The parts of failed rows.
    damaged
        Parts that cannot be read and are left out, and the reasons.

    Raises
    ------
    ResultsError
        The rows are not those of one table.
    """

    def __init__(self, folder: Path, journal: Journal) -> None:
        import pyarrow

        self.finished = RowSet(journal.most_rows)
        self.failed: list[Path] = []
        self.damaged: dict[Path, ResultsError] = {}
        self._folder = folder
        self._columns = journal.columns
        self._parts: list[tuple[Path, int, int]] = []
        self._types: dict[str, pyarrow.DataType] = {}
        with self._readable():
            self._held = arrow_of(numbered_frame(self._columns, journal.rows))
            schemas, nulls = [self._held.schema], self._add(self._held)
        for path in parts_of(folder, ROWS):
            try:
                part = read_arrow(path, "part")
                with self._readable():
                    nulls |= self._add(part)
                    numbers = part[NUMBER].to_numpy()
                    self._parts.append((path, int(numbers.min()), int(numbers.max())))
                    if ERROR in self._columns and part[ERROR][0].as_py():
                        self.failed.append(path)
                    schemas.append(part.schema.remove_metadata())
            except ResultsError as error:
                self.damaged[path] = error
        with self._readable():
            found = pyarrow.unify_schemas(list(dict.fromkeys(schemas)), promote_options="permissive")
            for name in (name for name, kind in self._columns.items() if not kind):
                kind = found.field(name).type
                is_gap = pyarrow.types.is_integer(kind) and name in nulls
                self._types[name] = pyarrow.float64() if is_gap or pyarrow.types.is_null(kind) else kind
            self._schema = self._written_schema()

    def frames(self) -> "Iterator[pd.DataFrame]":
        """Yield the rows in the order of the table, at most `ROWS_AT_ONCE` at a time.

        Raises
        ------
        ResultsError
            They cannot be read.
        """
        for begin in range(0, self.finished.rows, ROWS_AT_ONCE):
            end = min(begin + ROWS_AT_ONCE, self.finished.rows)
            if len(self.finished.missing(begin, end)) < end - begin:
                with self._readable():
                    frame = self._frame(begin, end)
                yield frame

    def table(self) -> "pd.DataFrame":
        """Return all rows."""
        import pandas as pd

        frames = [*self.frames()] or [self._pandas(self._schema.empty_table())]
        return pd.concat(frames, ignore_index=True)

    def write(self, path: Path) -> None:
        """Write the table."""
        import pyarrow
        from pyarrow.parquet import ParquetWriter

        with written_whole(path) as temporary, ParquetWriter(temporary, self._schema) as writer:
            for frame in self.frames():
                writer.write_table(
                    pyarrow.Table.from_pandas(frame, schema=self._schema, preserve_index=False)
                )

    def _add(self, part: "pyarrow.Table") -> set[str]:
        """Add the numbers of a part; return the columns in which a value is missing."""
        self.finished.add(part[NUMBER].to_numpy())
        return {name for name in self._columns if part[name].null_count}

    def _frame(self, begin: int, end: int) -> "pd.DataFrame":
        """Return the rows from number `begin` up to `end`, exclusive."""
        from pyarrow import compute

        def inside(part: "pyarrow.Table") -> "pyarrow.Table":
            is_inside = compute.and_(
                compute.greater_equal(part[NUMBER], begin), compute.less(part[NUMBER], end)
            )
            return part.filter(is_inside)

        parts = [
            inside(read_arrow(path, "part"))
            for path, first, last in self._parts
            if first < end and last >= begin
        ]
        table = joined([*parts, inside(self._held)])
        frame = self._pandas(table).drop_duplicates(NUMBER, keep="last").sort_values(NUMBER)
        return frame.drop(columns=NUMBER).reset_index(drop=True)

    def _pandas(self, table: "pyarrow.Table") -> "pd.DataFrame":
        for name, kind in self._types.items():
            table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(kind))
        kinds = {name: kind for name, kind in self._columns.items() if kind}
        frame: pd.DataFrame = table.to_pandas().astype(kinds)
        return frame

    def _written_schema(self) -> "pyarrow.Schema":
        """Return the schema of the table as pandas writes it, whatever values are missing."""
        import pyarrow

        zero = {name: pyarrow.scalar("0").cast(kind) for name, kind in self._types.items()}
        row = pyarrow.table({name: [zero.get(name, 0)] for name in self._columns})
        return pyarrow.Table.from_pandas(self._pandas(row), preserve_index=False).schema

    @contextmanager
    def _readable(self) -> Iterator[None]:
        import pyarrow

        try:
            yield
        except (pyarrow.ArrowException, *_BROKEN) as error:
            raise ResultsError(f"{self._folder}: its rows cannot be read: {error}") from error


def read_rows(folder: Path) -> "pd.DataFrame":
    """Return the rows of an unfinished run.

    Raises
    ------
    ResultsError
        A part or a line of its journal cannot be read.
    """
    journal = read_journal(folder)
    stored = StoredRows(folder, journal)
    for error in stored.damaged.values():
        raise error
    if journal.damage:
        raise ResultsError(journal.damage)
    return stored.table()


def read_parts(folder: Path, table: str) -> "pd.DataFrame | None":
    """Return a table of an unfinished run; None if it has no part."""
    parts = [read_arrow(path, "part") for path in parts_of(folder, table)]
    return joined(parts).to_pandas() if parts else None


def write_parts(folder: Path, table: str, path: Path) -> None:
    """Write a table of the parts of a run, sorted by number."""
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    def write() -> None:
        writer.write_table(joined([schema.empty_table(), *bundle]))
        bundle.clear()

    parts = parts_of(folder, table)
    schemas = dict.fromkeys(read_arrow(part, "part").schema.remove_metadata() for part in parts)
    schema = pyarrow.unify_schemas([*schemas], promote_options="permissive")
    with written_whole(path) as temporary, ParquetWriter(temporary, schema) as writer:
        bundle: list[pyarrow.Table] = []
        for part in parts:
            bundle.append(read_arrow(part, "part"))
            if sum(map(len, bundle)) >= ROWS_AT_ONCE:
                write()
        write()


def parts_of(folder: Path, table: str) -> list[Path]:
    """Return the parts of a table of an unfinished run, sorted by number."""
    name = re.compile(rf"{table}-\d+\.parquet")
    return sorted(path for path in (folder / PARTS).glob("*.parquet") if name.fullmatch(path.name))


def part_number(path: Path) -> int:
    """Return the number of a part."""
    return int(path.stem.rpartition("-")[2])


def numbered_frame(columns: Iterable[str], rows: Sequence[NumberedRow]) -> "pd.DataFrame":
    """Return rows and their numbers as a frame."""
    import pandas as pd

    made = [{NUMBER: number, **row} for number, row in rows]
    return pd.DataFrame(made, columns=[NUMBER, *columns]).astype({NUMBER: "int64"})


def arrow_of(frame: "pd.DataFrame") -> "pyarrow.Table":
    """Return a frame as Arrow holds it; columns without any value have the null type."""
    import pyarrow

    table = pyarrow.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    for index, name in enumerate(table.column_names):
        if name != NUMBER and table[index].null_count == len(table):
            table = table.set_column(index, name, pyarrow.nulls(len(table)))
    return table


def joined(parts: "Sequence[pyarrow.Table]") -> "pyarrow.Table":
    """Return the parts as one; the types of a column may differ between parts."""
    import pyarrow

    plain = [part.replace_schema_metadata(None) for part in parts]
    return pyarrow.concat_tables(plain, promote_options="permissive")


_BROKEN = (ValueError, TypeError, LookupError, ArithmeticError, RecursionError, OSError)
