"""A run on disk: the table of its calls and the manifest that says what made it."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed.errors import ResultsError
from testbed.files import written_whole

if TYPE_CHECKING:
    import pandas as pd

TABLE_FILE = "results.parquet"
MANIFEST_FILE = "manifest.json"
REPORT_FILE = "report.html"
TRAJECTORIES_FILE = "trajectories.parquet"
CHANGES_FILE = "changes.parquet"
TIMINGS = ("seconds_encode", "seconds_simulate", "seconds_decode", "seconds_metrics")
"""The columns that differ between two runs of the same scenario."""


@dataclass(frozen=True)
class Results:
    """A finished run.

    Attributes
    ----------
    folder
        Where it lies.
    table
        One row a call: point, scheme, clip, realization; see the README for the columns.
    manifest
        What made it: the scenario, versions, seeds, clips, warnings.
    """

    folder: Path
    table: "pd.DataFrame"
    manifest: dict[str, Any]


def load(folder: Path | str) -> Results:
    """Read a run directory.

    Raises
    ------
    ResultsError
        If it is none, or a file in it cannot be read.
    """
    import pandas as pd

    folder = Path(folder)
    for name in (TABLE_FILE, MANIFEST_FILE):
        if not (folder / name).is_file():
            raise ResultsError(f"{folder}: not a run directory, there is no {name} in it")
    try:
        manifest = json.loads((folder / MANIFEST_FILE).read_text("utf-8"))
        table = pd.read_parquet(folder / TABLE_FILE)
    except (ValueError, OSError) as error:
        raise ResultsError(f"{folder}: the run cannot be read: {error}") from error
    if not isinstance(manifest, dict):
        raise ResultsError(f"{folder / MANIFEST_FILE}: not a manifest")
    return Results(folder, table, manifest)


def write(folder: Path, table: "pd.DataFrame", manifest: dict[str, Any]) -> None:
    """Write the table and the manifest into a folder."""
    write_table(folder / TABLE_FILE, table)
    with written_whole(folder / MANIFEST_FILE) as temporary:
        temporary.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8")


def write_table(path: Path, table: "pd.DataFrame") -> None:
    """Write one table."""
    with written_whole(path) as temporary:
        table.to_parquet(temporary, index=False)


def read_table(path: Path) -> "pd.DataFrame":
    """Read one table of a run.

    Raises
    ------
    ResultsError
        If it is not there or cannot be read.
    """
    import pandas as pd

    if not path.is_file():
        raise ResultsError(f"{path.parent}: there is no {path.name} in it")
    try:
        return pd.read_parquet(path)
    except (ValueError, OSError) as error:
        raise ResultsError(f"{path}: cannot be read: {error}") from error


@contextmanager
def rescued(out: Path, write: Callable[[Path], None], kept: Callable[[], str]) -> Iterator[None]:
    """On Ctrl-C or an error, write what is finished beside `out`: neither it nor an earlier run is lost.

    Parameters
    ----------
    write
        Writes into a folder what is finished.
    kept
        Says what that is, as in ``"3 of 8 rows"``; ``"0 ..."`` writes nothing.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        what = kept()
        if what.startswith("0 "):
            raise
        rescue = out.with_name(f"{out.name}.interrupted")
        with replaced_whole(rescue) as folder:
            write(folder)
        what += f" are kept in {rescue}"
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(what) from None
        raise ResultsError(f"{error}; {what}") from error


@contextmanager
def replaced_whole(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside `folder` that takes its place when the block ends without an error.

    An earlier run in `folder` is only removed then; on an error nothing of it is touched.

    Raises
    ------
    ResultsError
        If `folder` exists and is not a run directory: it is not ours to replace.
    """
    check_replaceable(folder)
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield new
        new.chmod(0o755)
        if folder.exists():
            old = new.with_name(f"{new.name}.old")
            folder.replace(old)
            try:
                new.replace(folder)
            except OSError:
                old.replace(folder)
                raise
            shutil.rmtree(old, ignore_errors=True)
        else:
            new.replace(folder)
    finally:
        with suppress(FileNotFoundError):
            shutil.rmtree(new)


def check_replaceable(folder: Path) -> None:
    """Refuse a folder that holds something else than a run.

    Raises
    ------
    ResultsError
        If `folder` is a file, or a folder with files but without a run.
    """
    if folder.exists() and not folder.is_dir():
        raise ResultsError(f"{folder}: is a file; give a folder for the run")
    if folder.is_mount() or folder.resolve() == Path().resolve():
        raise ResultsError(
            f"{folder}: cannot be replaced by the run; give a folder in it, as in {folder / 'run'}"
        )
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST_FILE).is_file():
        raise ResultsError(f"{folder}: holds other files and no run; give a new folder")
