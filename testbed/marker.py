"""The marker of the testbed's folders: other folders are left alone, and a running process locks it."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from testbed.errors import ResultsError
from testbed.files import remove_if_empty, sync
from testbed.results import MANIFEST_FILE, TABLE_FILE, WORK

MARKER_FILE = ".speech-testbed-run"
_FORMAT = "speech-testbed run 1"
_MARKER = f"{_FORMAT}\nThe testbed replaces files here, but only its own: see `written` in {MANIFEST_FILE}.\n"


@contextmanager
def claimed(out: Path) -> Iterator[Path]:
    """Yield the resolved folder, with its marker locked by this process.

    If no run is left in it at the end, the marker is removed, and the folder if it is new.

    Raises
    ------
    ResultsError
        It is neither empty nor a folder of the testbed, or another process works in it.
    """
    folder = folder_of(out)
    if folder.exists() and not folder.is_dir():
        raise ResultsError(f"{out}: is a file; give a folder for the run")
    is_new = not folder.exists()
    handle = _locked_marker(out, folder)
    try:
        said = os.read(handle, len(_MARKER))
        if not said and _names(folder) == {MARKER_FILE}:
            os.write(handle, _MARKER.encode())
            os.fsync(handle)
            sync(folder)
        elif not said.startswith(f"{_FORMAT}\n".encode()):
            raise ResultsError(
                f"{out}: its {MARKER_FILE} is not {_FORMAT!r} but of another version; give another folder "
                "with --out"
            )
        yield folder
    finally:
        if not (folder / WORK).exists() and not (folder / MANIFEST_FILE).exists():
            if os.pread(handle, len(_MARKER), 0) in (_MARKER.encode(), b""):
                (folder / MARKER_FILE).unlink(missing_ok=True)
            if is_new:
                remove_if_empty(folder)
        os.close(handle)


def folder_of(out: Path) -> Path:
    """Return the folder that a path leads to; it may be missing.

    Raises
    ------
    ResultsError
        If it cannot be a folder, or its name is not UTF-8.
    """
    try:
        folder = out.resolve()
        str(folder).encode()
    except UnicodeEncodeError:
        raise ResultsError(f"{str(out)!r}: a folder's name must be UTF-8") from None
    except FileNotFoundError:
        raise ResultsError(f"{out}: the current folder is gone; give a whole path with --out") from None
    except RuntimeError:  # a link to itself
        raise ResultsError(f"{out}: is a broken link; give another folder with --out") from None
    return folder


def _locked_marker(out: Path, folder: Path) -> int:
    """Return a folder's marker, open and locked; it is created in an empty or new folder."""
    marker = folder / MARKER_FILE
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            names = _names(folder)
        except FileNotFoundError:  # another process created it, and has just removed it
            continue
        if names and MARKER_FILE not in names:
            if {MANIFEST_FILE, TABLE_FILE} <= names:
                raise ResultsError(
                    f"{out}: holds a run of an earlier version without {MARKER_FILE}, which distinguishes "
                    "its files from yours; remove it yourself, or give another folder with --out"
                )
            raise ResultsError(f"{out}: holds other files and no run; give another folder with --out")
        with suppress(FileNotFoundError):
            if not stat.S_ISREG(marker.lstat().st_mode):
                raise ResultsError(f"{out}: its {MARKER_FILE} is not a file; give another folder with --out")
        try:
            handle = os.open(marker, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(marker.stat(), os.fstat(handle)):
                return handle
        except BlockingIOError:
            os.close(handle)
            raise ResultsError(f"{out}: another run works in it; give another folder with --out") from None
        except FileNotFoundError:
            pass
        os.close(handle)


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
