"""The rows of the table: all calls of one group, simulated, decoded and measured."""

import hashlib
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from testbed.allocation.budget import SchemeBudget
from testbed.call import Simulation, aligned, simulate
from testbed.channels import StageSpec
from testbed.channels.queue import QUEUE_CAUSES
from testbed.codecs.encoding import Encoding, LiveEncoder, dred_distortion, dred_sent_ms, encode, lbrr_sent
from testbed.codecs.engines import engine
from testbed.codecs.engines.engine import Engine, Job
from testbed.codecs.opus.settings import SAMPLE_RATE_HZ, EncoderSettings, WrittenDred
from testbed.codecs.recovery import Recovery
from testbed.codecs.schemes import SchemeSpec
from testbed.control import Loop
from testbed.errors import TestbedError
from testbed.kept_files import keep_sound, keep_timeline, keeps_sound
from testbed.metrics import metric
from testbed.plan import CallId, Group, speech_settings, stages
from testbed.playout.offline import Offline
from testbed.randomness import generator
from testbed.scenario.loading import Point, Scenario
from testbed.speech import Clip

if TYPE_CHECKING:
    from testbed.codecs.dred.writer import DredWriter


@dataclass(frozen=True, eq=False)
class Context:
    """What the calls of a run need to know.

    Attributes
    ----------
    points, schemes
        See `testbed.plan.Plan`.
    clips
        What is said.
    folder
        The run's folder, in which kept calls are written.
    save
        What to keep of every call: any of ``"audio"``, ``"packets"``, ``"timelines"``.
    examples
        The calls that the report plays and draws.
    """

    points: Sequence[Point[Scenario]]
    schemes: Sequence[Sequence[SchemeSpec]]
    clips: Sequence[Clip]
    folder: Path
    save: frozenset[str]
    examples: frozenset[CallId]


@dataclass(frozen=True)
class Scores:
    """What the metrics say of a call."""

    scores: dict[str, float]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class PendingDecode:
    """A job that the engine works on, and the calls that sound so."""

    job: Job
    lookahead_samples: int
    calls: list[CallId]


def rows_of(context: Context, groups: Sequence[Group]) -> dict[CallId, dict[str, Any]]:
    """Do all calls of some groups of one engine; a call that fails is a row with its reason."""
    return _Calls(context, groups, engine(groups[0].engine, groups[0].batch_mb)).rows()


@lru_cache(maxsize=1)
def _source(context: Context, clip: int, settings: EncoderSettings) -> "EncodedClip":
    """Return a clip that is encoded once: groups of one encoding come one after another."""
    added = [scheme.dred_to_write() for schemes in context.schemes for scheme in schemes]
    deepest = max(each.chunks if each else 0 for each in added)
    return EncodedClip(to_int16(context.clips[clip].pcm), settings, deepest)


