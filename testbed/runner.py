"""A scenario from beginning to end: plan, work off, write, and give the result back."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from testbed import compilation, results
from testbed.call import Simulation, listen
from testbed.codecs.encoding import encode
from testbed.codecs.engines import engine
from testbed.codecs.scheme import NEURAL_CONCEALMENT_COMPLEXITY
from testbed.codecs.schemes import NO_LOSS
from testbed.codecs.settings import SAMPLE_RATE_HZ, EncoderSettings
from testbed.dred_depth import ENOUGH, sufficient_kbps
from testbed.errors import ResultsError, ScenarioError
from testbed.flows.model import FlowStudy
from testbed.flows.study import run_study
from testbed.manifest import make_manifest
from testbed.results import TIMINGS, Results
from testbed.rows import Context, Lazy, rows_of, simulate_call, to_int16
from testbed.scenario import AnyScenario, load_scenario, parse_scenario
from testbed.scenario_checks import check_codec, clips_of
from testbed.speech import Clip
from testbed.sweep import CallId, Plan, plan, work_off

if TYPE_CHECKING:
    import pandas as pd

AT_LEAST_WIDEBAND = ("wideband", "superwideband", "fullband")
MOST_LATE = 0.5
"""Share of packets that come too late from which on a run says so."""
KEEPABLE = ("audio", "packets", "timelines")
IDENTITY = ("point", "scheme", "clip", "realization")
MEASURED = (
    "payload_kbps", "primary_kbps", "lbrr_kbps", "dred_kbps", "red_kbps", "dred_asked_ms", "dred_sent_ms",
    "dred_distortion", "wire_kbps", "packet_loss", "delay_variation_ms_p50", "delay_variation_ms_p95",
    "frames", "frames_late", "frames_primary", "frames_red", "frames_lbrr", "frames_dred", "frames_plc",
    "mean_delay_ms",
)  # fmt: skip


@dataclass(frozen=True)
class Progress:
    """How far a run is: `done` of `total` rows after `elapsed_s` seconds, and what it is at."""

    done: int
    total: int
    elapsed_s: float
    message: str


@dataclass(frozen=True)
class Call:
    """One row of the table, made again: its timeline, its packets and its sound.

    Attributes
    ----------
    simulation
        `simulation.timeline` and `simulation.sent`.
    pcm
        What a listener hears, 16 kHz, aligned with the clip.
    clip
        What was said.
    """

    simulation: Simulation
    pcm: NDArray[np.int16]
    clip: Clip


@dataclass(frozen=True)
class Run(Results):
    """A finished run that can write its report and make any of its calls again."""

    @property
    def is_failure(self) -> bool:
        """Whether nothing in it could be made."""
        column = "received_kbps" if self.manifest.get("kind") == "flows" else "payload_kbps"
        return bool(self.table[column].isna().all())

    @property
    def trajectories(self) -> "pd.DataFrame":
        """The time series of a flow study; see `testbed.flows.trajectory`."""
        return results.read_table(self.folder / results.TRAJECTORIES_FILE)

    def report(self) -> Path:
        """Write the page and return its path."""
        from testbed.reports.report import write_report

        return write_report(self.folder)

    def call(self, row: int) -> Call:
        """Make the call of one row of `table` again; the same seed gives the same packets.

        Raises
        ------
        ResultsError
            If there is no such row, or the run's speech is not what it was.
        """
        if not 0 <= row < len(self.table):
            raise ResultsError(f"{self.folder}: there is no row {row}, the table has {len(self.table)}")
        scenario = parse_scenario(
            json.dumps(self.manifest["scenario"]), Path(self.manifest["scenario_folder"])
        )
        if isinstance(scenario, FlowStudy):
            raise ResultsError(f"{self.folder}: a flow study, in which there are no calls")
        clips = clips_of(scenario)
        known = [(clip["name"], clip["sha256"]) for clip in self.manifest["clips"]]
        if [(clip.name, clip.sha256) for clip in clips] != known:
            raise ResultsError(f"{self.folder}: the scenario's speech is not what it was when this was run")
        whole = plan(scenario, len(clips))
        context = Context(whole.points, whole.schemes, clips, self.folder, frozenset(), frozenset())
        groups = {call: group for group in whole.groups for call in group.calls}
        kept = self.table.iloc[row]
        call = CallId(
            point=int(kept["point"]),
            scheme=[scheme.name for scheme in whole.schemes[int(kept["point"])]].index(kept["scheme"]),
            clip=[clip.name for clip in clips].index(kept["clip"]),
            realization=int(kept["realization"]),
        )
        group = groups[call]
        clip = clips[call.clip]
        at_point = whole.points[call.point].scenario
        decoding = engine(at_point.engine, at_point.limits.batch_mb)
        source = Lazy(to_int16(clip.pcm), group.settings)
        simulation = simulate_call(context, call, source, decoding)
        return Call(simulation, listen(simulation, len(clip.pcm), decoding), clip)


def load(folder: Path | str) -> Run:
    """Read a run directory."""
    read = results.load(folder)
    return Run(read.folder, read.table, read.manifest)


def run(
    scenario: Path | str,
    out: Path | str | None = None,
    overrides: Sequence[str] = (),
    jobs: int | None = None,
    save: Sequence[str] = (),
) -> Run:
    """Run a scenario and return its results; the same as ``testbed run`` without its progress bar.

    Parameters
    ----------
    scenario
        Path of a YAML file, or the name of a packaged scenario.
    out
        The run's folder; ``results/<name>`` unless told otherwise.
    overrides
        ``"dotted.key=value"`` each, as with ``--set``.
    jobs
        Processes; all cores unless told otherwise.
    save
        What to keep of every call: any of ``"audio"``, ``"packets"``, ``"timelines"``.
    """
    loaded = load_scenario(scenario, overrides)
    return run_scenario(loaded, Path(out or Path("results") / loaded.name), jobs, frozenset(save))


def run_scenario(
    scenario: AnyScenario,
    out: Path,
    jobs: int | None = None,
    save: frozenset[str] = frozenset(),
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Run:
    """Run a validated scenario and write its folder whole; see `run`.

    When it is interrupted, the rows that were finished are written to ``<out>.interrupted`` instead.

    Raises
    ------
    TestbedError
        If nothing can be run at all; a call that fails is a row with its reason.
    """
    if unknown := sorted(save - set(KEEPABLE)):
        raise ScenarioError(
            f"--save {unknown[0]}: there is nothing of that name to keep; {', '.join(KEEPABLE)}"
        )
    results.check_replaceable(out)
    started = time.monotonic()
    if isinstance(scenario, FlowStudy):
        if save:
            raise ScenarioError(f"--save {min(save)}: there are no calls in a flow study")
        run_study(
            scenario,
            out,
            jobs or cores(),
            lambda done, total, message: on_progress(
                Progress(done, total, time.monotonic() - started, message)
            ),
        )
        return load(out)
    check_codec(scenario)
    clips = clips_of(scenario)
    whole = plan(scenario, len(clips))
    rows: dict[CallId, dict[str, Any]] = {}

    def report(message: str) -> None:
        on_progress(Progress(len(rows), whole.calls, time.monotonic() - started, message))

    with results.replaced_whole(out) as folder:
        for name in ("examples", *sorted(save)):
            (folder / name).mkdir()
        context = Context(whole.points, whole.schemes, clips, folder, save, _examples(whole))
        if compilation.is_needed(whole):
            report(compilation.MESSAGE)
            compilation.compile_kernels(whole)
        report("calls")
        with results.rescued(
            out,
            lambda into: _write(into, whole, context, rows, []),
            lambda: f"{len(rows)} of {whole.calls} rows",
        ):
            for call_rows in work_off(whole.tasks, rows_of, context, jobs or cores()):
                rows.update(call_rows)
                report("calls")
            report("writing")
            warnings = [*_shallow_dred(whole, context, rows), *_without_networks(whole, context, rows)]
            _write(folder, whole, context, rows, warnings)
    return load(out)


def cores() -> int:
    """Return how many cores this process may use."""
    import os

    return len(os.sched_getaffinity(0))


def _examples(whole: Plan) -> frozenset[CallId]:
    """Return the calls that the report plays: each scheme of the middle point, on one clip."""
    point = len(whole.points) // 2
    return frozenset(CallId(point, scheme, 0, 0) for scheme in range(len(whole.schemes[point])))


def _write(
    folder: Path, whole: Plan, context: Context, rows: dict[CallId, dict[str, Any]], warnings: list[str]
) -> None:
    _write_clean(folder, context)
    table = _table(whole, rows)
    every_warning = [*_failures(table), *_late(whole, table), *warnings]
    results.write(folder, table, make_manifest(whole, replace(context, folder=folder), rows, every_warning))


def _table(whole: Plan, rows: dict[CallId, dict[str, Any]]) -> "pd.DataFrame":
    """Return the rows in the scenario's order, every column present whatever failed."""
    import pandas as pd

    metrics = whole.scenario.metrics
    columns = [*IDENTITY, *whole.scenario.sweep, *MEASURED, *metrics, *TIMINGS, "error"]
    table = pd.DataFrame([rows[call] for call in sorted(rows)], columns=columns)
    whole_numbers = {name: "Int64" for name in MEASURED if name.startswith("frames")}
    return table.astype({**dict.fromkeys([*metrics, *TIMINGS], "float64"), **whole_numbers})


