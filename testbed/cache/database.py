"""The entries of the cache, shared by all processes of a machine, and bounded.

Nothing depends on an entry: one that is missing or damaged is computed again.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from testbed.cache import sqlite_file
from testbed.cache.sqlite_file import CHECK_BYTES, LOCK_FILE, checked
from testbed.locks import one_at_a_time

Kind = Literal["encoding", "call", "timeline", "sound", "score", "flows"]
_SPARE = 0.01


@dataclass(frozen=True)
class Entry:
    """An entry to write."""

    kind: Kind
    key: bytes
    value: bytes


class Database:
    """The entries of a cache.

    After a failure it is closed: all entries are missing, and none is written.

    Parameters
    ----------
    place
        Its folder.
    most_bytes
        Largest size.
    began_s
        Start of the run, in Unix time: entries that the run wrote or used are the last to be removed.

    Attributes
    ----------
    problem
        The failure; "" if there was none.
    has_room
        Whether the sounds written last found room.
    """

    def __init__(self, place: Path, most_bytes: int, began_s: int) -> None:
        self.problem = ""
        self.has_room = True
        self._most_bytes = most_bytes
        self._began_s = began_s
        self._used_again: set[bytes] = set()
        self._damaged: set[bytes] = set()
        self._path = place
        self._connection: sqlite3.Connection | None = None
        with self._closed_on_failure():
            sqlite_file.check_local(place)
            with one_at_a_time(place / LOCK_FILE, lambda: None):
                self._open(place)
                if self._path != sqlite_file.current(place):
                    self._open(place)

    @property
    def is_open(self) -> bool:
        """True if entries are read and written."""
        return self._connection is not None

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key; None if it is missing or damaged."""
        with self._closed_on_failure():
            found = self._do("SELECT value, used FROM entry WHERE key = ?", key)
            if not found:
                return None
            stored, used = found[0]
            is_entry = isinstance(stored, bytes) and isinstance(used, int)
            value: bytes = stored[CHECK_BYTES:] if is_entry else b""
            if is_entry and stored == checked(key, value):
                if used < self._began_s:
                    self._used_again.add(key)
                return value
            self._damaged.add(key)
        return None

    def write(self, entries: Sequence[Entry]) -> None:
        """Write entries in one transaction; sounds only if there is room for all.

        Room is made by removing the sounds that were not used since the start of the run.
        """
        if self._connection is None or not (entries or self._used_again or self._damaged):
            return
        sounds = [entry for entry in entries if entry.kind == "sound"]
        with self._closed_on_failure(), sqlite_file.transaction(self._connection):
            for key in self._damaged:
                self._do("DELETE FROM entry WHERE key = ?", key)
            for key in self._used_again:
                self._do("UPDATE entry SET used = ? WHERE key = ?", self._began_s, key)
            self._insert([entry for entry in entries if entry.kind != "sound"])
            new_bytes = sum(len(entry.value) for entry in sounds)
            self._make_room(new_bytes, "kind = 'sound' AND used < ?", self._began_s)
            self.has_room = self._excess_bytes(new_bytes) <= 0
            if self.has_room:
                self._insert(sounds)
            self._make_room(0, "kind = 'sound'")
            self._make_room(0, "kind != 'sound'")
        self._used_again.clear()
        self._damaged.clear()

    def _insert(self, entries: Sequence[Entry]) -> None:
        statement = "INSERT OR REPLACE INTO entry (key, kind, used, value) VALUES (?, ?, ?, ?)"
        for entry in entries:
            self._do(statement, entry.key, entry.kind, self._began_s, checked(entry.key, entry.value))

    def _make_room(self, new_bytes: int, where: str, *values: int) -> None:
        """Remove entries, and some more of them than needed, so that it is not done for each task."""
        if self._connection is not None and self._excess_bytes(new_bytes) > 0:
            spare_bytes = int(_SPARE * self._most_bytes)
            sqlite_file.shrink(self._connection, self._most_bytes - new_bytes - spare_bytes, where, *values)

    def _excess_bytes(self, new_bytes: int) -> int:
        used_bytes = 0 if self._connection is None else sqlite_file.used_bytes(self._connection)
        return used_bytes + new_bytes - self._most_bytes

    def _do(self, statement: str, *values: object) -> list[Any]:
        return [] if self._connection is None else self._connection.execute(statement, values).fetchall()

    def _open(self, place: Path) -> None:
        self._path = sqlite_file.current(place)
        with self._closed_on_failure():
            self._connection = sqlite_file.opened(self._path)

    @contextmanager
    def _closed_on_failure(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self.problem = f"{self._path}: the cache is not used: {getattr(error, 'strerror', '') or error}"
            if sqlite_file.is_damage(error):
                self.problem = (
                    f"{self._path}: the cache is damaged; a new one is begun, and `testbed cache prune` "
                    "removes this one"
                )
                with suppress(OSError):
                    sqlite_file.mark_damaged(self._path)
            if self._connection is not None:
                self._connection.close()
                self._connection = None