class _Calls:
    """Calls on their way through an engine, which takes as many at once as it sees fit.

    Calls whose decoder does the same frame by frame (the ceiling in each realization, a playout delay that is
    already long enough) are decoded and measured once.
    """

    def __init__(self, context: Context, groups: Sequence[Group], engine: Engine) -> None:
        self._context = context
        self._engine = engine
        self._calls = (
            (call, _source(context, group.clip, group.settings)) for group in groups for call in group.calls
        )
        self._rows: dict[CallId, dict[str, Any]] = {}
        self._waiting: dict[bytes, PendingDecode] = {}
        self._heard: dict[bytes, Scores] = {}
        self._unkept: dict[CallId, list[str]] = {}
        self._seconds_outside = 0.0

    def rows(self) -> dict[CallId, dict[str, Any]]:
        """Return all rows."""
        started, decoded = time.process_time(), []
        more = True
        while more:
            try:
                for pcm in self._engine.decode(self._jobs()):
                    decoded.append(self._take(pcm))
                more = False
            except Exception:  # one call of a batch must not take the others with it
                decoded += self._take_each()
        seconds = time.process_time() - started - self._seconds_outside
        for call in decoded:
            if "seconds_decode" in self._rows[call]:
                self._rows[call]["seconds_decode"] = seconds / len(decoded)
        return self._rows

    def _jobs(self) -> Iterator[Job]:
        """Simulate calls; give the jobs of those that are like no other before."""
        for call, source in self._calls:
            started = time.process_time()
            job = None
            try:
                simulation = simulate_call(self._context, call, source, self._engine)
                self._rows[call] = self._unheard(call, source, simulation)
                self._unkept[call] = keep_timeline(self._context, call, simulation)
                key = _key(call, simulation)
                if key in self._heard and not keeps_sound(self._context, call):
                    self._score(call, self._heard[key])
                elif key in self._waiting:
                    self._waiting[key].calls.append(call)
                else:
                    job = simulation.job
                    self._waiting[key] = PendingDecode(job, simulation.lookahead_samples, [call])
            except Exception as error:  # a row of a long sweep must not take the others with it
                self._fail([call], error)
            self._seconds_outside += time.process_time() - started
            if job is not None:
                yield job

    def _take_each(self) -> list[CallId]:
        """Decode all jobs that wait, each alone; return the calls of those that can be."""
        taken = []
        while self._waiting:
            key, waiting = next(iter(self._waiting.items()))
            try:
                taken += [self._take(pcm) for pcm in self._engine.decode([waiting.job])]
            except Exception as error:
                del self._waiting[key]
                self._fail(waiting.calls, error)
        return taken

    def _take(self, pcm: NDArray[np.int16]) -> CallId:
        """Measure what the engine made of the job that waits longest; return the call that it is of."""
        started = time.process_time()
        key = next(iter(self._waiting))
        waiting = self._waiting.pop(key)
        first = waiting.calls[0]
        clip = self._context.clips[first.clip].pcm
        sound = aligned(pcm, waiting.lookahead_samples, len(clip))
        try:
            before = time.process_time()
            heard = _measure(self._context.points[first.point].scenario.metrics, clip, sound)
            self._rows[first]["seconds_metrics"] = time.process_time() - before
            self._heard[key] = heard
            for call in waiting.calls:
                self._unkept[call] += keep_sound(self._context, call, sound)
                self._score(call, heard)
        except Exception as error:
            self._fail(waiting.calls, error)
        self._seconds_outside += time.process_time() - started
        return first

    def _unheard(self, call: CallId, source: "EncodedClip", simulation: Simulation) -> dict[str, Any]:
        """Return a call's row but for its scores."""
        return {
            **identity(self._context, call),
            **_measurements(self._context, call, simulation, source.settings),
            "seconds_encode": simulation.seconds_encode + source.take_seconds(),
            "seconds_simulate": simulation.seconds_simulate,
            "seconds_decode": 0.0,
            "seconds_metrics": 0.0,
        }

    def _fail(self, calls: Sequence[CallId], error: Exception) -> None:
        for call in calls:
            self._rows[call] = failed_row(self._context, call, error)

    def _score(self, call: CallId, heard: Scores) -> None:
        self._rows[call] |= {
            **heard.scores,
            "error": "; ".join((*heard.reasons, *self._unkept.pop(call))),
        }


