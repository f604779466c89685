"""Reading of untrusted Parquet files: bounded size, and only columns of text, numbers and truth values."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed.errors import ResultsError
from testbed.escaping import printable

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow

MOST_CELLS = 200_000_000
MOST_BYTES = 2 << 30
_BATCH_ROWS = 1 << 16


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
    table = read_arrow(path, what)
    is_large = table.num_rows > _BATCH_ROWS  # a large one is freed column by column
    try:
        frame: pd.DataFrame = table.to_pandas(split_blocks=is_large, self_destruct=is_large)
    except Exception as error:  # the file's pandas metadata can be anything, and so can the error
        raise _unreadable(path, what, error) from None
    return frame


def read_arrow(path: Path, what: str = "table") -> "pyarrow.Table":
    """Read a table as `read_frame`, but return it as an Arrow table."""
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            _check_footer(path, file.metadata, schema)
        # Text stays a dictionary until its decoded size is known: a long word can be in many rows.
        words = [field.name for field in schema if not _is_number(field.type)]
        with pyarrow.parquet.ParquetFile(path, read_dictionary=words, pre_buffer=False) as file:
            batches, held_bytes = [], 0
            for batch in file.iter_batches(_BATCH_ROWS):
                held_bytes += sum(_decoded_bytes(column) for column in batch.columns)
                if held_bytes > MOST_BYTES:
                    raise _too_large(path, f"more than {MOST_BYTES >> 20} MB")
                batches.append(
                    pyarrow.RecordBatch.from_arrays([_plain(c) for c in batch.columns], batch.schema.names)
                )
            if not batches:
                return schema.empty_table()
            return pyarrow.Table.from_batches(batches).replace_schema_metadata(schema.metadata)
    except ResultsError:
        raise
    except Exception as error:  # a damaged file can raise anything of Arrow's, of Python's or of the system's
        raise _unreadable(path, what, error) from None


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
