"""A run of a scenario: plan, calls, files, and the result."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from testbed import compilation, results
from testbed.call import Simulation, listen
from testbed.calls import Context, EncodedClip, identity, rows_of, simulate_call, to_int16
from testbed.caveats import caveats
from testbed.codecs.engines import engine
from testbed.diagnosis import diagnoses
from testbed.errors import ResultsError, ScenarioError
from testbed.flows.study import run_study
from testbed.kept_files import KEEPABLE, NOT_KEPT, keep_clean
from testbed.manifest import make_manifest
from testbed.marker import folder_of
from testbed.plan import CallId, Plan, plan
from testbed.pool import run_tasks
from testbed.provenance import Provenance, check_unchanged, inputs_of
from testbed.results import TIMINGS, Results
from testbed.run_folder import working
from testbed.scenario.base import MOST_CALLS
from testbed.scenario.checks import check_codec, clips_of
from testbed.scenario.flow_study import FlowStudy
from testbed.scenario.loading import AnyScenario, Scenario, load_scenario, parse_scenario
from testbed.speech import Clip
from testbed.unfinished import said_of

if TYPE_CHECKING:
    import pandas as pd

IDENTITY = ("point", "scheme", "clip", "realization")
MEASURED = (
    "payload_kbps", "primary_kbps", "lbrr_kbps", "dred_kbps", "red_kbps", "lbrr_sent", "dred_asked_ms",
    "dred_sent_ms", "dred_distortion", "wire_kbps", "packet_loss", "queue_loss", "delay_ms_min",
    "delay_variation_ms_p50", "delay_variation_ms_p95", "frames", "frames_late", "frames_narrow",
    "frames_primary", "frames_red", "frames_lbrr", "frames_dred", "frames_plc", "frames_dtx",
    "buffer_needed_ms_p95", "buffer_needed_ms_max", "mean_delay_ms",
)  # fmt: skip


@dataclass(frozen=True)
class Progress:
    """Progress of a run: `done` of `total` units after `elapsed_s` seconds, and the current step."""

    done: int
    total: int
    elapsed_s: float
    message: str
    unit: str = "rows"


@dataclass(frozen=True)
class Call:
    """The call of one row of the table, repeated: timeline, packets and sound.

    Attributes
    ----------
    simulation
        `simulation.timeline` and `simulation.sent`.
    pcm
        The decoded speech, 16 kHz, aligned with the clip.
    clip
        The speech sent.
    """

    simulation: Simulation
    pcm: NDArray[np.int16]
    clip: Clip


@dataclass(frozen=True)
class Run(Results):
    """A run that can write its report, give its answer and repeat any of its calls."""

    @property
    def is_failure(self) -> bool:
        """Whether every call, or every flow, failed."""
        column = "received_kbps" if self.manifest.get("kind") == "flows" else "payload_kbps"
        return column not in self.table or bool(self.table[column].isna().all())

    @property
    def trajectories(self) -> "pd.DataFrame":
        """The time series of a flow study; see `testbed.flows.trajectory`."""
        return results.read_table(self.folder / results.TRAJECTORIES_FILE)

    def report(self, margins: Mapping[str, float] | None = None, budget_kbps: float | None = None) -> Path:
        """Write the page and return its path; see `testbed.reports.verdict.verdicts`."""
        from testbed.reports.report import write_report

        try:
            return write_report(self.folder, margins, budget_kbps)
        except KeyboardInterrupt:
            again = f"its rows are all in {self.folder}; write its page with: testbed report {self.folder}"
            raise KeyboardInterrupt(again) from None

    @property
    def has_schemes(self) -> bool:
        """Whether it compares schemes; a flow study does not."""
        return self.manifest.get("kind") != "flows"

    def answer(
        self,
        margins: Mapping[str, float] | None = None,
        budget_kbps: float | None = None,
        point: int | None = None,
    ) -> str:
        """Return the answer as text; see `testbed.reports.answer_text.answer_text`."""
        from testbed.reports.answer_text import answer_text

        return answer_text(self, margins, budget_kbps, point)

    def call(self, row: int) -> Call:
        """Repeat the call of one row of `table`; the same seed gives the same packets.

        Raises
        ------
        ResultsError
            There is no such row, or a file that shaped it has changed.
        ScenarioError
            The libopus of this machine cannot do what the scenario needs.
        """
        if not 0 <= row < len(self.table):
            raise ResultsError(f"{self.folder}: there is no row {row}, the table has {len(self.table)}")
        if self.manifest.get("kind") == "flows":
            raise ResultsError(f"{self.folder}: a flow study, in which there are no calls")
        for key in ("scenario", "scenario_folder", "clips"):
            if key not in self.manifest:
                raise ResultsError(f"{self.folder / results.MANIFEST_FILE}: has no {key} to make calls of")
        scenario = parse_scenario(
            json.dumps(self.manifest["scenario"]), Path(self.manifest["scenario_folder"])
        )
        if isinstance(scenario, FlowStudy):
            raise ResultsError(
                f"{self.folder / results.MANIFEST_FILE}: its scenario has flows, its table calls"
            )
        check_codec(scenario)
        clips = clips_of(scenario)
        whole = plan(scenario, len(clips), max(MOST_CALLS, len(self.table)))
        check_unchanged(self.manifest, inputs_of(whole.points, clips), clips, self.folder)
        context = Context(whole.points, whole.schemes, clips, self.folder, frozenset(), frozenset())
        groups = {call: group for group in whole.groups for call in group.calls}
        kept = self.table.iloc[row]
        try:
            call = CallId(
                point=int(kept["point"]),
                scheme=[scheme.name for scheme in whole.schemes[int(kept["point"])]].index(kept["scheme"]),
                clip=[clip.name for clip in clips].index(kept["clip"]),
                realization=int(kept["realization"]),
            )
            group = groups[call]
        except (ValueError, LookupError):
            raise ResultsError(f"{self.folder}: row {row} is of no call that its scenario makes") from None
        clip = clips[call.clip]
        decoding = engine(group.engine, group.batch_mb)
        source = EncodedClip(to_int16(clip.pcm), group.settings)
        simulation = simulate_call(context, call, source, decoding)
        return Call(simulation, listen(simulation, len(clip.pcm), decoding), clip)


def load(folder: Path | str) -> Run:
    """Read a run's folder; a run that was killed gets the warnings and diagnoses of its rows."""
    read = results.load(folder)
    manifest = read.manifest
    if not manifest.get("complete") and manifest.get("diagnoses") is None:
        manifest = {**manifest, **said_of(manifest, read.table)}
    return Run(read.folder, read.table, manifest)


