"""A run's table as CSV, for spreadsheets and other programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed.escaping import printable
from testbed.files import new_file

if TYPE_CHECKING:
    import pandas as pd

_ROWS = 1 << 16
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters that make a spreadsheet read text as a formula."""


def write_csv(table: "pd.DataFrame", path: Path) -> None:
    """Write a table to a new file, in UTF-8 with a header line; numbers have all their digits.

    Text that a spreadsheet would read as a formula gets a ``'`` before it.

    Raises
    ------
    ResultsError
        The file exists.
    """
    from pandas.api.types import is_numeric_dtype

    words = {str(name): column for name, column in table.items() if not is_numeric_dtype(column)}
    with new_file(path) as stream:
        table.head(0).to_csv(stream, index=False, lineterminator="\n")
        for start in range(0, len(table), _ROWS):
            rows = slice(start, start + _ROWS)
            harmless = {name: column.iloc[rows].map(_harmless) for name, column in words.items()}
            part = table.iloc[rows].assign(**harmless)
            part.to_csv(stream, index=False, header=False, lineterminator="\n")


def _harmless(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
