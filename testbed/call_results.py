"""The results of some calls, as a task returns them to the run."""

from dataclasses import dataclass, field
from typing import Any

from testbed.plan import CallId


@dataclass
class CacheUse:
    """The use of the cache by some calls.

    Attributes
    ----------
    cached
        Calls that were in the cache: they were neither simulated nor decoded.
    scored
        Those of them whose sound got a new score.
    decoded_again
        Further calls whose measurements were in the cache, but whose sound had found no room.
    problem
        The reason why the cache is not used; "" if it is, or should not be.
    """

    cached: int = 0
    scored: int = 0
    decoded_again: int = 0
    problem: str = ""

    def add(self, other: "CacheUse") -> None:
        """Add the use by further calls."""
        self.cached += other.cached
        self.scored += other.scored
        self.decoded_again += other.decoded_again
        self.problem = self.problem or other.problem


@dataclass(frozen=True)
class CallResults:
    """The results of some calls.

    Attributes
    ----------
    rows
        By call, its row.
    files
        By call that has any, the content of its files to keep, by path in the run's folder.
    failures
        By call that failed, the traceback of its error.
    cache
        The use of the cache.
    """

    rows: dict[CallId, dict[str, Any]] = field(default_factory=dict)
    files: dict[CallId, dict[str, bytes]] = field(default_factory=dict)
    failures: dict[CallId, str] = field(default_factory=dict)
    cache: CacheUse = field(default_factory=CacheUse)

    def add_files(self, call: CallId, files: dict[str, bytes]) -> None:
        """Add files to keep of a call."""
        if files:
            self.files.setdefault(call, {}).update(files)
