"""A study of flows: congestion-controlled media over shared links, from the plan to the tables."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed.cache.terms import CacheTerms
from testbed.channels.link import Link
from testbed.columns import names
from testbed.environment import Environment, environment
from testbed.errors import reason, traceback_of
from testbed.failures import Failure
from testbed.flows.cached_run import CachedRun
from testbed.flows.capacity import capacity_kbps
from testbed.flows.columns import CHANGES, COLUMNS, IDENTITY, TRAJECTORY
from testbed.flows.estimate import estimate
from testbed.flows.measure import changes, rows
from testbed.flows.outline import outline
from testbed.flows.run_result import RunId, RunResult
from testbed.flows.simulate import BIN_MS, Outcome, simulate
from testbed.flows.trajectory import Series, cross_traffic_trajectory, trajectory
from testbed.manifest import shared_entries
from testbed.provenance import Input, Provenance, inputs_of
from testbed.results import CHANGES_FILE, TRAJECTORIES_FILE
from testbed.row_set import RowSet
from testbed.run_estimate import RunEstimate
from testbed.run_rows import RunRows
from testbed.scenario.flow_scenario import DIRECTIONS, FlowScenario
from testbed.scenario.loading import Point, points
from testbed.store import Store
from testbed.study_kind import FLOWS

if TYPE_CHECKING:
    import pandas as pd


_OUTCOME = ["point", "realization", "error"]


@dataclass(frozen=True, eq=False)
class FlowContext:
    """The points of a flow study, and its use of the cache; None for none."""

    points: Sequence[Point[FlowScenario]]
    cache: CacheTerms | None


class FlowStudy:
    """A study of flows; see `testbed.study.Study`."""

    kind = FLOWS
    unit = "runs"
    tables: tuple[str, ...] = (TRAJECTORIES_FILE, CHANGES_FILE)

    def __init__(self, scenario: FlowScenario, cache: CacheTerms | None = None) -> None:
        self._scenario = scenario
        self._points = points(scenario)
        self.context = FlowContext(self._points, cache)
        self.cached = 0
        self._computed = 0
        self._cache_problem = ""
        self._swept = [*scenario.grid.values]
        types = {column.name: column.dtype for column in COLUMNS}
        self.columns = {name: types.get(name, "") for name in (*names(IDENTITY), *self._swept, *types)}
        self.total = len(self._points) * scenario.realizations
        self._rows_of_run = max(_most_rows(point.scenario) for point in self._points)
        self.rows = self.total * self._rows_of_run

    @property
    def inputs(self) -> list[Input]:
        """The files that shape its numbers."""
        return inputs_of(self._points)

    def environment(self) -> Environment:
        """Return what shapes its numbers besides the scenario."""
        return environment([point.scenario for point in self._points], self.inputs)

    def resume(self, store: Store) -> int:
        """Drop the rows of runs that lack a part of another table; return the number of the others."""
        for table in self.tables:
            there = store.numbers_of(Path(table).stem)
            for number in (each for each in range(self.total) if each not in there):
                first = number * self._rows_of_run
                store.finished.discard(range(first, first + self._rows_of_run))
        return self.total - sum(1 for _ in self.tasks(store.finished))

    def tasks(self, done: RowSet) -> Iterator[RunId]:
        """Yield the realizations of all points, without those whose rows are done."""
        for number in range(self.total):
            first = number * self._rows_of_run
            if done.missing(first, first + 1).size:
                yield RunId(*divmod(number, self._scenario.realizations))

    def outline(self) -> str:
        """Return the outline of its run, for ``--dry-run``."""
        return outline(self._scenario, self._points, self.total)

    def estimate(self, report: Callable[[int, int], None]) -> RunEstimate:
        """Return the approximate needs of its run, from one run of some points, for ``--dry-run``."""

        def try_run(point: int) -> tuple[int, str]:
            result = self.work(self.context, RunId(point, 0))
            return len(_trajectories(result).to_parquet()), result.error

        return estimate(len(self._points), self.total, try_run, report)

    def identities(self) -> list[dict[str, Any]]:
        """Return the identity of a row of each point."""
        return [self._identity(RunId(point.index, 0)) for point in self._points]

    def prepare(self, folder: Path, report: Callable[[str], None]) -> None:
        """Do nothing."""

    def choose_examples(self, rows: RunRows) -> tuple[FlowContext, list[RunId]]:
        """Choose none: a flow study has no calls."""
        return self.context, []

    def keep_examples(self, folder: Path, result: RunResult) -> None:
        """Do nothing."""

    @staticmethod
    def work(context: FlowContext, run: RunId) -> RunResult:
        """Simulate one realization of one point, unless the cache has it."""
        scenario = context.points[run.point].scenario
        cached = CachedRun(context.cache, scenario, run)
        if (found := cached.get()) is not None:
            return found
        try:
            outcome = simulate(scenario, run.realization)
            series = series_of(scenario, outcome)
            met = changes(scenario, series)
            made = RunResult(run, rows(scenario, outcome, series, met), met, series, outcome.seconds)
        except Exception as error:  # a failing run must not end a long sweep
            failed = [{"flow": flow.name} for flow in scenario.flows]
            return RunResult(run, failed, [], {}, 0.0, reason(error), traceback_of(error))
        cached.keep(made)
        return replace(made, cache_problem=cached.problem)

    def failures(self, result: RunResult) -> list[Failure]:
        """Return the failure of the run, if it failed."""
        if not result.error:
            return []
        row = self._number(result.run) * self._rows_of_run
        return [Failure(row, self._identity(result.run), result.error, result.traceback)]

    def keep(self, store: Store, result: RunResult) -> int:
        """Write the rows of a run to disk, those of the results last; return 1."""
        import pandas as pd

        self.cached += result.is_cached
        self._computed += not result.is_cached
        self._cache_problem = self._cache_problem or result.cache_problem

        number = self._number(result.run)
        identity = self._identity(result.run)
        changed = pd.DataFrame(
            [{**identity, **row} for row in result.changes],
            columns=list(dict.fromkeys([*names(IDENTITY), *self._swept, *names(CHANGES)])),
        )
        store.add_part(Path(TRAJECTORIES_FILE).stem, number, _trajectories(result))
        store.add_part(Path(CHANGES_FILE).stem, number, changed)
        first = number * self._rows_of_run
        store.append(
            (first + index, {**identity, **row, "seconds_simulate": result.seconds, "error": result.error})
            for index, row in enumerate(result.rows)
        )
        return 1

    def measured_afterwards(self) -> dict[str, Any]:
        """Return nothing: a flow encodes no speech."""
        return {}

    def manifest(self, origin: Provenance, rows: "Iterable[pd.DataFrame] | None" = None) -> dict[str, Any]:
        """Return the manifest with the warnings about the rows so far."""
        import pandas as pd

        made = [frame[_OUTCOME] for frame in rows or ()]
        table = pd.concat(made) if made else pd.DataFrame(columns=_OUTCOME)
        warnings = [] if rows is None else [*origin.caveats(), *_failures(table)]
        seeds = {"flows": "SHA-256 of seed, realization, direction and stage or flow"}
        return {
            "kind": FLOWS.name,
            **shared_entries(origin, self._points, len(table), warnings, seeds),
            "scenario": self._scenario.model_dump(mode="json", exclude_none=True, exclude_unset=True),
            "controllers": [point.scenario.congestion.controller for point in self._points],
            "save": [],
            "cache": {
                "computed": self._computed,
                "cached": self.cached,
                "problem": self._cache_problem,
            },
        }

    def _number(self, run: RunId) -> int:
        return run.point * self._scenario.realizations + run.realization

    def _identity(self, run: RunId) -> dict[str, Any]:
        return {
            "point": run.point,
            "realization": run.realization,
            **self._points[run.point].parameters,
        }


def series_of(scenario: FlowScenario, outcome: Outcome) -> dict[str, Series]:
    """Return the time series of each flow and each source of cross traffic."""
    bins = round(1000 * scenario.duration_s / BIN_MS)

    def capacity(direction: str) -> Callable[[float], float]:
        stages = scenario.stages(direction)
        return lambda time_s: capacity_kbps(stages, time_s)

    series = {
        flow.name: trajectory(outcome.flows[flow.name], bins, capacity(flow.direction))
        for flow in scenario.flows
    }
    return series | {
        log.name: cross_traffic_trajectory(log, bins, capacity(log.direction))
        for log in outcome.cross_traffic
    }


def _most_rows(scenario: FlowScenario) -> int:
    """Return the number of rows of a run that does not fail: one per flow and entry of cross traffic."""
    stages = [stage for direction in DIRECTIONS for stage in scenario.stages(direction)]
    entries = sum(len(stage.cross_traffic) for stage in stages if isinstance(stage, Link))
    return len(scenario.flows) + entries


def _failures(table: "pd.DataFrame") -> list[str]:
    runs = table.drop_duplicates(["point", "realization"])
    failed = runs[runs["error"] != ""]
    if failed.empty:
        return []
    return [f"{len(failed)} of {len(runs)} runs failed; the first: {failed['error'].iloc[0]}"]


def _trajectories(result: RunResult) -> "pd.DataFrame":
    import pandas as pd

    columns = names((*IDENTITY, *TRAJECTORY))
    parts = [
        pd.DataFrame(
            {"point": result.run.point, "realization": result.run.realization, "flow": name, **series},
            columns=columns,
        )
        for name, series in result.series.items()
    ]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True)
