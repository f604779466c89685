"""The folder of a run: its files, the work of a new run in it, and the replacement of an earlier one.

The manifest of the run in a folder names the files that the testbed wrote; no other file is replaced or
removed.

A new run works in ``unfinished/``. An earlier run stays as it is until the new one is complete, and the rows
of an interrupted run stay in ``unfinished/``. When the manifest there says that the run is complete, its
files move up one by one, the manifest last; if that is interrupted, the next run in the folder completes it.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from testbed.errors import ResultsError, RunError, UnfinishedError
from testbed.failures import FAILURES_FILE
from testbed.files import is_temporary, remove_if_empty, sync
from testbed.kept_files import is_kept_file
from testbed.marker import MARKER_FILE, claimed, folder_of
from testbed.parquet import ParquetTable
from testbed.results import (
    CHANGES_FILE,
    MANIFEST_FILE,
    REPORT_FILE,
    TABLE_FILE,
    TRAJECTORIES_FILE,
    WORK,
    read_manifest,
    with_files_there,
    write_manifest,
)
from testbed.resumable import difference, until_ci
from testbed.run_rows import RunRows
from testbed.store import RESERVE_FILE, Columns, Store
from testbed.stored_rows import JOURNAL_FILE, PARTS, StoredRows, read_journal, write_parts

_TABLES = (TABLE_FILE, TRAJECTORIES_FILE, CHANGES_FILE)
_FILES = (*_TABLES, MANIFEST_FILE, REPORT_FILE, FAILURES_FILE)
_ASKED = ("another scenario", "other speech", "other recordings or another libopus", "another --until-ci")
_CHOICES = "give another folder with --out, or replace it with --force"


@dataclass(frozen=True)
class Work:
    """A run in progress.

    Attributes
    ----------
    out
        The folder of the finished run.
    folder
        The folder of the unfinished run.
    store
        Its rows.
    replaces
        Time of the run that it replaces; "" if there is none.
    resumed
        Times at which it was resumed.
    processors
        The kinds of processor that have computed its earlier rows.
    """

    out: Path
    folder: Path
    store: Store
    replaces: str
    resumed: Sequence[str] = ()
    processors: Sequence[str] = ()

    def note(self, manifest: Mapping[str, Any]) -> None:
        """Update the manifest of the unfinished run."""
        self.store.check_in_place()
        write_manifest(self.folder, {**manifest, "complete": False})

    def write_tables(self, names: Iterable[str] = ()) -> None:
        """Write the table, and others of this name from their parts."""
        self.store.check_in_place()
        self.store.release()
        self.store.rows().write(self.folder / TABLE_FILE)
        for name in names:
            write_parts(self.folder, Path(name).stem, self.folder / name)

    def rows(self) -> RunRows:
        """Return the rows of the table that was written."""
        return RunRows(ParquetTable(self.folder / TABLE_FILE))

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest, and replace the earlier run by the tables and files that were written.

        Raises
        ------
        ResultsError
            Another file is in the place of one of the run's.
        """
        tables = [name for name in _TABLES if (self.folder / name).is_file()]
        kept = [path.relative_to(self.folder).as_posix() for path in sorted(self.folder.glob("*/*"))]
        failures = [FAILURES_FILE] * (self.folder / FAILURES_FILE).exists()
        written = [*filter(is_kept_file, kept), *tables, *failures, MANIFEST_FILE, REPORT_FILE]
        self.store.check_in_place()
        said = with_files_there(self.folder, manifest)
        write_manifest(self.folder, {**said, "complete": True, "written": written})
        _move_up(self.folder)


