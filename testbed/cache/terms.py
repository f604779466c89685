"""The terms on which a run uses the cache: its largest size, and the start of the run."""

import os
import time
from dataclasses import dataclass

from testbed.errors import ScenarioError

SIZE_VARIABLE = "TESTBED_CACHE_MB"
DEFAULT_MB = 4000


@dataclass(frozen=True)
class CacheTerms:
    """The terms on which a run uses the cache.

    Attributes
    ----------
    most_bytes
        Largest size of the cache.
    began_s
        Start of the run, in Unix time: what the run wrote or used is the last to be removed.
    """

    most_bytes: int
    began_s: int


def cache_terms(is_wanted: bool) -> CacheTerms | None:
    """Return the terms for a run that begins now; None if it uses no cache.

    Raises
    ------
    ScenarioError
        See `bound_bytes`.
    """
    most_bytes = bound_bytes()
    return CacheTerms(most_bytes, int(time.time())) if is_wanted and most_bytes else None


def bound_bytes() -> int:
    """Return the largest size of the cache: `TESTBED_CACHE_MB`, default 4000; 0: there is none.

    Raises
    ------
    ScenarioError
        The variable is no number of megabytes.
    """
    given = os.environ.get(SIZE_VARIABLE) or str(DEFAULT_MB)
    if not given.isascii() or not given.isdigit() or len(given) > 9:
        raise ScenarioError(
            f"{SIZE_VARIABLE}={given}: must be a whole number of megabytes, such as {DEFAULT_MB}"
        )
    return int(given) * 1_000_000
