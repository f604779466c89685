"""A run of a scenario: plan, calls, files, and the result."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed import compilation, results
from testbed.arguments import overrides_of, paths_of, plain, words_of
from testbed.calls import rows_of
from testbed.caveats import caveats
from testbed.columns import IDENTITY, table_types
from testbed.diagnosis import diagnoses
from testbed.errors import ScenarioError
from testbed.flows.study import run_study
from testbed.kept_files import KEEPABLE, NOT_KEPT, keep_clean
from testbed.loaded_run import Run, load
from testbed.machine import cores
from testbed.manifest import make_manifest
from testbed.marker import folder_of
from testbed.measurements import identity
from testbed.plan import CallId, Plan, plan
from testbed.pool import run_tasks
from testbed.progress import progress
from testbed.provenance import Provenance, inputs_of
from testbed.run_context import RunContext
from testbed.run_folder import working
from testbed.scenario.checks import check_codec, clips_of
from testbed.scenario.flow_scenario import FlowScenario
from testbed.scenario.loading import AnyScenario, load_scenario

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Progress:
    """Progress of a run: `done` of `total` units after `elapsed_s` seconds, and the current step."""

    done: int
    total: int
    elapsed_s: float
    message: str
    unit: str = "rows"


def run(
    scenario: Path | str | Mapping[str, Any],
    out: Path | str | None = None,
    overrides: Mapping[str, Any] | Sequence[str] = (),
    jobs: int | None = None,
    save: Sequence[str] | str = (),
    force: bool = False,
    speech: Sequence[Path | str] | Path | str = (),
) -> Run:
    """Run a scenario and return its results, as ``testbed run`` does.

    Progress is shown in notebooks and terminals.

    Parameters
    ----------
    scenario
        Path of a YAML file, the name of a packaged scenario, or the content of a scenario as a dict.
    out
        The run's folder; default: ``results/<name>``.
    overrides
        Values by dotted key, or ``"dotted.key=value"`` each, as with ``--set``.
    jobs
        Number of processes; default: one per core.
    save
        Files to keep of every call: any of ``"audio"``, ``"packets"``, ``"timelines"``.
    force
        Whether the run may replace that of another scenario, or an unfinished one.
    speech
        Recordings in place of the scenario's speech, as with ``--speech``.

    Raises
    ------
    TestbedError
        The run is not possible; a failed call is a row with its reason.

    Examples
    --------
    >>> import testbed
    >>> run = testbed.run(
    ...     {
    ...         "name": "first",
    ...         "speech": {"corpus": "packaged", "clips": 1},
    ...         "codec": {"bitrate_kbps": 24},
    ...         "schemes": ["plc", {"dred": {"depth_ms": 200, "bitrate_kbps": 18}}],
    ...         "channel": [{"loss": {"model": "bernoulli", "rate": 0.1}}],
    ...         "playout": {"policy": "offline"},
    ...         "metrics": ["estoi"],
    ...     },
    ...     overrides={"codec.complexity": 0},
    ... )
    >>> run
    Run(results/first: 3 calls)
    """
    if isinstance(scenario, Mapping):
        scenario = plain(scenario)
    loaded = load_scenario(scenario, overrides_of(overrides), paths_of(speech))
    folder = Path(out or Path("results") / loaded.name)
    with progress(lines=False) as on_progress:
        return run_scenario(loaded, folder, jobs, frozenset(words_of(save)), on_progress, force)


def run_scenario(
    scenario: AnyScenario,
    out: Path,
    jobs: int | None = None,
    save: frozenset[str] = frozenset(),
    on_progress: Callable[[Progress], None] = lambda progress: None,
    force: bool = False,
    command: Sequence[str] | None = None,
) -> Run:
    """Run a validated scenario and write its folder; see `run`.

    Rows are on disk before `on_progress` counts them: `load` reads them however the run ends.

    Raises
    ------
    TestbedError
        The run is not possible; a failed call is a row with its reason.
    """
    if unknown := sorted(save - set(KEEPABLE)):
        raise ScenarioError(
            f"--save {unknown[0]}: there is nothing of that name to keep; {', '.join(KEEPABLE)}"
        )
    started = time.monotonic()
    if isinstance(scenario, FlowScenario):
        if save:
            raise ScenarioError(f"--save {min(save)}: there are no calls in a flow study")
        run_study(
            scenario,
            out,
            jobs or cores(),
            lambda done, total, message: on_progress(
                Progress(done, total, time.monotonic() - started, message, "runs")
            ),
            force,
            command,
        )
        return load(out)
    check_codec(scenario)
    clips = clips_of(scenario)
    whole = plan(scenario, len(clips))
    context = RunContext(
        whole.points, whole.schemes, clips, folder_of(out) / results.WORK, save, _examples(whole)
    )
    origin = Provenance(scenario, command, inputs_of(whole.points, clips))
    manifest = make_manifest(whole, context, 0, [], None, origin)
    columns = table_types(scenario.sweep, scenario.metrics)
    with working(out, manifest, columns, len(IDENTITY), whole.calls, force) as work:

        def report(message: str) -> None:
            on_progress(Progress(work.store.rows, whole.calls, time.monotonic() - started, message))

        def manifest_of(table: "pd.DataFrame") -> dict[str, Any]:
            found = diagnoses(whole, table)
            warnings = [*origin.caveats(), *caveats(whole, clips, table, found), *_unkept(unkept, table)]
            return make_manifest(whole, context, len(table), warnings, found, origin)

        work.store.try_out([identity(context, group.calls[0]) for group in whole.groups])
        unkept = keep_clean(context)
        if compilation.is_needed(whole):
            report(compilation.MESSAGE)
            compilation.compile_kernels(whole)
        report("calls")
        try:
            for rows in run_tasks(whole.tasks, rows_of, context, jobs or cores()):
                work.store.append((astuple(call), row) for call, row in rows.items())
                report("calls")
        except (Exception, KeyboardInterrupt):
            with suppress(Exception):  # the rows are kept even without warnings and diagnoses
                work.note(manifest_of(work.store.table()))
            raise
        report("writing")
        table = work.store.table()
        work.finish({**manifest_of(table), "replaces": work.replaces}, {results.TABLE_FILE: table})
    return load(out)


def _examples(whole: Plan) -> frozenset[CallId]:
    """Return the calls that the report plays: each scheme of the middle point, on one clip."""
    point = len(whole.points) // 2
    return frozenset(CallId(point, scheme, 0, 0) for scheme in range(len(whole.schemes[point])))


def _unkept(clean: Sequence[str], table: "pd.DataFrame") -> list[str]:
    """Return a warning about the files beside the table that could not be kept."""
    calls = table["error"][table["error"].str.contains(NOT_KEPT, regex=False)]
    reasons = [*clean, *(reason for error in calls for reason in error.split("; ") if NOT_KEPT in reason)]
    if not reasons:
        return []
    first = reasons[0].removeprefix(f"{NOT_KEPT}: ")
    return [f"{len(reasons)} files beside the table could not be kept; the first: {first}"]
