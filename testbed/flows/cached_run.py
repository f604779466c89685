"""A run of a flow study in the cache, by everything that shapes it."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.cache.digests import FileHashes, key_of, software
from testbed.cache.entries import entries_of
from testbed.cache.terms import CacheTerms
from testbed.cache.versions import FLOWS
from testbed.flows.columns import CHANGES, COLUMNS, TRAJECTORY
from testbed.flows.run_result import RunId, RunResult
from testbed.plain_json import plain_json
from testbed.provenance import named_files
from testbed.scenario.flow_scenario import FlowScenario

_SHAPE_RUNS = ("seed", "flows", "duration_s", "congestion", "feedback", "forward", "backward")
_TYPES = ("float64", "int64", "bool")


class CachedRun:
    """One run in the cache.

    Parameters
    ----------
    terms
        The use of the cache; None: nothing is found, and nothing is kept.
    scenario
        A scenario without a sweep.
    run
        Its realization.
    """

    def __init__(self, terms: CacheTerms | None, scenario: FlowScenario, run: RunId) -> None:
        self._entries = entries_of(terms)
        self._run = run
        self._files = FileHashes()
        if self._entries.are_used:
            self._key = key_of(
                "flows",
                FLOWS,
                software(),
                (COLUMNS, CHANGES, TRAJECTORY),
                [getattr(scenario, name) for name in _SHAPE_RUNS],
                scenario.limits.events,
                self._files.of(path for path, _ in named_files(scenario)),
                run.realization,
            )

    @property
    def problem(self) -> str:
        """The reason why the cache is not used; "" if it is, or should not be."""
        return self._entries.problem

    def get(self) -> RunResult | None:
        """Return its result; None if that is not in the cache."""
        stored = self._entries.get(self._key) if self._entries.are_used else None
        try:
            return None if stored is None else self._unpacked(json.loads(stored))
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return None

    def keep(self, made: RunResult) -> None:
        """Keep its result, unless a file has changed meanwhile."""
        if self._entries.are_used:
            series = {
                flow: {name: [values.dtype.name, values.tolist()] for name, values in columns.items()}
                for flow, columns in made.series.items()
            }
            self._entries.put("flows", self._key, plain_json([made.rows, made.changes, series]))
        self._entries.write(self._files.are_unchanged())

    def _unpacked(self, stored: Any) -> RunResult:
        rows, changes, series = stored
        found = {
            flow: {name: _array(*values) for name, values in columns.items()}
            for flow, columns in series.items()
        }
        told = [dict(row) for row in rows], [dict(row) for row in changes]
        return RunResult(self._run, *told, found, 0.0, is_cached=True)


def _array(kind: str, values: list[Any]) -> NDArray[Any]:
    return np.array(values, _TYPES[_TYPES.index(kind)])
