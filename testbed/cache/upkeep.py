"""Size of the cache, and its reduction."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from testbed.cache import sqlite_file
from testbed.cache.sqlite_file import LOCK_FILE
from testbed.errors import ResultsError
from testbed.locks import one_at_a_time


@dataclass(frozen=True)
class CacheContent:
    """The content of the cache.

    Attributes
    ----------
    path
        The file in use.
    disk_bytes
        Size of all files.
    entries
        By kind of entry, their number and the size of their values in bytes.
    """

    path: Path
    disk_bytes: int
    entries: dict[str, tuple[int, int]]


def content(place: Path) -> CacheContent:
    """Return the content of the cache in a folder; nothing is created.

    Raises
    ------
    ResultsError
        It cannot be read.
    """
    path, entries = sqlite_file.current(place), {}
    if path.exists():
        with _open(path) as connection:
            counted = "SELECT kind, count(*), sum(length(value)) FROM entry GROUP BY kind ORDER BY kind"
            entries = {kind: (number, size) for kind, number, size in connection.execute(counted)}
    return CacheContent(path, _disk_bytes(place), entries)


def prune(place: Path, most_bytes: int) -> int:
    """Remove entries until the cache is not larger; return the size that was freed on the disk.

    Sounds go first, then the others, each in the order of their last use. Damaged files that were set aside
    are removed, too. Runs may use the cache meanwhile.

    Raises
    ------
    ResultsError
        It cannot be written.
    """
    before = _disk_bytes(place)
    path = sqlite_file.current(place)
    if path.exists():
        with _open(path) as connection:
            with sqlite_file.transaction(connection):
                if most_bytes == 0:
                    connection.execute("DELETE FROM entry")
                for kinds in ("kind = 'sound'", "kind != 'sound'"):
                    sqlite_file.shrink(connection, most_bytes, kinds)
            connection.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")
    for left in sqlite_file.files_set_aside(place):
        left.unlink(missing_ok=True)
    return before - _disk_bytes(place)


def _disk_bytes(place: Path) -> int:
    total = 0
    for file in sqlite_file.files(place):
        with suppress(FileNotFoundError):  # SQLite removes its journal with the last user of the file
            total += file.stat().st_size
    return total


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with one_at_a_time(path.parent / LOCK_FILE, lambda: None):
            opened = sqlite_file.opened(path)
        with closing(opened) as connection:
            yield connection
    except sqlite3.Error as error:
        if sqlite_file.is_damage(error):
            sqlite_file.mark_damaged(path)
            raise ResultsError(
                f"{path}: is damaged, and set aside; `testbed cache prune` removes it"
            ) from error
        raise ResultsError(f"{path}: {error}") from error
