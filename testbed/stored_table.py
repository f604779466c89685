"""Validation of the table of a run, since run folders may come from others."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from testbed.errors import ResultsError
from testbed.escaping import printable
from testbed.study_kind import kind_of

if TYPE_CHECKING:
    import pandas as pd

_NUMBERED = ("point", "realization")


def check_table(table: "pd.DataFrame", manifest: Mapping[str, Any], path: object) -> None:
    """Refuse a table with a missing column or a column of the wrong type.

    Points and realizations are whole numbers, names and errors are text, swept columns hold the swept values;
    all other columns are numbers or NaN.

    Parameters
    ----------
    manifest
        The run's checked manifest.
    path
        The table's file, for messages.

    Raises
    ------
    ResultsError
        The message names the file and the column.
    """
    kind = kind_of(manifest)
    words = kind.text_columns
    for name in (*_NUMBERED, *words, *kind.rate_columns):
        if name not in table:
            raise ResultsError(f"{path}: has no column {name}")
    points = max(1, len(manifest.get("points") or ()))
    for name in _NUMBERED:
        most = points if name == "point" else 10**9
        if (
            not _is_numeric(table[name])
            or table[name].dtype in (bool, "boolean", "bool[pyarrow]")
            or not table[name].between(0, most - 1).all()
            or (table[name] % 1).any()
        ):
            raise ResultsError(f"{path}: {name}: must hold whole numbers from 0 to {most - 1}")
    swept = {
        *(manifest.get("swept") or ()),
        *(key for point in manifest.get("points") or () for key in point),
    }
    for name, column in ((str(name), column) for name, column in table.items()):
        shown = printable(name)[:100]
        if name in words:
            if _is_numeric(column) and column.notna().any():
                raise ResultsError(f"{path}: {shown}: must hold words")
            if name in ("scheme", "clip", "flow") and column.isna().any():
                raise ResultsError(f"{path}: {shown}: is empty in a row")
        elif (
            name not in swept and not _is_numeric(column) and (column.dtype != object or column.notna().any())
        ):
            raise ResultsError(f"{path}: {shown}: must hold numbers")


def _is_numeric(column: "pd.Series[Any]") -> bool:
    import pandas as pd

    return bool(pd.api.types.is_numeric_dtype(column))
