"""The results of some calls, as a task returns them to the run."""

from dataclasses import dataclass, field
from typing import Any

from testbed.plan import CallId


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
    """

    rows: dict[CallId, dict[str, Any]] = field(default_factory=dict)
    files: dict[CallId, dict[str, bytes]] = field(default_factory=dict)
    failures: dict[CallId, str] = field(default_factory=dict)

    def add_files(self, call: CallId, files: dict[str, bytes]) -> None:
        """Add files to keep of a call."""
        if files:
            self.files.setdefault(call, {}).update(files)
