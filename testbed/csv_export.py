"""A run's table as CSV, for spreadsheets and other programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed.escaping import printable
from testbed.files import new_file

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = ("=", "+", "-", "@", "\t")
"""First characters that make a spreadsheet read text as a formula."""


def write_csv(table: "pd.DataFrame", path: Path) -> None:
    """Write a table to a new file, in UTF-8 with a header line; numbers have all their digits.

    Text that a spreadsheet would read as a formula gets a ``'`` before it.

    Raises
    ------
    ResultsError
        The file exists.
    """
    with new_file(path) as stream:
        table.map(_harmless).to_csv(stream, index=False, lineterminator="\n")


def _harmless(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
