"""A run on disk: the table of its calls and its manifest."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from testbed.errors import ResultsError
from testbed.escaping import printable
from testbed.files import written_whole
from testbed.parquet import ParquetTable, read_frame
from testbed.run_rows import RunRows
from testbed.stored_manifest import check_manifest
from testbed.stored_rows import JOURNAL_FILE, MOST_BYTES_OF_TEXT, read_parts, read_rows
from testbed.stored_table import check_table
from testbed.study_kind import StudyKind, kind_of
from testbed.words import counted

if TYPE_CHECKING:
    import pandas as pd

TABLE_FILE = "results.parquet"
MANIFEST_FILE = "manifest.json"
REPORT_FILE = "report.html"
TRAJECTORIES_FILE = "trajectories.parquet"
CHANGES_FILE = "changes.parquet"
_SCHEMES_BEFORE = {"ceiling": "no loss", "baseline": "classic PLC"}
"""Schemes by their role in runs of earlier versions, whose manifests do not name them."""
WORK = "unfinished"
"""The folder, inside that of the run, of an unfinished run."""


@dataclass(frozen=True)
class Results:
    """A run, finished or not.

    Attributes
    ----------
    folder
        The folder that holds the table and the manifest.
    stored
        The rows of `table`, of which some columns can be read alone.
    manifest
        Scenario, versions, seeds, clips, warnings; `complete` is true for a finished run.
    """

    folder: Path
    stored: RunRows
    manifest: dict[str, Any]

    @property
    def table(self) -> "pd.DataFrame":
        """One row per call: point, scheme, clip, realization; `testbed.columns` declares the columns."""
        return self.stored.whole

    def with_rows(self, table: "pd.DataFrame") -> Self:
        """Return the run with the rows of a table instead of its own."""
        return replace(self, stored=RunRows(table))

    @property
    def kind(self) -> StudyKind:
        """Kind of the study."""
        return kind_of(self.manifest)

    def __repr__(self) -> str:
        """Return a line."""
        unfinished = "" if self.manifest.get("complete", True) else ", unfinished"
        return printable(
            f"{type(self).__name__}({self.folder}: {counted(len(self.stored), self.kind.row)}{unfinished})"
        )

    @property
    def ceiling(self) -> str | None:
        """Name of the scheme that loses nothing; None for a flow study."""
        return self._scheme("ceiling")

    @property
    def baseline(self) -> str | None:
        """Name of the scheme that is classic PLC alone; None if the run has none."""
        return self._scheme("baseline")

    def _scheme(self, role: str) -> str | None:
        return self.manifest.get(role, _SCHEMES_BEFORE[role]) if self.kind.has_schemes else None


def load(folder: Path | str) -> Results:
    """Read a run's folder; of a run that is unfinished, the rows that are finished.

    Raises
    ------
    ResultsError
        It is not a run's folder, or a file in it cannot be read.
    """
    folder = Path(folder)
    work = folder / WORK
    if (work / MANIFEST_FILE).is_file() and (manifest := read_manifest(work)).get("complete") is True:
        # The run is complete, but its files have not all been moved up.
        place = work if (work / TABLE_FILE).is_file() else folder
        return _checked(place, ParquetTable(place / TABLE_FILE), with_files_there(place, manifest))
    if not (folder / TABLE_FILE).is_file():
        for place in (folder, work):
            if (place / JOURNAL_FILE).is_file():
                return _unfinished(place)
    for name in (TABLE_FILE, MANIFEST_FILE):
        if not (folder / name).is_file():
            runs = [str(run.parent) for run in sorted(folder.glob(f"*/{TABLE_FILE}"))]
            hint = f"; runs in it: {', '.join(runs[:9])}" if runs else ""
            raise ResultsError(f"{folder}: not a run folder, there is no {name} in it{hint}")
    return _checked(folder, ParquetTable(folder / TABLE_FILE), read_manifest(folder))


def _unfinished(folder: Path) -> Results:
    """Read an unfinished run."""
    table = read_rows(folder)
    manifest = {**read_manifest(folder), "complete": False, "rows": len(table)}
    return _checked(folder, table, with_files_there(folder, manifest))


def _checked(folder: Path, table: "pd.DataFrame | ParquetTable", manifest: dict[str, Any]) -> Results:
    for rows in table.frames() if isinstance(table, ParquetTable) else [table]:
        check_table(rows, manifest, folder / TABLE_FILE)
    return Results(folder, RunRows(table), manifest)


def with_files_there(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest without the examples whose files are not in the folder."""

    def there(name: str, *files: str) -> list[Any]:
        return [
            each
            for each in manifest.get(name) or []
            if isinstance(each, dict) and all((folder / str(each.get(file))).is_file() for file in files)
        ]

    return {**manifest, "examples": there("examples", "audio", "timeline"), "clean": there("clean", "audio")}


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a run.

    Raises
    ------
    ResultsError
        It is missing, or is not a manifest.
    """
    path = folder / MANIFEST_FILE
    if path.exists() and not path.is_file():
        raise ResultsError(f"{path}: is not a file")
    try:
        if path.stat().st_size > MOST_BYTES_OF_TEXT:
            raise ResultsError(f"{path}: too large for a manifest")
        manifest = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError, OSError) as error:
        raise ResultsError(f"{path}: cannot be read: {error}") from error
    for where, what in _broken_texts(manifest):
        raise ResultsError(f"{path}: {where}: {what[:60]!r} is not Unicode text")
    return check_manifest(manifest, path)


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest of a run.

    Raises
    ------
    ResultsError
        It holds text that is not Unicode; the message names the key.
    """
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        where, what = next(_broken_texts(manifest))
        raise ResultsError(f"{where}: {what!r} is not Unicode text, so it cannot be written") from None
    with written_whole(folder / MANIFEST_FILE) as temporary:
        temporary.write_bytes(encoded + b"\n")


def _broken_texts(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text that cannot be encoded, with its dotted key."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            yield where, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _broken_texts(str(key), where or "a key")
            yield from _broken_texts(each, f"{where}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _broken_texts(each, f"{where}.{index}")


def write_table(path: Path, table: "pd.DataFrame") -> None:
    """Write one table."""
    with written_whole(path) as temporary, temporary.open("wb") as file:
        table.to_parquet(file, index=False)


def read_table(path: Path) -> "pd.DataFrame":
    """Read one table of a run.

    Raises
    ------
    ResultsError
        It is missing or cannot be read.
    """
    if not path.is_file():
        if (parts := read_parts(path.parent, path.stem)) is not None:
            return parts
        raise ResultsError(f"{path.parent}: there is no {path.name} in it")
    return read_frame(path)
