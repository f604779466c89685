"""A flow study from beginning to end: what is to run, worked off, and its tables written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed import results
from testbed.columns import names
from testbed.errors import reason
from testbed.flows.capacity import capacity_kbps
from testbed.flows.columns import CHANGES, COLUMNS, IDENTITY, TRAJECTORY
from testbed.flows.measure import changes, rows
from testbed.flows.simulate import BIN_MS, Outcome, simulate
from testbed.flows.trajectory import Series, cross_traffic_trajectory, trajectory
from testbed.manifest import versions
from testbed.pool import run_tasks
from testbed.provenance import Provenance, inputs_of
from testbed.run_folder import working
from testbed.scenario.flow_scenario import FlowScenario
from testbed.scenario.loading import Point, points
from testbed.store import Store
from testbed.words import counted, duration

if TYPE_CHECKING:
    import pandas as pd

_MORE_TABLES = (results.TRAJECTORIES_FILE, results.CHANGES_FILE)


@dataclass(frozen=True, order=True)
class RunId:
    """One realization of one point."""

    point: int
    realization: int


@dataclass(frozen=True)
class Ran:
    """What a run left: rows for each of the three tables, or why it failed."""

    run: RunId
    rows: list[dict[str, Any]]
    changes: list[dict[str, Any]]
    series: dict[str, Series]
    seconds: float
    error: str = ""


def runs(study_points: Sequence[Point[FlowScenario]]) -> list[RunId]:
    """Return everything that is to run."""
    return [
        RunId(point.index, realization)
        for point in study_points
        for realization in range(point.scenario.realizations)
    ]


def run_study(
    study: FlowScenario,
    out: Path,
    jobs: int,
    on_progress: Callable[[int, int, str], None],
    force: bool = False,
    command: Sequence[str] | None = None,
) -> None:
    """Run a study and write its folder; finished runs are on disk before `on_progress` is called.

    Parameters
    ----------
    on_progress
        Called with how many runs are done, of how many, and what is being done.
    force
        See `testbed.run_folder.working`.
    command
        The command line, or None.
    """
    all_points = points(study)
    origin = Provenance(study, command, inputs_of(all_points))
    wanted = runs(all_points)
    types = {column.name: column.dtype for column in COLUMNS}
    columns = {name: types.get(name, "") for name in (*names(IDENTITY), *study.sweep, *types)}
    rows = len(wanted) * len(study.flows)
    with working(
        out, _manifest(origin, study, all_points, 0, []), columns, len(IDENTITY), rows, force
    ) as work:
        work.store.try_out(_identity(all_points, run) for run in wanted)
        reasons: list[str] = []
        on_progress(0, len(wanted), "flows")
        for done, ran in enumerate(run_tasks(wanted, _run, all_points, jobs), 1):
            _keep(work.store, ran, all_points, study)
            reasons += [ran.error] if ran.error else []
            on_progress(done, len(wanted), "flows")
        on_progress(len(wanted), len(wanted), "writing")
        warnings = origin.caveats() + (
            [f"{len(reasons)} of {len(wanted)} runs failed; the first: {reasons[0]}"] if reasons else []
        )
        table = work.store.table()
        manifest = _manifest(origin, study, all_points, len(table), warnings)
        tables = {name: results.read_table(work.folder / name) for name in _MORE_TABLES}
        work.finish({**manifest, "replaces": work.replaces}, {results.TABLE_FILE: table} | tables)


def series_of(study: FlowScenario, outcome: Outcome) -> dict[str, Series]:
    """Return the time series of each flow and each source of cross traffic."""
    bins = round(1000 * study.duration_s / BIN_MS)

    def capacity(direction: str) -> Callable[[float], float]:
        stages = study.stages(direction)
        return lambda time_s: capacity_kbps(stages, time_s)

    series = {
        flow.name: trajectory(outcome.flows[flow.name], bins, capacity(flow.direction))
        for flow in study.flows
    }
    return series | {
        log.name: cross_traffic_trajectory(log, bins, capacity(log.direction))
        for log in outcome.cross_traffic
    }


def _run(all_points: Sequence[Point[FlowScenario]], run: RunId) -> Ran:
    study = all_points[run.point].scenario
    try:
        outcome = simulate(study, run.realization)
        series = series_of(study, outcome)
        met = changes(study, series)
        return Ran(run, rows(study, outcome, series, met), met, series, outcome.seconds)
    except Exception as error:  # one run of a long sweep must not take the others with it
        return Ran(run, [{"flow": flow.name} for flow in study.flows], [], {}, 0.0, reason(error))


def _keep(store: Store, ran: Ran, all_points: Sequence[Point[FlowScenario]], study: FlowScenario) -> None:
    """Write the results of a run to disk, its rows last."""
    import pandas as pd

    key = (ran.run.point, ran.run.realization)
    said = _identity(all_points, ran.run)
    changed = pd.DataFrame(
        [{**said, **row} for row in ran.changes],
        columns=list(dict.fromkeys([*names(IDENTITY), *study.sweep, *names(CHANGES)])),
    )
    store.add_part(Path(results.TRAJECTORIES_FILE).stem, key, _trajectories(ran))
    store.add_part(Path(results.CHANGES_FILE).stem, key, changed)
    store.append(
        ((*key, index), {**said, **row, "seconds_simulate": ran.seconds, "error": ran.error})
        for index, row in enumerate(ran.rows)
    )


def _identity(all_points: Sequence[Point[FlowScenario]], run: RunId) -> dict[str, Any]:
    return {"point": run.point, "realization": run.realization, **all_points[run.point].parameters}


def _manifest(
    origin: Provenance,
    study: FlowScenario,
    all_points: Sequence[Point[FlowScenario]],
    rows: int,
    warnings: list[str],
) -> dict[str, Any]:
    return {
        "kind": "flows",
        **origin.as_manifest(),
        "scenario": study.model_dump(mode="json", exclude_none=True, exclude_unset=True),
        "swept": list(study.sweep),
        "points": [point.parameters for point in all_points],
        "controllers": [point.scenario.congestion.controller for point in all_points],
        "versions": versions(),
        "seeds": {
            "scenario": study.seed,
            "flows": "SHA-256 of seed, realization, direction and stage or flow",
        },
        "rows": rows,
        "save": [],
        "warnings": warnings,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _trajectories(ran: Ran) -> "pd.DataFrame":
    import pandas as pd

    columns = names((*IDENTITY, *TRAJECTORY))
    parts = [
        pd.DataFrame(
            {"point": ran.run.point, "realization": ran.run.realization, "flow": name, **series},
            columns=columns,
        )
        for name, series in ran.series.items()
    ]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True)


def points_outline(all_points: Sequence[Point[Any]]) -> list[str]:
    """Return the number of points, and a line for each that has parameters."""
    told = (", ".join(f"{key} = {value}" for key, value in point.parameters.items()) for point in all_points)
    return [counted(len(all_points), "point"), *(f"  {line}" for line in told if line)]


def outline(study: FlowScenario) -> str:
    """Return what a run of the study would do."""
    all_points = points(study)
    lines = [f"{study.name}: {study.about}".rstrip(": "), "", *points_outline(all_points)]
    lines += [counted(len(study.flows), "flow")]
    lines += [
        f"  {flow.name}: {flow.media.kind} {flow.direction}, "
        + ", ".join(f"{start:g} to {stop:g} s" for start, stop in flow.spans_s(study.duration_s))
        for flow in study.flows
    ]
    for direction in ("forward", "backward"):
        names = " + ".join(spec.name for spec in getattr(study, direction))
        lines += [f"{direction}: {names or 'a network that does nothing'}"]
    wanted = len(runs(all_points))
    lines += [f"= {counted(wanted, 'run')}, {duration(wanted * study.duration_s)} of simulated time"]
    return "\n".join(lines)