def _failures(table: "pd.DataFrame") -> list[str]:
    failed = table[table["payload_kbps"].isna()]
    if failed.empty:
        return []
    return [f"{len(failed)} of {len(table)} calls failed; the first: {failed['error'].iloc[0]}"]


def _late(whole: Plan, table: "pd.DataFrame") -> list[str]:
    """Return a warning for each point at which most packets came too late."""
    warnings = []
    for point in range(len(whole.points)):
        rows = table[(table["point"] == point) & (table["scheme"] != NO_LOSS)]
        share = rows["frames_late"].sum() / max(1, rows["frames"].sum())
        at = _at(whole, point) or "the playout"
        if share > MOST_LATE:
            warnings.append(
                f"{at}: {100 * share:.0f} % of all packets came after their frame had to play: the playout "
                "delay is too short for this network"
            )
    return warnings


def _at(whole: Plan, point: int) -> str:
    """Say where in the sweep a point is."""
    return ", ".join(f"{key} = {value}" for key, value in whole.points[point].parameters.items())


def _shallow_dred(whole: Plan, context: Context, rows: dict[CallId, dict[str, Any]]) -> list[str]:
    """Return a warning for each scheme and encoding that sent much less DRED than was asked.

    Where the loop is closed the allocation decides how much is asked of the encoder, frame by frame.
    """
    warnings = []
    groups = {call: group for group in whole.groups for call in group.calls}
    told = set()
    for point, scheme_index in sorted({(call.point, call.scheme) for call in rows}):
        calls = [call for call in sorted(rows) if (call.point, call.scheme) == (point, scheme_index)]
        sent = [rows[call]["dred_sent_ms"] for call in calls if "dred_sent_ms" in rows[call]]
        if whole.points[point].scenario.is_closed_loop:
            continue
        settings = groups[calls[0]].settings
        name = whole.schemes[point][scheme_index].name
        if not sent or np.mean(sent) >= ENOUGH * settings.dred_depth_ms or (name, settings) in told:
            continue
        told.add((name, settings))
        enough = sufficient_kbps(to_int16(context.clips[calls[0].clip].pcm), settings)
        advice = (
            f"{enough} kb/s in all would send {100 * ENOUGH:.0f} % of it"
            if enough
            else "no bitrate sends it"
            + ("" if settings.expected_loss_percent else ": the expected loss is 0")
        )
        at = _at(whole, point)
        warnings.append(
            f"{name}{f' ({at})' if at else ''}: asked for "
            f"{settings.dred_depth_ms} ms of DRED, sent {np.mean(sent):.0f} ms on average at "
            f"{settings.bitrate_bps / 1000:g} kb/s in all; {advice}"
        )
    return warnings