def run(
    scenario: Path | str,
    out: Path | str | None = None,
    overrides: Sequence[str] = (),
    jobs: int | None = None,
    save: Sequence[str] = (),
    force: bool = False,
    speech: Sequence[Path | str] = (),
) -> Run:
    """Run a scenario and return its results; the same as ``testbed run`` without its progress bar.

    Parameters
    ----------
    scenario
        Path of a YAML file, or the name of a packaged scenario.
    out
        The run's folder; default: ``results/<name>``.
    overrides
        ``"dotted.key=value"`` each, as with ``--set``.
    jobs
        Number of processes; default: one per core.
    save
        Files to keep of every call: any of ``"audio"``, ``"packets"``, ``"timelines"``.
    force
        Whether the run may replace that of another scenario, or an unfinished one.
    speech
        Recordings in place of the scenario's speech, as with ``--speech``.
    """
    loaded = load_scenario(scenario, overrides, speech)
    return run_scenario(
        loaded, Path(out or Path("results") / loaded.name), jobs, frozenset(save), force=force
    )


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
    if isinstance(scenario, FlowStudy):
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
    context = Context(
        whole.points, whole.schemes, clips, folder_of(out) / results.WORK, save, _examples(whole)
    )
    origin = Provenance(scenario, command, inputs_of(whole.points, clips))
    manifest = make_manifest(whole, context, 0, [], None, origin)
    with working(out, manifest, _columns(whole.scenario), len(IDENTITY), whole.calls, force) as work:

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


def cores() -> int:
    """Return the number of cores that this process may use."""
    import os

    return len(os.sched_getaffinity(0))


def _examples(whole: Plan) -> frozenset[CallId]:
    """Return the calls that the report plays: each scheme of the middle point, on one clip."""
    point = len(whole.points) // 2
    return frozenset(CallId(point, scheme, 0, 0) for scheme in range(len(whole.schemes[point])))


def _columns(scenario: Scenario) -> dict[str, str]:
    """Return the table's columns, which are all present even if calls fail, and their types."""
    names = [*IDENTITY, *scenario.sweep, *MEASURED, *scenario.metrics, *TIMINGS, "error"]
    whole_numbers = {name: "Int64" for name in MEASURED if name.startswith("frames")}
    return dict.fromkeys(names, "") | dict.fromkeys([*scenario.metrics, *TIMINGS], "float64") | whole_numbers


def _unkept(clean: Sequence[str], table: "pd.DataFrame") -> list[str]:
    """Return a warning about the files beside the table that could not be kept."""
    calls = table["error"][table["error"].str.contains(NOT_KEPT, regex=False)]
    reasons = [*clean, *(reason for error in calls for reason in error.split("; ") if NOT_KEPT in reason)]
    if not reasons:
        return []
    first = reasons[0].removeprefix(f"{NOT_KEPT}: ")
    return [f"{len(reasons)} files beside the table could not be kept; the first: {first}"]
