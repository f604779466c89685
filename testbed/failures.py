"""The failures of a run, in a file of its folder: a JSON object per failed call, or run of a flow study."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from testbed.errors import ResultsError
from testbed.escaping import printable

FAILURES_FILE = "failures.jsonl"
MOST_BYTES = 8 << 20
"""Largest size of the file; further failures have only their rows."""


@dataclass(frozen=True)
class Failure:
    """A failed call, or run of a flow study.

    Attributes
    ----------
    row
        Number of its row in the table of the complete run; of several rows, the first.
    identity
        Values of the columns that identify it.
    reason
        The `error` of its row.
    traceback
        The functions that led to the error; see `testbed.errors.traceback_of`.
    """

    row: int
    identity: Mapping[str, str | bool | int | float | None]
    reason: str
    traceback: str

    def __str__(self) -> str:
        """Return it without the traceback, on one line."""
        named = ", ".join(f"{name} {value}" for name, value in self.identity.items())
        return f"row {self.row} ({named}) failed: {self.reason}"


_STORED = TypeAdapter(Failure)


def keep_failures(folder: Path, failures: Sequence[Failure]) -> None:
    """Add failures to the file in a folder, while there is room."""
    path = folder / FAILURES_FILE
    # A line begins with its newline: one that a crash cut off does not spoil the next.
    lines = [b"\n" + json.dumps(_printable(failure)).encode() for failure in failures]
    with suppress(OSError):  # the rows have the reasons
        for line in lines:
            size_bytes = path.stat().st_size if path.exists() else 0
            if size_bytes + len(line) <= MOST_BYTES:
                with path.open("ab") as file:
                    file.write(line)


def forget_failures(folder: Path) -> None:
    """Remove the file from a folder whose failed rows are made again."""
    (folder / FAILURES_FILE).unlink(missing_ok=True)


def _printable(failure: Failure) -> dict[str, Any]:
    return {
        name: printable(value) if isinstance(value, str) else value for name, value in asdict(failure).items()
    }


def read_failures(folder: Path) -> list[Failure]:
    """Return the failures in a folder, in the order of their rows.

    Raises
    ------
    ResultsError
        Their file cannot be read, or holds something else.
    """
    path = folder / FAILURES_FILE
    if not path.exists():
        return []
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read: {error.strerror or error}") from None
    if len(content) > MOST_BYTES:
        raise ResultsError(f"{path}: too large for the failures of a run")
    found = {}
    for number, line in enumerate(content.split(b"\n"), 1):
        try:
            failure = _STORED.validate_json(line, strict=True)
        except ValidationError as error:
            if error.errors()[0]["type"] != "json_invalid":  # else empty or cut off
                raise ResultsError(f"{path}:{number}: is not a failure of a run") from None
        else:
            found[failure.row] = failure
    return [found[row] for row in sorted(found)]