@contextmanager
def working(
    out: Path,
    manifest: Mapping[str, Any],
    columns: Columns,
    rows: int,
    force: bool = False,
    resume: bool = False,
) -> Iterator[Work]:
    """Give a run its folder and store; errors and Ctrl-C report the rows that are kept.

    Parameters
    ----------
    manifest
        Manifest at the start of the run, with which an unfinished run is read.
    columns, rows
        See `testbed.store.Store`.
    force
        Whether the run may replace that of another scenario, or an unfinished one.
    resume
        Whether the run goes on with the rows of an unfinished one, if there is one.

    Raises
    ------
    UnfinishedError
        The folder holds an unfinished run that could be resumed, without `force` and `resume`.
    ResultsError
        The folder is not the testbed's, another run works in it, replacing its run needs `force`, or its
        unfinished run cannot be resumed.
    RunError
        The run ends with an error and rows are kept.
    """
    manifest = json.loads(json.dumps(manifest))
    with claimed(out) as folder:
        replaces, resumed = _made_room(out, folder, manifest, rows, force, resume)
        earlier = _texts(read_manifest(folder / WORK).get("processors")) if resumed else []
        now = {
            **manifest,
            "resumed": resumed,
            "processors": list(dict.fromkeys([*earlier, *_texts(manifest.get("processors"))])),
        }
        with _begun(folder / WORK, now, columns, rows) as store:
            work = Work(out, folder / WORK, store, replaces, resumed, earlier)
            try:
                yield work
            except (Exception, KeyboardInterrupt) as error:
                kept = _kept(work)
                if not kept:
                    raise
                if isinstance(error, KeyboardInterrupt):
                    raise KeyboardInterrupt(kept) from None
                if isinstance(error, OSError):
                    error = RunError(f"{error.filename or 'system'}: {error.strerror or error}")
                raise RunError(f"{error}; {kept}") from error


def is_complete(out: Path, manifest: Mapping[str, Any]) -> bool:
    """Return whether a folder holds the whole run of a manifest; its files are moved up if need be."""
    if not (folder_of(out) / MARKER_FILE).is_file():
        return False
    with claimed(out) as folder:
        if (folder / WORK / JOURNAL_FILE).is_file():
            if not _is_complete(folder / WORK):
                return False
            _move_up(folder / WORK)
            _remove(folder / WORK)
        return _is_complete(folder) and not difference(
            read_manifest(folder), json.loads(json.dumps(manifest))
        )


@contextmanager
def _begun(folder: Path, manifest: Mapping[str, Any], columns: Columns, rows: int) -> Iterator[Store]:
    """Yield the store of a run; its folder is removed if it has no rows at the end."""
    resume = bool(manifest["resumed"])
    if not resume:
        folder.mkdir()
        sync(folder.parent)
    try:
        with Store(folder, columns, rows, resume) as store:
            write_manifest(folder, {**manifest, "complete": False})
            yield store
    finally:
        if not _is_complete(folder) and not _rows_in(folder):
            _remove(folder)


def _made_room(
    out: Path, folder: Path, manifest: Mapping[str, Any], most_rows: int, force: bool, resume: bool
) -> tuple[str, list[str]]:
    """Clear the folder for a run.

    Returns
    -------
    The time of the run that will be replaced, or "", and the times at which this one was resumed.
    """
    work, resumed = folder / WORK, list[str]()
    if not work.is_symlink() and (work / JOURNAL_FILE).is_file():
        if _is_complete(work):
            _move_up(work)
        elif not force:
            resumed = _resumed(out, work, manifest, most_rows, resume)
        if not resumed:
            _remove(work)
    if not resumed:
        remove_if_empty(work)
        if _is_there(work):
            raise ResultsError(f"{work}: holds what the testbed did not write; move it elsewhere")
    for left in filter(is_temporary, [*folder.iterdir(), *work.glob("*"), *work.glob("*/*")]):
        left.unlink(missing_ok=True)
    _check_free(folder, _FILES)
    if not (folder / MANIFEST_FILE).exists():
        return "", resumed
    replaced = read_manifest(folder)
    if not force and not resumed:
        if other := _other(replaced, manifest):
            raise ResultsError(f"{out}: holds a run of {other}; {_CHOICES}")
        if lost := set(_texts(replaced.get("save"))) - set(manifest["save"]):
            raise ResultsError(f"{out}: holds a run with --save {','.join(sorted(lost))}; {_CHOICES}")
    return str(replaced.get("created", "")), resumed


def _resumed(out: Path, work: Path, manifest: Mapping[str, Any], most_rows: int, resume: bool) -> list[str]:
    """Return the times at which an unfinished run was resumed, now included; none if it has no rows."""
    try:
        rows = _rows_in(work)
    except ResultsError as error:
        raise ResultsError(f"{error}; {_CHOICES}") from None
    if not rows:
        return []
    held, earlier = f"{out}: holds an unfinished run with {rows} rows", read_manifest(work)
    if what := difference(earlier, manifest):
        raise ResultsError(f"{held}, which cannot be resumed: {what}; {_CHOICES}")
    if not resume:
        raise UnfinishedError(f"{held} of {most_rows}", f"resume it with --resume, {_CHOICES}")
    return [*_texts(earlier.get("resumed")), datetime.now(UTC).isoformat(timespec="seconds")]


