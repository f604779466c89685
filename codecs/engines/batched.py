"""The engine `numba`: decodes without loss once, and works out only what losses change, many calls at once.

What was received decodes alike in all calls over the same packets. Where one is not decoded from its own
packet, an episode (`episodes`) begins: a libopus decoder takes over the state of the clean
decoding, is given the sound of gaps by our kernels (`gaps`), and decodes on (LBRR and the
frames after a gap) until it agrees with the clean decoding. Equal episodes are worked out once.

It takes speech in SILK's wideband mode, in which libopus conceals at 16 kHz; calls with other packets, with
pauses, or with LBRR for only a part of a packet of 40 or 60 ms are left to libopus.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401 (numba's BLAS: loaded before its threads are limited)
from threadpoolctl import threadpool_limits

from testbed.codecs.dred.payload import CHUNK_MS, MAX_CHUNKS
from testbed.codecs.dred.reader import DredReader
from testbed.codecs.encoded_frame import DRED_LIMIT_SAMPLES
from testbed.codecs.engines.engine import Job, Key
from testbed.codecs.engines.episodes import Episode, episodes
from testbed.codecs.engines.gaps import WARM_FRAMES, Gap, GapSound, Stream
from testbed.codecs.engines.libopus import LibopusEngine
from testbed.codecs.engines.replay import ReplayDecoder, Replayed
from testbed.codecs.opus.build import built
from testbed.codecs.opus.packet import split
from testbed.codecs.pcm import SAMPLE_RATE_HZ, Pcm16
from testbed.codecs.recovery import Action
from testbed.codecs.schemes.part import NEURAL_CONCEALMENT_COMPLEXITY
from testbed.kernels.bark import FRAME
from testbed.kernels.batch import state_bytes
from testbed.kernels.plc import MAX_HEARD, plc_state

_TAIL_MS = 1000
"""How long frames after an episode are decoded on at most, until they agree with the clean ones."""
_ASSUMED_TAIL_FRAMES = 12
_EMPTY: Pcm16 = np.empty(0, np.int16)


@lru_cache(maxsize=4)
def _is_taken(sent: tuple[bytes, ...]) -> bool:
    """Return whether calls of these packets are taken: what LBRR leaves out of a packet, libopus conceals."""
    return all(
        (part.mode, part.bandwidth) == ("silk", "wideband")
        and not part.is_dtx
        and len(set(part.lbrr_frames)) == 1
        for part in map(split, sent)
    )


class _Clean:
    """What one encoding is without loss, and its episodes that were worked out.

    Attributes
    ----------
    pcm, heard
        int16: of all frames, once they were walked through; see `Replayed`.
    dred
        What its packets' DRED says.
    patches
        By episode, its sound.
    """

    def __init__(self, job: Job) -> None:
        self.sent = job.sent
        self.frame_samples = job.frame_samples
        self.complexity = job.decoder_complexity
        self.pcm = self.heard = _EMPTY
        self.dred = DredReader(job.sent, job.frame_samples)
        self.patches: dict[Episode, Pcm16] = {}

    @property
    def nbytes(self) -> int:
        """Memory that episodes and features take; it can be had again."""
        return sum(patch.nbytes for patch in self.patches.values()) + self.dred.nbytes

    def forget(self) -> None:
        """Give that memory back."""
        self.patches.clear()
        self.dred.forget()

    def walk(self, starts: Iterable[int]) -> Iterator[ReplayDecoder]:
        """Decode without loss, and give for each of some frames, in order, a decoder that is just before it.

        Where it is exhausted, `pcm` and `heard` are there.
        """
        walker, at, parts = ReplayDecoder(self.complexity), 0, [Replayed(_EMPTY, _EMPTY)]

        def go_on(to: int) -> None:
            nonlocal at
            if to > at:
                actions = bytes([Action.DECODE]) * (to - at)
                parts.append(walker.replay(self.sent[at:to], actions, self.frame_samples, _EMPTY))
                at = to

        for start in starts:
            go_on(start)
            yield walker
        if not self.pcm.size:
            go_on(len(self.sent))
            self.pcm = np.concatenate([part.pcm for part in parts])
            self.heard = np.concatenate([part.heard for part in parts])


class _Replay:
    """An episode at work: its decoder, its stream of concealment, and what came out so far."""

    def __init__(self, clean: _Clean, episode: Episode, row: int, decoder: ReplayDecoder) -> None:
        self.clean, self.episode, self.decoder = clean, episode, decoder
        self.stretches = episode.stretches()
        self.parts: list[Pcm16] = []
        self._features = [clean.dred.gap(*gap) for gap in episode.gaps()]
        begin = episode.start * clean.frame_samples
        frames = MAX_HEARD if episode.is_first else WARM_FRAMES
        heard = clean.heard[max(0, begin - frames * FRAME) : begin]
        self.stream = Stream(row, heard, 0, begin // FRAME, (id(clean), episode.start, episode.is_first))

    def gap(self, turn: int) -> Gap | None:
        """Return the gap of this turn, if the network is to fill it: in libopus, once it heard something."""
        begin, concealed, _ = self.stretches[turn]
        is_on = self.clean.complexity >= NEURAL_CONCEALMENT_COMPLEXITY
        if not is_on or begin == concealed or not self.stream.received:
            return None
        return Gap(self.stream, *self._features[turn], self._is_last(turn))

    def _is_last(self, turn: int) -> bool:
        return turn == len(self.stretches) - 1

    def play(self, turn: int, given: Pcm16) -> None:
        """Decode the stretch of this turn, and after the last one on to where nothing is left of the loss."""
        begin, concealed, end = self.stretches[turn]
        clean, size, start = self.clean, self.clean.frame_samples, self.episode.start
        is_last = self._is_last(turn)
        tail = min(_TAIL_MS * FRAME // (10 * size), len(clean.sent) - start - end) if is_last else 0
        packets: list[bytes | None] = [None] * (concealed - begin)
        for frame in range(concealed, end):
            packets.append(clean.sent[start + frame + self.episode.sources[frame]])
        packets += clean.sent[start + end : start + end + tail]
        actions = self.episode.actions[begin:end] + bytes([Action.DECODE]) * tail
        compared = clean.pcm[(start + begin) * size : (start + end + tail) * size]
        settle_from = end - begin if is_last else len(packets)
        played = self.decoder.replay(packets, actions, size, given, compared, settle_from)
        self.parts.append(played.pcm)
        self.stream.hear(played.heard[given.size :])


class NumbaEngine:
    """Decodes calls in batches.

    Parameters
    ----------
    batch_mb
        Memory that a batch may take, about, whatever the number of calls.

    Raises
    ------
    CodecError
        If libopus is not built.
    """

    def __init__(self, batch_mb: int = 512) -> None:
        self._share = batch_mb * 1_000_000 // 4
        self._cleans: dict[tuple[tuple[bytes, ...], int, int], _Clean] = {}
        # Copies of others: their settings, too, will be those of what they copy.
        self._decoders = [ReplayDecoder(NEURAL_CONCEALMENT_COMPLEXITY)]
        per_stream = self._decoders[0].state_bytes + 2 * state_bytes(plc_state(1))
        self._streams = max(1, 2 * self._share // per_stream)

    def dred_reach_samples(self, sent: tuple[bytes, ...]) -> int:
        """Return how deep a DRED payload is read: any depth, but in calls that are left to libopus."""
        return MAX_CHUNKS * CHUNK_MS * SAMPLE_RATE_HZ // 1000 if _is_taken(sent) else DRED_LIMIT_SAMPLES

    def decode(self, jobs: Iterable[tuple[Key, Job]]) -> Iterator[tuple[Key, Pcm16]]:
        """Yield the sound of each job; see `testbed.codecs.engines.engine.Engine`."""
        batch: list[tuple[Key, _Planned]] = []
        weight = 0
        for key, job in jobs:
            cleans = len(self._cleans)
            planned = self._planned(job)
            batch.append((key, planned))
            mine = planned.episodes or []
            frames = sum(len(episode.actions) + _ASSUMED_TAIL_FRAMES for episode in mine)
            if len(self._cleans) > cleans:
                frames += 2 * len(job.sent)
            weight += sum(map(len, job.sent)) + 2 * frames * job.frame_samples
            if weight > self._share:
                yield from self._decoded(batch)
                batch, weight = [], 0
        yield from self._decoded(batch)

    def _planned(self, job: Job) -> "_Planned":
        key = (job.sent, job.frame_samples, job.decoder_complexity)
        if key not in self._cleans:
            self._cleans[key] = _Clean(job)
        clean = self._cleans[key]
        is_taken = _is_taken(job.sent) and Action.FILL_PAUSE not in job.actions
        return _Planned(job, clean, episodes(job) if is_taken else None)

    def _decoded(self, batch: Sequence[tuple[Key, "_Planned"]]) -> Iterator[tuple[Key, Pcm16]]:
        """Give the samples of a batch."""
        wanted: dict[int, tuple[_Clean, dict[Episode, None]]] = {}
        for _, (_, clean, mine) in batch:
            if mine is not None:
                new = [episode for episode in mine if episode not in clean.patches]
                wanted.setdefault(id(clean), (clean, {}))[1].update(dict.fromkeys(new))
        todo = [
            (clean, episode)
            for clean, new in wanted.values()
            for episode in sorted(new, key=lambda episode: episode.start)
        ]
        with threadpool_limits(1):
            for begin in range(0, len(todo), self._streams):
                self._work_out(todo[begin : begin + self._streams])
            for clean, _ in wanted.values():
                if not clean.pcm.size:
                    list(clean.walk(()))
        for key, (job, clean, mine) in batch:
            if mine is None:
                yield from LibopusEngine().decode([(key, job)])
            else:
                yield key, _patched(clean, mine)
        kept = {id(clean) for _, (_, clean, _) in batch}
        self._cleans = {key: clean for key, clean in self._cleans.items() if id(clean) in kept}
        if sum(clean.nbytes for clean in self._cleans.values()) > self._share:
            for clean in self._cleans.values():
                clean.forget()

    def _work_out(self, todo: Sequence[tuple[_Clean, Episode]]) -> None:
        """Work out episodes, in order of their encodings and starts, and keep what they sound like."""
        decoders = self._decoders
        while len(decoders) < len(todo):
            decoders.append(decoders[0].twin())
        for clean, rows in groupby(range(len(todo)), key=lambda row: todo[row][0]):
            mine = list(rows)
            walk = clean.walk(todo[row][1].start for row in mine)
            for row, walker in zip(mine, walk, strict=False):
                decoders[row].copy_from(walker)
            list(walk)
            clean.dred.read(gap for row in mine for gap in todo[row][1].gaps())
        active = replays = [
            _Replay(clean, episode, row, decoders[row]) for row, (clean, episode) in enumerate(todo)
        ]
        sound = GapSound(built().weights, len(todo))
        turn = 0
        while active:
            gaps = [gap for replay in active if (gap := replay.gap(turn)) is not None]
            given = dict(zip((gap.stream.row for gap in gaps), sound.fill(gaps), strict=True))
            for replay in active:
                replay.play(turn, given.get(replay.stream.row, _EMPTY))
            turn += 1
            active = [replay for replay in active if turn < len(replay.stretches)]
        for replay in replays:
            replay.clean.patches[replay.episode] = np.concatenate(replay.parts)


class _Planned(NamedTuple):
    """A job, what its packets are without loss, and its episodes (None: libopus decodes it)."""

    job: Job
    clean: _Clean
    episodes: list[Episode] | None


def _patched(clean: _Clean, mine: Sequence[Episode]) -> Pcm16:
    """Return the clean sound with episodes in it; a later one ends what an earlier one decoded on."""
    pcm = clean.pcm.copy()
    starts = [episode.start for episode in mine[1:]]
    for episode, next_start in zip(mine, [*starts, len(clean.sent)], strict=False):
        begin, end = episode.start * clean.frame_samples, next_start * clean.frame_samples
        patch = clean.patches[episode][: end - begin]
        pcm[begin : begin + len(patch)] = patch
    return pcm
