"""The results of groups of calls: from the cache, or simulated one by one, decoded together, and scored.

The engine pulls jobs, so that no more calls are held than it has memory for::

    groups --> _begin --> job --> engine --> sound --> _finish --> rows
                 |  call by call    as many at once      in any order,
                 |                  as it has room for   found by key
                 +-- cache: measurements, sound, scores -------> rows
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from testbed.adaptive.played import Heard, Played
from testbed.cache.call_cache import CachedCall, cache_of
from testbed.cache.keys import SoundKey
from testbed.call import aligned
from testbed.call_results import CallResults
from testbed.codecs.engines import engine
from testbed.codecs.engines.engine import Job, decode_one, without_loss
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import Pcm16, int16_from_float
from testbed.encoded_clip import EncodedClip
from testbed.errors import CodecError, traceback_of
from testbed.kept_files import keeps_packets, keeps_sound, keeps_timeline, packets, sounds, timelines
from testbed.measurements import failed_row, identity, measurements
from testbed.mixture import Mixture
from testbed.plan import CallId, Group
from testbed.planned_call import simulate_call
from testbed.run_context import RunContext
from testbed.sound_scores import SoundScores
from testbed.stopwatch import Stopwatch

_WORTH_A_BASE = 16
"""Calls of an encoding from which on the cache keeps their sounds as differences from one more decoding."""


@dataclass(frozen=True)
class PendingDecode:
    """A job that the engine has, and the calls that its sound is for.

    Attributes
    ----------
    samples
        Length of the clip.
    base
        The sound from which the cache keeps the differences; the own one: it is a base; None: it has none.
    """

    job: Job
    lookahead_samples: int
    samples: int
    calls: list[CallId]
    base: SoundKey | None = None


def results_of(context: RunContext, groups: Sequence[Group]) -> CallResults:
    """Return the results of the calls of groups of one engine; the row of a failed call has its reason."""
    return _Calls(context, groups).results()


class _Calls:
    """Calls on their way from the plan to their rows.

    Calls that decode to the same sound (the ceiling in each realization, a playout delay that is already long
    enough) are decoded and scored once, by all metrics that any of them needs.
    """

    def __init__(self, context: RunContext, groups: Sequence[Group]) -> None:
        self._context = context
        self._groups = groups
        self._engine_name = groups[0].engine
        self._engine = engine(groups[0].engine, groups[0].batch_mb)
        self._results = CallResults()
        self._rows = self._results.rows
        self._pending: dict[SoundKey, PendingDecode] = {}
        self._simulated: dict[CallId, tuple[Group, CachedCall]] = {}
        self._cache = cache_of(context)
        self._scores = SoundScores(context, self._cache, self._engine_name)
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
                    decoded += self._finish(key, pcm)
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
        self._cache.write()
        self._results.cache.problem = self._cache.problem
        return self._results

    def _jobs(self) -> Iterator[tuple[SoundKey, Job]]:
        """Begin calls; yield the jobs whose sound is neither known nor pending."""
        for group in self._groups:
            mixture = self._context.scenario(group.calls[0]).speech.mixture
            source = _encoded_clip(self._context, group.clip, mixture, group.settings)
            for call in group.calls:
                with self._decoding.paused():
                    new = self._begin(call, group, source)
                yield from new

    def _begin(self, call: CallId, group: Group, source: EncodedClip) -> list[tuple[SoundKey, Job]]:
        """Take a call from the cache, or begin to make it; return its new jobs."""
        try:
            known, use = self._known(call, group), self._results.cache
            if known is None:
                return self._simulate(call, group, source)
            self._scores.admit(known.sound)
            is_pending = known.sound in self._pending
            is_scored = self._scores.has(known.sound, call)
            if not self._recall(call, known.sound):
                use.decoded_again += 1
                return self._simulate(call, group, source)
            use.decoded_again += is_pending
            use.cached += not is_pending
            use.scored += not is_pending and not is_scored
        except Exception as error:  # a failing row must not end a long sweep
            self._fail([call], error)
        return []

    def _known(self, call: CallId, group: Group) -> CachedCall | None:
        """Begin the row of a call from the cache, if that has all that is kept of its simulation."""
        known = None if keeps_packets(self._context) else self._cache.call(call, group)
        if known is not None and keeps_timeline(self._context, call):
            if known.timeline is None:
                return None
            self._results.add_files(call, timelines(self._context, call, known.timeline))
        if known is not None:
            self._rows[call] = self._row(call, known.measurements)
        return known

    def _simulate(self, call: CallId, group: Group, source: EncodedClip) -> list[tuple[SoundKey, Job]]:
        """Simulate a call and begin its row; return its new jobs."""
        simulation = simulate_call(self._context, call, source, self._engine)
        measured = measurements(self._context, call, simulation, source.settings)
        encode_s = simulation.seconds_encode + source.take_seconds()
        self._rows[call] = self._row(call, measured, encode_s, simulation.seconds_simulate)
        table = simulation.timeline.parquet() if keeps_timeline(self._context, call) else None
        if table is not None:
            self._results.add_files(call, timelines(self._context, call, table))
        if keeps_packets(self._context):
            self._results.add_files(call, packets(self._context, call, simulation))
        lookahead_samples, samples = simulation.lookahead_samples, len(self._context.clip(call).pcm)
        if isinstance(simulation.sound, Played):
            heard = simulation.sound.heard(lookahead_samples, samples)
            key = self._cache.keys.heard_key(self._context.clip(call), heard)
            self._simulated[call] = group, CachedCall(measured, key, table)
            self._rows[call]["seconds_decode"] = simulation.seconds_decode
            self._cache.keep_sound(key, self._engine_name, heard)
            self._score(key, [call], heard)
            return []
        job = simulation.sound
        key = self._cache.keys.sound_key(self._context.clip(call), job, lookahead_samples)
        self._simulated[call] = group, CachedCall(measured, key, table)
        if self._recall(call, key):
            return []
        jobs, base = self._base_of(call, group, job, lookahead_samples)
        if key in self._pending:  # it has no loss, so it is its own base
            self._pending[key].calls.append(call)
            return jobs
        self._pending[key] = PendingDecode(job, lookahead_samples, samples, [call], base)
        return [*jobs, (key, job)]

    def _base_of(
        self, call: CallId, group: Group, job: Job, lookahead_samples: int
    ) -> tuple[list[tuple[SoundKey, Job]], SoundKey | None]:
        """Return the base from which the cache keeps the sound of a job, if any, and its job if it is new."""
        if not self._has_base(call, group):
            return [], None
        whole = without_loss(job)
        base = self._cache.keys.sound_key(self._context.clip(call), whole, lookahead_samples)
        samples = len(self._context.clip(call).pcm)
        if base in self._pending or self._cache.base(base, self._engine_name, samples) is not None:
            return [], base
        self._pending[base] = PendingDecode(whole, lookahead_samples, samples, [], base)
        return [(base, whole)], base

    def _has_base(self, call: CallId, group: Group) -> bool:
        """Return whether many calls share the encoding of one, which loses packets."""
        return (
            self._cache.has_room
            and len(group.calls) >= _WORTH_A_BASE
            and not self._context.scenario(call).is_closed_loop
            and not self._context.scheme(call).is_ceiling
        )

    def _recall(self, call: CallId, key: SoundKey) -> bool:
        """Finish a call if its sound, or all that is wanted of it, is known; wait if it is pending."""
        if self._scores.has(key, call) and not keeps_sound(self._context, call):
            self._complete(call, key)
        elif key in self._pending:
            self._pending[key].calls.append(call)
        else:
            samples = len(self._context.clip(call).pcm)
            sound = self._cache.sound(key, self._engine_name, samples)
            if sound is None:
                return False
            self._score(key, [call], sound)
        return True

    def _finish(self, key: SoundKey, pcm: Pcm16) -> list[CallId]:
        """Score decoded sound and finish the rows of its calls; return the call whose job it was."""
        with self._decoding.paused():
            if key not in self._pending:
                raise CodecError("the engine returned sound for no pending call")
            pending = self._pending.pop(key)
            sound = Heard(aligned(pcm, pending.lookahead_samples, pending.samples))
            self._cache.keep_sound(key, self._engine_name, sound, pending.base)
            self._score(key, pending.calls, sound)
        return pending.calls[:1]

    def _score(self, key: SoundKey, calls: Sequence[CallId], sound: Heard) -> None:
        """Finish the rows of calls from their sound."""
        if not calls:
            return
        scoring = Stopwatch()
        self._scores.score(key, calls, sound)
        self._rows[calls[0]]["seconds_metrics"] = scoring.seconds
        for call in calls:
            try:
                self._complete(call, key)
                self._results.add_files(call, sounds(self._context, call, sound.pcm))
            except Exception as error:
                self._fail([call], error)

    def _complete(self, call: CallId, key: SoundKey) -> None:
        """Add the scores of a call to its row; the cache keeps the call."""
        self._scores.add_to(self._rows[call], key, call)
        if call in self._simulated:
            self._cache.keep_call(call, *self._simulated.pop(call))

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
                decoded += self._finish(key, pcm)
        return decoded

    def _row(
        self, call: CallId, measured: Mapping[str, Any], encode_s: float = 0.0, simulate_s: float = 0.0
    ) -> dict[str, Any]:
        return {
            **identity(self._context, call),
            **measured,
            "seconds_encode": encode_s,
            "seconds_simulate": simulate_s,
            "seconds_decode": 0.0,
            "seconds_metrics": 0.0,
            "error": "",
        }

    def _fail(self, calls: Sequence[CallId], error: Exception) -> None:
        for call in calls:
            self._rows[call] = failed_row(self._context, call, error)
            self._results.failures[call] = traceback_of(error)


@lru_cache(maxsize=1)
def _encoded_clip(context: RunContext, clip: int, mixture: Mixture, settings: EncoderSettings) -> EncodedClip:
    """Return a clip as a mixture, encoded once for all its groups, which come one after another."""
    written = [scheme.dred_to_write() for schemes in context.schemes for scheme in schemes]
    most_chunks = max(dred.chunks if dred else 0 for dred in written)
    sent = context.clips[clip] if context.mixer is None else context.mixer.clip(clip, mixture)
    kept = cache_of(context).encodings(sent, settings)
    return EncodedClip(int16_from_float(sent.pcm), settings, most_chunks, kept)
