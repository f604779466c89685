"""Groups of calls, simulated, decoded together and scored: their rows."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from testbed.call import Simulation, aligned
from testbed.codecs.engines import engine
from testbed.codecs.engines.engine import Engine, Job
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import Pcm16, int16_from_float
from testbed.encoded_clip import EncodedClip
from testbed.kept_files import keep_sound, keep_timeline, keeps_sound
from testbed.measurements import Scores, failed_row, identity, measurements, score
from testbed.plan import CallId, Group
from testbed.planned_call import simulate_call
from testbed.run_context import RunContext


@dataclass(frozen=True)
class PendingDecode:
    """A job that the engine works on, and the calls that sound so."""

    job: Job
    lookahead_samples: int
    calls: list[CallId]


def rows_of(context: RunContext, groups: Sequence[Group]) -> dict[CallId, dict[str, Any]]:
    """Do all calls of some groups of one engine; a call that fails is a row with its reason."""
    return _Calls(context, groups, engine(groups[0].engine, groups[0].batch_mb)).rows()


@lru_cache(maxsize=1)
def _source(context: RunContext, clip: int, settings: EncoderSettings) -> EncodedClip:
    """Return a clip that is encoded once: groups of one encoding come one after another."""
    added = [scheme.dred_to_write() for schemes in context.schemes for scheme in schemes]
    deepest = max(each.chunks if each else 0 for each in added)
    return EncodedClip(int16_from_float(context.clips[clip].pcm), settings, deepest)


class _Calls:
    """Calls on their way through an engine, which takes as many at once as it sees fit.

    Calls whose decoder does the same frame by frame (the ceiling in each realization, a playout delay that is
    already long enough) are decoded and measured once.
    """

    def __init__(self, context: RunContext, groups: Sequence[Group], engine: Engine) -> None:
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

    def _take(self, pcm: Pcm16) -> CallId:
        """Measure what the engine made of the job that waits longest; return the call that it is of."""
        started = time.process_time()
        key = next(iter(self._waiting))
        waiting = self._waiting.pop(key)
        first = waiting.calls[0]
        clip = self._context.clips[first.clip].pcm
        sound = aligned(pcm, waiting.lookahead_samples, len(clip))
        try:
            before = time.process_time()
            heard = score(self._context.scenario(first).metrics, clip, sound)
            self._rows[first]["seconds_metrics"] = time.process_time() - before
            self._heard[key] = heard
            for call in waiting.calls:
                self._unkept[call] += keep_sound(self._context, call, sound)
                self._score(call, heard)
        except Exception as error:
            self._fail(waiting.calls, error)
        self._seconds_outside += time.process_time() - started
        return first

    def _unheard(self, call: CallId, source: EncodedClip, simulation: Simulation) -> dict[str, Any]:
        """Return a call's row but for its scores."""
        return {
            **identity(self._context, call),
            **measurements(self._context, call, simulation, source.settings),
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


def _key(call: CallId, simulation: Simulation) -> bytes:
    """Return what tells one call's sound, and what it is held against, from another's."""
    job = simulation.job
    digest = hashlib.sha256()
    for payload in job.sent:
        digest.update(len(payload).to_bytes(4))
        digest.update(payload)
    told = np.array([call.clip, job.decoder_complexity], np.int64)
    return b"".join((told.tobytes(), job.actions.tobytes(), job.sources.tobytes(), digest.digest()))