class EncodedClip:
    """A clip that is encoded when first a call needs it so; a call whose loop is closed encodes for itself.

    Parameters
    ----------
    pcm, settings
        The clip, mono at 16 kHz, and what the encoder is told to begin with.
    deepest
        The most chunks of 40 ms of DRED that will be added to its packets, if that is known.
    """

    def __init__(self, pcm: NDArray[np.int16], settings: EncoderSettings, deepest: int = 0) -> None:
        self._deepest = deepest
        self.pcm = pcm
        self.settings = settings
        self._seconds = 0.0

    @cached_property
    def encoding(self) -> Encoding:
        """The clip, encoded at one go."""
        encoding = encode(self.pcm, self.settings)
        self._seconds += encoding.seconds
        return encoding

    def with_dred(self, added: WrittenDred | None) -> Encoding:
        """Return the encoding with DRED of our own in its packets, or as it is."""
        if added is None:
            return self.encoding
        before = self._writer.seconds
        encoding = self._writer.encoding(added)
        self._seconds += self._writer.seconds - before
        return encoding

    @cached_property
    def _writer(self) -> "DredWriter":
        # Compiled code is only loaded by who needs it.
        from testbed.codecs.dred.writer import DredWriter

        writer = DredWriter(self.pcm, self.encoding, self._deepest)
        self._seconds += writer.seconds
        return writer

    def take_seconds(self) -> float:
        """Return the time that encoding took since this was last asked."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds


def simulate_call(context: Context, call: CallId, source: EncodedClip, engine: Engine) -> Simulation:
    """Send one call through its realization of the channel, to be heard with an engine."""
    scenario = context.points[call.point].scenario
    scheme = context.schemes[call.point][call.scheme]

    def rngs(way: str, specs: Sequence[StageSpec]) -> list[np.random.Generator]:
        names = [spec.name for spec in specs]
        purpose = (way, context.clips[call.clip].name, call.realization)
        return [
            generator(scenario.seed, *purpose, name, names[:index].count(name))
            for index, name in enumerate(names)
        ]

    complexity = scheme.decoder_complexity(scenario.codec.decoder_complexity)
    if scheme.is_ceiling:
        return simulate(
            source.encoding,
            (),
            [],
            [],
            Offline(policy="offline"),
            complexity,
            scenario.folder,
            omits_pauses=scenario.codec.omits_pauses,
        )
    send = partial(
        simulate,
        distances=scheme.distances(),
        stages=stages(scenario.channel),
        rngs=rngs("channel", scenario.channel),
        playout=scenario.playout,
        decoder_complexity=complexity,
        folder=scenario.folder,
        most_events=scenario.limits.events,
        omits_pauses=scenario.codec.omits_pauses,
    )
    others = _other_calls(context, call, source.settings)
    if not scenario.is_closed_loop:
        added = scheme.dred_to_write()
        beside = [(other.with_dred(added), start_ns) for other, start_ns in others]
        encoding = source.with_dred(added)
        reach_samples = engine.dred_reach_samples(tuple(frame.payload for frame in encoding.frames))
        return send(encoding, others=beside, dred_reach_samples=reach_samples)
    expected_loss = scenario.codec.expected_loss
    loop = Loop(
        reporting=scenario.reporting,
        congestion=scenario.congestion,
        allocation=scenario.allocation,
        reverse=stages(scenario.reverse),
        rngs=rngs("reverse", scenario.reverse),
        asked=SchemeBudget.of(
            scheme, speech_settings(scenario.codec, 0.0), scenario.codec.total_kbps is not None
        ),
        expected_loss_percent=None if expected_loss is None else round(100 * expected_loss),
    )
    with ExitStack() as stack:
        encoder, *encoders = (
            stack.enter_context(LiveEncoder(each.pcm, each.settings))
            for each in (source, *(other for other, _ in others))
        )
        starts_ns = [start_ns for _, start_ns in others]
        return send(encoder, loop=loop, others=list(zip(encoders, starts_ns, strict=True)))


def _other_calls(context: Context, call: CallId, settings: EncoderSettings) -> list[tuple[EncodedClip, int]]:
    """Return the further calls on the channel: other clips in turn, each begun at a place of its own.

    They begin within a frame of it, so that their packets do not come in step with the call's.
    """
    scenario = context.points[call.point].scenario
    clip = context.clips[call.clip].name
    rng = generator(scenario.seed, "other calls", clip, call.realization)
    found = []
    for index in range(1, scenario.other_calls + 1):
        pcm = to_int16(context.clips[(call.clip + index) % len(context.clips)].pcm)
        begun = int(rng.integers(len(pcm)))
        start_ns = int(rng.integers(settings.frame_ms * 1_000_000))
        found.append((EncodedClip(np.roll(pcm, -begun), settings), start_ns))
    return found


def to_int16(pcm: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return samples in [-1, 1] at the codec's border."""
    samples: NDArray[np.float32] = np.clip(np.rint(pcm * np.float32(32768)), -32768, 32767)
    return samples.astype(np.int16)


def identity(context: Context, call: CallId) -> dict[str, Any]:
    """Return the columns that say which call a row is about."""
    return {
        "point": call.point,
        "scheme": context.schemes[call.point][call.scheme].name,
        "clip": context.clips[call.clip].name,
        "realization": call.realization,
        **context.points[call.point].parameters,
    }