def _without_networks(whole: Plan, context: Context, rows: dict[CallId, dict[str, Any]]) -> list[str]:
    """Return a warning for each scheme and encoding that leave libopus to conceal without its networks.

    Shares are those of the first clip that could be encoded. Where the loop is closed nothing is said: what
    the encoder is told there, frame by frame, is not known.
    """
    warnings: list[str] = []
    shares: dict[EncoderSettings, float] = {}
    told = set()
    encoded = [
        (call, group) for group in whole.groups for call in group.calls if "payload_kbps" in rows[call]
    ]
    first = {(call.point, call.scheme): group for call, group in reversed(encoded)}
    for (point, index), group in sorted(first.items(), key=lambda each: each[0]):
        scenario, scheme, settings = whole.points[point].scenario, whole.schemes[point][index], group.settings
        complexity = scheme.decoder_complexity(scenario.codec.decoder_complexity)
        is_neural = complexity >= NEURAL_CONCEALMENT_COMPLEXITY and not scheme.is_ceiling
        # Told to, the encoder makes less than wideband only at a constant bitrate that is too low for it.
        is_wide = settings.bandwidth in AT_LEAST_WIDEBAND and settings.rate_mode != "cbr"
        if scenario.is_closed_loop or not is_neural or is_wide:
            continue
        if settings not in shares:
            frames = encode(to_int16(context.clips[group.clip].pcm), settings).frames
            shares[settings] = sum(not frame.is_followed_by_networks for frame in frames) / len(frames)
        if shares[settings] and (scheme.name, settings) not in told:
            told.add((scheme.name, settings))
            at = _at(whole, point)
            warnings.append(
                f"{scheme.name}{f' ({at})' if at else ''}: {100 * shares[settings]:.0f} % of the packets are "
                "narrowband or mediumband, where libopus conceals without networks: neither neural PLC nor "
                "DRED is heard"
            )
    return warnings


def _write_clean(folder: Path, context: Context) -> None:
    """Keep what was said: of the example, and with ``--save audio`` of every clip."""
    import soundfile

    for index, clip in enumerate(context.clips):
        if index == 0:
            path = folder / "examples" / "clean.flac"
            path.parent.mkdir(exist_ok=True)
            soundfile.write(path, clip.pcm, SAMPLE_RATE_HZ, subtype="PCM_16")
        if "audio" in context.save and (folder / "audio").is_dir():
            soundfile.write(
                folder / "audio" / f"clean-{clip.name}.wav", clip.pcm, SAMPLE_RATE_HZ, subtype="PCM_16"
            )
