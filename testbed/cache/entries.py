"""The entries that a process takes from the cache, and those that it adds."""

import os
import threading
from functools import lru_cache

from testbed.cache.database import Database, Entry, Kind
from testbed.cache.digests import Key
from testbed.cache.sqlite_file import folder
from testbed.cache.terms import CacheTerms


class Entries:
    """The entries, read at once and written together.

    Parameters
    ----------
    terms
        The use of the cache by the run; None: nothing is found, and nothing is kept.
    """

    def __init__(self, terms: CacheTerms | None) -> None:
        self._database = None if terms is None else Database(folder(), terms.most_bytes, terms.began_s)
        self._new: dict[Key, Entry] = {}

    @property
    def are_used(self) -> bool:
        """True if entries are found and kept."""
        return self._database is not None and self._database.is_open

    @property
    def have_room(self) -> bool:
        """True if there is room for further sounds."""
        return self._database is not None and self._database.is_open and self._database.has_room

    @property
    def problem(self) -> str:
        """The reason why the cache is not used; "" if it is, or should not be."""
        return "" if self._database is None else self._database.problem

    def get(self, key: Key) -> bytes | None:
        """Return the value of a key; None if there is none."""
        if self._database is None:
            return None
        return self._new[key].value if key in self._new else self._database.get(key)

    def put(self, kind: Kind, key: Key, value: bytes) -> None:
        """Keep a value, which `write` writes to disk."""
        if self.are_used:
            self._new[key] = Entry(kind, key, value)

    def write(self, is_valid: bool) -> None:
        """Write to disk what was kept, or forget it if it is not valid."""
        new, self._new = self._new, {}
        if self._database is not None and is_valid:
            self._database.write(list(new.values()))


def entries_of(terms: CacheTerms | None) -> Entries:
    """Return the entries for a run in this thread of this process, opened once."""
    return _entries_of(terms, os.getpid(), threading.get_ident())


@lru_cache(maxsize=1)
def _entries_of(terms: CacheTerms | None, process: int, thread: int) -> Entries:
    return Entries(terms)
