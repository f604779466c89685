"""Selection of rows of a run by the values of columns."""

from collections.abc import Sequence
from typing import Any

from testbed.errors import ResultsError
from testbed.escaping import printable
from testbed.results import Results
from testbed.words import suggestion


def check_column(results: Results, option: str, column: str) -> None:
    """Refuse a column that the table does not have; the message names the nearest one.

    Raises
    ------
    ResultsError
        There is no such column.
    """
    if column not in results.table:
        names = [str(name) for name in results.table]
        raise ResultsError(
            f"{option} {column}: {results.folder} has no such column{suggestion(column, names)}"
        )


def where(results: Results, conditions: Sequence[str]) -> Results:
    """Return the run with only the rows that meet every condition.

    Parameters
    ----------
    conditions
        ``"column=value"`` each; several values of one column are alternatives.

    Raises
    ------
    ResultsError
        A condition has another form, names an unknown column or value, or no row fulfils all of them.
    """
    wanted: dict[str, list[str]] = {}
    for condition in conditions:
        column, equals, text = (part.strip() for part in condition.partition("="))
        if not equals or not column:
            raise ResultsError(
                f"--where {condition}: must be column=value, as in --where 'scheme=neural PLC'"
            )
        check_column(results, "--where", column)
        known = list(dict.fromkeys(results.table[column].map(shown)))
        if (value := _as_shown(text, known)) not in known:
            raise ResultsError(f"--where {condition}: no row has this value{suggestion(value, known)}")
        wanted.setdefault(column, []).append(value)
    table = results.table
    for column, values in wanted.items():
        table = table[table[column].map(shown).isin(values)]
    if table.empty:
        raise ResultsError(f"{results.folder}: no row meets {' and '.join(conditions)}")
    return results.with_rows(table)


def shown(value: Any) -> str:
    """Return a cell as text of a condition or figure: ``64`` for 64.0."""
    return f"{value:g}" if isinstance(value, float) else printable(str(value))


def _as_shown(text: str, known: Sequence[str]) -> str:
    """Return a user's text in the form of `shown`, so that 64.0 means 64."""
    if text in known:
        return text
    try:
        return shown(float(text))
    except ValueError:
        return text
