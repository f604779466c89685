"""The file of the cache: where it is, its tables, and the size of its entries.

A damaged file is marked and left in its place, and the file of the next number is used: other processes may
still have it open, and SQLite finds a file's journal by name.
"""

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from testbed.files import cache_dir, network_file_system

LOCK_FILE = "lock"
CHECK_BYTES = 8
_SCHEMA = (
    "CREATE TABLE entry (key BLOB PRIMARY KEY, kind TEXT, used INTEGER, value BLOB)",
    "CREATE INDEX by_use ON entry (kind, used)",
)
_MOST_BYTES_OF_VALUE = 64_000_000
_WAIT_S = 10.0
_PART = 256
_DAMAGES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_UNREADABLE = "unreadable"
_OURS = re.compile(r"cache-\d+\.(sqlite(-wal|-shm)?|damaged)")


def folder() -> Path:
    """Return the folder of the cache's files."""
    return cache_dir() / "calls"


def check_local(place: Path) -> None:
    """Refuse a folder on a network file system, on which SQLite cannot share a file between machines.

    Raises
    ------
    OSError
        It is on one; the message says what to do.
    """
    if kind := network_file_system(place.resolve()):
        raise OSError(f"it is on a network file system ({kind}); TESTBED_CACHE can name a local folder")


def current(place: Path) -> Path:
    """Return the file in use: the first that is not marked as damaged."""
    names = (place / f"cache-{number}.sqlite" for number in count(1))
    return next(path for path in names if not _mark(path).exists())


def mark_damaged(path: Path) -> None:
    """Mark a file as damaged, so that the next one is used."""
    _mark(path).touch()


def _mark(path: Path) -> Path:
    return path.with_suffix(".damaged")


def is_damage(error: Exception) -> bool:
    """Return whether an error of SQLite means that the file is damaged, or is not a cache's."""
    return isinstance(error, sqlite3.Error) and (
        str(error) == _UNREADABLE or getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGES
    )


def files(place: Path) -> list[Path]:
    """Return all files of the cache: those of SQLite beside it, and damaged ones, included."""
    return sorted(path for path in place.glob("cache-*") if _OURS.fullmatch(path.name))


def files_set_aside(place: Path) -> list[Path]:
    """Return the files that were marked as damaged, without their marks: their numbers are not used again."""
    return [path for path in files(place) if path.suffix != ".damaged" and _mark(path).exists()]


def opened(path: Path) -> sqlite3.Connection:
    """Open a file; it is created if it is missing.

    Raises
    ------
    sqlite3.Error
        It cannot be used; see `is_damage`.
    """
    connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_BYTES_OF_VALUE)
        made = _schema(connection)
        if made not in ((), _SCHEMA):  # the settings below would change the file
            raise sqlite3.DatabaseError(_UNREADABLE)
        for setting in (
            "trusted_schema = OFF",
            "cell_size_check = ON",
            "auto_vacuum = INCREMENTAL",
            "journal_mode = WAL",
            "synchronous = NORMAL",
            "secure_delete = OFF",
        ):
            connection.execute(f"PRAGMA {setting}").fetchall()
        if not made:
            for statement in _SCHEMA:
                connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection


def _schema(connection: sqlite3.Connection) -> tuple[str, ...]:
    found = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
    return tuple(text for (text,) in found)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Do the writes of a block all together, or, if it ends with an error, none."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return the size of the entries, with what SQLite adds."""
    pages, free, page_bytes = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * page_bytes)


def shrink(connection: sqlite3.Connection, most_bytes: int, where: str, *values: int) -> None:
    """Remove entries, those unused for longest first, until all entries take at most so many bytes.

    Parameters
    ----------
    where, values
        Condition of SQL for the entries to remove, and its values.
    """
    first = f"SELECT rowid, length(value) FROM entry WHERE {where} ORDER BY used LIMIT {_PART}"
    while (excess_bytes := used_bytes(connection) - most_bytes) > 0:
        found = connection.execute(first, values).fetchall()
        if not found:
            return
        for number, size in found:
            connection.execute("DELETE FROM entry WHERE rowid = ?", (number,))
            excess_bytes -= size
            if excess_bytes <= 0:
                break


def checked(key: bytes, value: bytes) -> bytes:
    """Return a value as it is stored: behind a checksum of key and value."""
    return hashlib.blake2b(value, digest_size=CHECK_BYTES, key=key).digest() + value