def failed_row(context: Context, call: CallId, error: Exception) -> dict[str, Any]:
    """Return the row of a call that could not be made."""
    reason = str(error) if isinstance(error, TestbedError) else f"{type(error).__name__}: {error}"
    return {**identity(context, call), "error": reason or type(error).__name__}


def _key(call: CallId, simulation: Simulation) -> bytes:
    """Return what tells one call's sound, and what it is held against, from another's."""
    job = simulation.job
    digest = hashlib.sha256()
    for payload in job.sent:
        digest.update(len(payload).to_bytes(4))
        digest.update(payload)
    told = np.array([call.clip, job.decoder_complexity], np.int64)
    return b"".join((told.tobytes(), job.actions.tobytes(), job.sources.tobytes(), digest.digest()))


def _measure(names: Sequence[str], reference: NDArray[np.float32], pcm: NDArray[np.int16]) -> Scores:
    degraded = pcm.astype(np.float32) / np.float32(32768)
    scores = {name: metric(name)(reference, degraded) for name in names}
    return Scores(
        {name: score.value for name, score in scores.items()},
        tuple(f"{name}: {score.reason}" for name, score in scores.items() if score.reason),
    )


def _measurements(
    context: Context, call: CallId, simulation: Simulation, settings: EncoderSettings
) -> dict[str, Any]:
    timeline, is_sent = simulation.timeline, simulation.timeline.is_sent
    frames = [simulation.frames[frame] for frame in np.flatnonzero(is_sent)]
    scheme, playout = context.schemes[call.point][call.scheme], context.points[call.point].scenario.playout
    added = scheme.dred_to_write()
    kbps_of_bytes = 8 / (len(timeline) * settings.frame_ms)
    wire_bytes = int(timeline.size_bytes.sum())
    own_bytes = sum(len(frame.payload) for frame in frames)
    parts = {
        "primary_kbps": sum(frame.primary_bytes for frame in frames) * kbps_of_bytes,
        "lbrr_kbps": sum(frame.lbrr_bytes for frame in frames) * kbps_of_bytes,
        "dred_kbps": sum(frame.dred_bytes for frame in frames) * kbps_of_bytes,
        "red_kbps": (wire_bytes - simulation.header_bytes * len(frames) - own_bytes) * kbps_of_bytes,
    }
    # Who waits without limit plays at no time, and the ceiling has no receiver.
    is_played = not scheme.is_ceiling and not isinstance(playout, Offline)
    waited_ns = float((timeline.played_ns - timeline.sent_ns)[is_sent].mean())
    lookahead_ms = 1000 * simulation.lookahead_samples / SAMPLE_RATE_HZ
    return {
        "payload_kbps": sum(parts.values()),
        **parts,
        "lbrr_sent": lbrr_sent(frames),
        "dred_asked_ms": settings.dred_depth_ms if added is None else added.depth_ms,
        "dred_sent_ms": dred_sent_ms(frames),
        "dred_distortion": dred_distortion(frames),
        "wire_kbps": wire_bytes * kbps_of_bytes,
        "packet_loss": simulation.packet_loss,
        "queue_loss": timeline.drops(QUEUE_CAUSES) / len(simulation.sent),
        "delay_ms_min": timeline.smallest_delay_ms,
        "delay_variation_ms_p50": timeline.delay_variation_ms(50),
        "delay_variation_ms_p95": timeline.delay_variation_ms(95),
        "frames": len(timeline),
        "frames_late": int(timeline.late.sum()),
        "frames_narrow": sum(not frame.allows_neural_concealment for frame in frames),
        "frames_primary": timeline.count(Recovery.PRIMARY),
        "frames_red": timeline.count(Recovery.RED),
        "frames_lbrr": timeline.count(Recovery.LBRR),
        "frames_dred": timeline.count(Recovery.DRED),
        "frames_plc": timeline.count(Recovery.PLC),
        "frames_dtx": timeline.count(Recovery.DTX),
        "buffer_needed_ms_p95": timeline.buffer_needed_ms(95),
        "buffer_needed_ms_max": timeline.buffer_needed_ms(100),
        "mean_delay_ms": settings.frame_ms + lookahead_ms + waited_ns / 1e6 if is_played else math.nan,
    }