def _kept(work: Work) -> str:
    """Return the number of rows of an interrupted run that are kept, and their folder; "" for none."""
    if _is_complete(work.folder):
        return f"the run is complete, and kept in {work.out / WORK}"
    rows = _rows_in(work.folder)
    where = work.out / WORK if (work.out / MANIFEST_FILE).exists() else work.out
    return f"{rows} rows are kept in {where}; --resume goes on with them" if rows else ""


def _rows_in(folder: Path) -> int:
    """Return the number of rows of an unfinished run; 0 if there is none."""
    if not (folder / JOURNAL_FILE).is_file() or not (folder / MANIFEST_FILE).is_file():
        return 0
    return len(StoredRows(folder, read_journal(folder)).finished)


def _is_complete(folder: Path) -> bool:
    with suppress(ResultsError):
        return read_manifest(folder).get("complete") is True
    return False


def _move_up(work: Path) -> None:
    """Move the files of a complete run up, in place of the earlier run's, which are removed."""
    folder = work.parent
    new, old = _written(work), _written(folder)
    moving = [name for name in new if (work / name).exists() and name != REPORT_FILE]
    _check_free(folder, [*moving, REPORT_FILE])
    for name in sorted(moving, key=lambda name: (name == MANIFEST_FILE, name == TABLE_FILE)):
        if name == MANIFEST_FILE:
            for gone in set(old) - {each for each in new if each != REPORT_FILE}:
                if not _is_no_folder((folder / gone).parent, folder):
                    (folder / gone).unlink(missing_ok=True)
                    remove_if_empty((folder / gone).parent)
            for place in {(folder / moved).parent for moved in moving}:
                sync(place)
        (folder / name).parent.mkdir(exist_ok=True)
        (work / name).replace(folder / name)
    sync(folder)


def _check_free(folder: Path, names: Iterable[str]) -> None:
    """Refuse files of others that have the names of a run's files."""
    old = _written(folder)
    for name in names:
        place = folder / name
        in_the_way = place.parent if _is_no_folder(place.parent, folder) else place
        if in_the_way != place or (_is_there(place) and name not in old):
            raise ResultsError(f"{in_the_way}: was not written by the testbed, so it is not replaced")


def _is_there(place: Path) -> bool:
    return place.exists() or place.is_symlink()


def _is_no_folder(place: Path, root: Path) -> bool:
    """Return True if something else is in the place of a folder in `root`."""
    return place != root and _is_there(place) and (place.is_symlink() or not place.is_dir())


def _remove(work: Path) -> None:
    """Remove the files of an unfinished run, the journal last."""
    for place, _, names in os.walk(work, topdown=False):
        for name in names:
            path = Path(place, name)
            if is_temporary(path) or _is_working_file(path.relative_to(work).as_posix()):
                path.unlink(missing_ok=True)
        if Path(place) != work:
            remove_if_empty(Path(place))
    (work / JOURNAL_FILE).unlink(missing_ok=True)
    remove_if_empty(work)


def _is_working_file(name: str) -> bool:
    is_part = name.startswith(f"{PARTS}/") and name.endswith(".parquet")
    return is_part or name == RESERVE_FILE or _is_file_of_a_run(name)


def _is_file_of_a_run(name: str) -> bool:
    return name in _FILES or is_kept_file(name)


def _written(folder: Path) -> list[str]:
    """Return the files of the run in a folder that its manifest names."""
    if not (folder / MANIFEST_FILE).exists():
        return []
    return [name for name in _texts(read_manifest(folder).get("written")) if _is_file_of_a_run(name)]


def _other(earlier: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """Return the differences between the task of an earlier run and this one's; "" if there is none."""
    parts = zip(_ASKED, _asked(earlier), _asked(manifest), strict=True)
    other = next((what for what, before, now in parts if before != now), "")
    # Defaults, which are part of a scenario, may differ between versions.
    is_of_this_testbed = earlier.get("testbed") == manifest.get("testbed")
    return other if is_of_this_testbed or other != _ASKED[0] else f"{other} or another version of the testbed"


def _asked(manifest: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the values that distinguish the tasks of runs, in the order of `_ASKED`."""
    try:
        clips = [(clip["name"], clip["sha256"]) for clip in manifest.get("clips", [])]
        files = [file["sha256"] for file in manifest.get("files", []) if file["role"] != "scenario"]
    except (TypeError, KeyError):
        return (None,) * len(_ASKED)
    return manifest.get("scenario"), clips, files, until_ci(manifest)


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
