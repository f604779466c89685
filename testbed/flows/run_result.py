"""One run of a flow study: its place in the plan, and its result."""

from dataclasses import dataclass
from typing import Any

from testbed.flows.trajectory import Series


@dataclass(frozen=True, order=True)
class RunId:
    """One realization of one point."""

    point: int
    realization: int


@dataclass(frozen=True)
class RunResult:
    """The rows of one run for each of the three tables, or the reason and the traceback of its failure.

    Attributes
    ----------
    seconds
        Processor time of the simulation; 0 if it was in the cache.
    is_cached
        Whether it was in the cache.
    cache_problem
        The reason why the cache is not used; "" if it is, or should not be.
    """

    run: RunId
    rows: list[dict[str, Any]]
    changes: list[dict[str, Any]]
    series: dict[str, Series]
    seconds: float
    error: str = ""
    traceback: str = ""
    is_cached: bool = False
    cache_problem: str = ""
