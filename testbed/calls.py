"""The rows of groups of calls: simulated one by one, decoded together, scored.

The engine pulls jobs, so that no more calls are held than it has memory for::

    groups --> _simulate --> job --> engine --> sound --> _finish --> rows
                  call by call    as many at once      in any order,
                                  as it has room for   found by key
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from testbed.call import Simulation, aligned
from testbed.call_results import CallResults
from testbed.codecs.engines import engine
from testbed.codecs.engines.engine import Engine, Job, decode_one
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import Pcm16, float_from_int16, int16_from_float
from testbed.encoded_clip import EncodedClip
from testbed.errors import CodecError, MetricError, traceback_of
from testbed.kept_files import keeps_sound, sounds, timelines
from testbed.measurements import failed_row, identity, measurements, score
from testbed.metrics.scorer import Score
from testbed.plan import CallId, Group
from testbed.planned_call import simulate_call
from testbed.run_context import RunContext
from testbed.stopwatch import Stopwatch

SoundKey = bytes
"""Equal for calls that decode to the same sound and are compared with the same clip."""
Scores = dict[str, Score | MetricError]
"""The scores of a sound by metric, or the errors of metrics that failed."""


@dataclass(frozen=True)
class PendingDecode:
    """A job that the engine has, and the calls that its sound is for."""

    job: Job
    lookahead_samples: int
    calls: list[CallId]


def results_of(context: RunContext, groups: Sequence[Group]) -> CallResults:
    """Return the results of the calls of groups of one engine; the row of a failed call has its reason."""
    return _Calls(context, groups, engine(groups[0].engine, groups[0].batch_mb)).results()


class _Calls:
    """Calls on their way from the plan to their rows.

    Calls that decode to the same sound (the ceiling in each realization, a playout delay that is already long
    enough) are decoded and scored once, by all metrics that any of them needs.
    """

    def __init__(self, context: RunContext, groups: Sequence[Group], engine: Engine) -> None:
        self._context = context
        self._groups = groups
        self._engine = engine
        self._results = CallResults()
        self._rows = self._results.rows
        self._pending: dict[SoundKey, PendingDecode] = {}
        self._scores: dict[SoundKey, Scores] = {}
        self._decoding = Stopwatch()

    def results(self) -> CallResults:
        """Return all results.

        A failure ends the engine's iterator. Then each pending job is decoded alone, and the engine goes on
        with the jobs that it has not taken.
        """
        jobs, decoded, is_done = self._jobs(), list[CallId](), False
        while not is_done:
            try:
                for key, pcm in self._engine.decode(jobs):
                    decoded.append(self._finish(key, pcm))
                is_done = True
            except Exception:  # a failing call must not end the others
                if not self._pending:
                    raise
                decoded += self._decode_each()
        for pending in self._pending.values():
            self._fail(pending.calls, CodecError("the engine returned no sound for this call"))
        seconds = self._decoding.seconds
        for call in decoded:
            if "seconds_decode" in self._rows[call]:
                self._rows[call]["seconds_decode"] = seconds / len(decoded)
        return self._results

    def _jobs(self) -> Iterator[tuple[SoundKey, Job]]:
        """Simulate calls; yield the jobs whose sound is neither known nor pending."""
        for group in self._groups:
            source = _encoded_clip(self._context, group.clip, group.settings)
            for call in group.calls:
                with self._decoding.paused():
                    new = self._simulate(call, source)
                if new is not None:
                    yield new

    def _simulate(self, call: CallId, source: EncodedClip) -> tuple[SoundKey, Job] | None:
        """Begin the row of a call; return its job if it is a new one."""
        try:
            simulation = simulate_call(self._context, call, source, self._engine)
            self._rows[call] = {
                **identity(self._context, call),
                **measurements(self._context, call, simulation, source.settings),
                "seconds_encode": simulation.seconds_encode + source.take_seconds(),
                "seconds_simulate": simulation.seconds_simulate,
                "seconds_decode": 0.0,
                "seconds_metrics": 0.0,
                "error": "",
            }
            self._results.add_files(call, timelines(self._context, call, simulation))
            key = _sound_key(call, simulation)
            if self._is_scored(key, call) and not keeps_sound(self._context, call):
                self._add_scores(call, self._scores[key])
            elif key in self._pending:
                self._pending[key].calls.append(call)
            else:
                self._pending[key] = PendingDecode(simulation.job, simulation.lookahead_samples, [call])
                return key, simulation.job
        except Exception as error:  # a failing row must not end a long sweep
            self._fail([call], error)
        return None

    def _finish(self, key: SoundKey, pcm: Pcm16) -> CallId:
        """Score decoded sound and finish the rows of its calls; return the call whose job it was."""
        with self._decoding.paused():
            if key not in self._pending:
                raise CodecError("the engine returned sound for no pending call")
            pending = self._pending.pop(key)
            first = pending.calls[0]
            clip = self._context.clip(first).pcm
            sound = aligned(pcm, pending.lookahead_samples, len(clip))
            scoring = Stopwatch()
            self._score(key, pending.calls, sound)
            self._rows[first]["seconds_metrics"] = scoring.seconds
            for call in pending.calls:
                try:
                    self._add_scores(call, self._scores[key])
                    self._results.add_files(call, sounds(self._context, call, sound))
                except Exception as error:
                    self._fail([call], error)
        return first

    def _decode_each(self) -> list[CallId]:
        """Decode each pending job alone; return the calls whose job was decoded."""
        decoded = []
        for key, pending in list(self._pending.items()):
            try:
                pcm = decode_one(self._engine, pending.job)
            except Exception as error:
                del self._pending[key]
                self._fail(pending.calls, error)
            else:
                decoded.append(self._finish(key, pcm))
        return decoded

    def _is_scored(self, key: SoundKey, call: CallId) -> bool:
        """Return whether a sound has the scores that a call needs."""
        return key in self._scores and self._scores[key].keys() >= set(self._metrics_of(call))

    def _score(self, key: SoundKey, calls: Sequence[CallId], sound: Pcm16) -> None:
        """Score a sound by each metric that any of its calls needs and that has not scored it."""
        scores = self._scores.setdefault(key, {})
        clip, heard = self._context.clip(calls[0]).pcm, float_from_int16(sound)
        for name in dict.fromkeys(name for call in calls for name in self._metrics_of(call)):
            if name not in scores:
                try:
                    scores[name] = score(name, clip, heard)
                except MetricError as error:
                    scores[name] = error

    def _metrics_of(self, call: CallId) -> list[str]:
        return self._context.scenario(call).metrics_of(call.realization)

    def _add_scores(self, call: CallId, scores: Scores) -> None:
        """Add to the row of a call the scores of the metrics that it needs, and no others."""
        row, reasons = self._rows[call], []
        for name in self._metrics_of(call):
            found = scores[name]
            if isinstance(found, MetricError):
                raise found
            row[name] = found.value
            if found.reason:
                reasons.append(f"{name}: {found.reason}")
        row["error"] = "; ".join(reasons)

    def _fail(self, calls: Sequence[CallId], error: Exception) -> None:
        for call in calls:
            self._rows[call] = failed_row(self._context, call, error)
            self._results.failures[call] = traceback_of(error)


@lru_cache(maxsize=1)
def _encoded_clip(context: RunContext, clip: int, settings: EncoderSettings) -> EncodedClip:
    """Return a clip, encoded once for all its groups, which come one after another."""
    written = [scheme.dred_to_write() for schemes in context.schemes for scheme in schemes]
    most_chunks = max(dred.chunks if dred else 0 for dred in written)
    return EncodedClip(int16_from_float(context.clips[clip].pcm), settings, most_chunks)


def _sound_key(call: CallId, simulation: Simulation) -> SoundKey:
    job = simulation.job
    packets = hashlib.sha256()
    for payload in job.sent:
        packets.update(len(payload).to_bytes(4))
        packets.update(payload)
    numbers = np.array([call.clip, job.decoder_complexity], np.int64)
    return b"".join((numbers.tobytes(), job.actions.tobytes(), job.sources.tobytes(), packets.digest()))
