"""Reading of untrusted Parquet files: bounded size, and only columns of text, numbers and truth values."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed.errors import ResultsError
from testbed.escaping import printable

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow

MOST_CELLS = 200_000_000
MOST_BYTES = 2 << 30
_BATCH_ROWS = 1 << 14


def read_frame(path: Path, what: str = "table") -> "pd.DataFrame":
    """Read a table.

    Parameters
    ----------
    what
        Kind of the table, for messages.

    Raises
    ------
    ResultsError
        It cannot be read, has columns other than text, numbers and truth values, or holds more than
        `MOST_CELLS` values, or `MOST_BYTES` when decoded.
    """
    return ParquetTable(path, what).frame()


def read_arrow(path: Path, what: str = "table") -> "pyarrow.Table":
    """Read a table as `read_frame`, but return it as an Arrow table."""
    return ParquetTable(path, what).arrow()


class ParquetTable:
    """A file of a table; its rows are read when asked for, whole or in part.

    The file stays open, so its rows stay the same when another file takes its place. All reading raises
    `ResultsError` as `read_frame` does.

    Attributes
    ----------
    names
        Names of the columns.
    """

    def __init__(self, path: Path, what: str = "table") -> None:
        import pyarrow
        import pyarrow.parquet

        self._path, self._what = path, what
        with self._readable():
            self._file = pyarrow.OSFile(str(path))
            with pyarrow.parquet.ParquetFile(self._file) as file:
                self._schema, self._rows = file.schema_arrow, file.metadata.num_rows
                _check_footer(path, file.metadata, self._schema)
        self.names: tuple[str, ...] = tuple(self._schema.names)

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self._rows)

    def frame(self, columns: Sequence[str] | None = None) -> "pd.DataFrame":
        """Return all rows; of some columns, or of all."""
        return self._frame_of(self.arrow(columns))

    def frames(self) -> "Iterator[pd.DataFrame]":
        """Yield the rows in pieces; of an empty table one piece without rows."""
        import pyarrow

        if not self._rows:
            yield self.frame()
        for batch in self._batches():
            yield self._frame_of(pyarrow.Table.from_batches([batch]))

    def arrow(self, columns: Sequence[str] | None = None) -> "pyarrow.Table":
        """Return all rows as an Arrow table; of some columns, or of all."""
        import pyarrow

        batches = [*self._batches(columns)]
        if batches:
            return pyarrow.Table.from_batches(batches)
        empty = self._schema.empty_table()
        return empty if columns is None else empty.select(columns)

    def _batches(self, columns: Sequence[str] | None = None) -> "Iterator[pyarrow.RecordBatch]":
        import pyarrow
        import pyarrow.parquet

        # Text stays a dictionary until its decoded size is known: a long word can be in many rows.
        words = [field.name for field in self._schema if not _is_number(field.type)]
        held_bytes = 0
        with (
            self._readable(),
            pyarrow.parquet.ParquetFile(self._file, read_dictionary=words, pre_buffer=False) as file,
        ):
            for batch in file.iter_batches(_BATCH_ROWS, columns=columns):
                held_bytes += sum(_decoded_bytes(column) for column in batch.columns)
                if held_bytes > MOST_BYTES:
                    raise _too_large(self._path, f"more than {MOST_BYTES >> 20} MB")
                plain = [_plain(column) for column in batch.columns]
                yield pyarrow.RecordBatch.from_arrays(
                    plain, batch.schema.names, metadata=self._schema.metadata
                )

    def _frame_of(self, table: "pyarrow.Table") -> "pd.DataFrame":
        is_large = table.num_rows > _BATCH_ROWS  # a large one is freed column by column
        with self._readable():  # the file's pandas metadata can be anything, and so can the error
            frame: pd.DataFrame = table.to_pandas(split_blocks=is_large, self_destruct=is_large)
            return frame

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Raise a `ResultsError` for the errors of a damaged file: Arrow's, Python's or the system's."""
        try:
            yield
        except ResultsError:
            raise
        except Exception as error:
            raise _unreadable(self._path, self._what, error) from None


def _check_footer(path: Path, footer: Any, schema: "pyarrow.Schema") -> None:
    cells = footer.num_rows * footer.num_columns
    if cells > MOST_CELLS:
        raise _too_large(path, f"{footer.num_rows} rows of {footer.num_columns} columns")
    chunks = (
        footer.row_group(g).column(c) for g in range(footer.num_row_groups) for c in range(footer.num_columns)
    )
    if (size_bytes := sum(chunk.total_uncompressed_size for chunk in chunks)) > MOST_BYTES:
        raise _too_large(path, f"{size_bytes >> 20} MB")
    if len(set(schema.names)) < len(schema.names):
        raise ResultsError(f"{path}: has two columns of one name")
    for field in schema:
        if not _is_plain(field.type):
            what = printable(f"{field.name} of type {field.type}"[:100])
            raise ResultsError(f"{path}: has a column {what}; a run's hold text, numbers or truth values")


def _is_number(kind: "pyarrow.DataType") -> bool:
    from pyarrow import types

    is_number = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    return bool(is_number or types.is_null(kind))


def _is_plain(kind: "pyarrow.DataType") -> bool:
    from pyarrow import types

    return _is_number(kind) or bool(types.is_string(kind) or types.is_large_string(kind))


def _decoded_bytes(column: Any) -> int:
    import pyarrow
    from pyarrow import compute

    if not pyarrow.types.is_dictionary(column.type):
        return int(column.nbytes)
    lengths = compute.binary_length(column.dictionary).cast("int64")
    return int(compute.sum(lengths.take(column.indices)).as_py() or 0) + 8 * len(column)


def _plain(column: Any) -> Any:
    import pyarrow

    return column.dictionary_decode() if pyarrow.types.is_dictionary(column.type) else column


def _too_large(path: Path, what: str) -> ResultsError:
    return ResultsError(
        f"{path}: {what}: too large for a run's table (at most {MOST_CELLS} values and {MOST_BYTES >> 20} MB)"
    )


def _unreadable(path: Path, what: str, error: Exception) -> ResultsError:
    return ResultsError(f"{path}: cannot be read as a {what}: {printable(str(error))[:300]}")
