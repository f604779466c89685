"""Folders of fetched files, and writing of files that get their final name only when complete."""

import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from testbed.errors import ResultsError

_TEMPORARY = re.compile(r"\.testbed-[0-9a-f]{12}(\.\w+)?")

_NETWORK_FILE_SYSTEMS = frozenset(
    {
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.ceph",
        "fuse.glusterfs",
        "fuse.sshfs",
        "gpfs",
        "lustre",
        "nfs",
        "nfs4",
        "smb3",
    }
)


def cache_dir() -> Path:
    """Return the user's cache folder of the testbed.

    `TESTBED_CACHE` overrides `XDG_CACHE_HOME/speech-testbed`, which overrides `~/.cache/speech-testbed`.
    """
    if override := os.environ.get("TESTBED_CACHE"):
        return Path(override)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "speech-testbed"


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal.

    Raises
    ------
    OSError
        It cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` if the block ends without an error.

    The file is on disk before it gets its name, and its name is on disk when the block has ended: after a
    loss of power either the old file or the new one is there, complete. Its permissions follow the umask. On
    any error, Ctrl-C included, the temporary file is removed and `path` does not change.
    """
    if not path.parent.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        sync(path.parent.parent)
    temporary = path.with_name(f".testbed-{secrets.token_hex(6)}{path.suffix}")
    try:
        temporary.touch(exist_ok=False)
        yield temporary
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def check_new(path: Path) -> None:
    """Raise ResultsError if a file exists."""
    if path.exists():
        raise _exists(path)


def _exists(path: Path) -> ResultsError:
    return ResultsError(f"{path}: exists, and is not replaced; give another name")


@contextmanager
def new_file(path: Path) -> Iterator[TextIO]:
    """Open a text file that must not exist yet; if the block ends with an error, it is removed.

    Raises
    ------
    ResultsError
        It exists.
    """
    try:
        stream = path.open("x", encoding="utf-8", newline="")
    except FileExistsError:
        raise _exists(path) from None
    try:
        with stream:
            yield stream
    except BaseException:
        path.unlink()
        raise


def network_file_system(folder: Path) -> str:
    """Return the kind of network file system that a folder is on, such as ``"nfs4"``; "" for a local one."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    kinds = {}
    for mount in mounts:  # "36 35 98:0 / /home rw,noatime shared:1 - nfs4 server:/home rw"
        before, _, after = mount.partition(" - ")
        point = before.split()[4].encode().decode("unicode_escape")
        if folder.is_relative_to(point):
            kinds[point] = after.split()[0]
    kind = kinds[max(kinds, key=len)] if kinds else ""
    return kind if kind in _NETWORK_FILE_SYSTEMS else ""


def is_temporary(path: Path) -> bool:
    """Return whether a file was not written whole, by a process that still writes or was killed."""
    return bool(_TEMPORARY.fullmatch(path.name)) and path.is_file() and not path.is_symlink()


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        if path.is_dir():
            with suppress(OSError):  # some network file systems cannot, and need not
                os.fsync(handle)
        else:
            os.fsync(handle)
    finally:
        os.close(handle)


def remove_if_empty(folder: Path) -> None:
    """Remove a folder unless something is in it."""
    with suppress(OSError):
        folder.rmdir()
