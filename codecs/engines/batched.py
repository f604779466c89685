"""The engine `numba`: decodes once without loss, then only what losses change, many calls together.

A call is its encoding's decoding without loss (`lossless`), patched with its episodes (`episodes` has a
figure). An episode is decoded (`episode_decoding`) by a libopus decoder that continues from the lossless
decoding (`replay`), with the sound of gaps synthesized by our kernels (`gaps`).

The engine decodes speech in SILK's wideband mode, which libopus conceals at 16 kHz. Calls with other packets,
with pauses, with NetEq's concealment, or with LBRR for only a part of a packet of 40 or 60 ms are left to the
engine `libopus`.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import scipy.linalg.cython_blas  # noqa: F401 - numba's BLAS: loaded before its threads are limited
from threadpoolctl import threadpool_limits

from testbed.codecs.concealers import PlacedConcealer
from testbed.codecs.dred.network_folder import DredNetwork
from testbed.codecs.dred.payload import CHUNK_MS, MAX_CHUNKS
from testbed.codecs.encoded_frame import DRED_LIMIT_SAMPLES
from testbed.codecs.engines.engine import Job, Key, decode_one
from testbed.codecs.engines.episode_decoding import decode_episodes
from testbed.codecs.engines.episodes import Episode, episodes
from testbed.codecs.engines.libopus import LibopusEngine
from testbed.codecs.engines.lossless import LosslessDecoding
from testbed.codecs.engines.replay import ReplayDecoder
from testbed.codecs.opus.build import built
from testbed.codecs.opus.packet import split
from testbed.codecs.pcm import SAMPLE_RATE_HZ, Pcm16
from testbed.codecs.recovery import Action
from testbed.codecs.schemes.part import NEURAL_CONCEALMENT_COMPLEXITY
from testbed.codecs.vocoders import FARGAN
from testbed.errors import CodecError
from testbed.kernels.batch import state_bytes
from testbed.kernels.plc import plc_state

_ASSUMED_TAIL_FRAMES = 12


@lru_cache(maxsize=4)
def _are_supported(sent: tuple[bytes, ...]) -> bool:
    """Return whether the engine decodes these packets itself."""
    return all(
        (part.mode, part.bandwidth) == ("silk", "wideband")
        and not part.is_dtx
        and len(set(part.lbrr_frames)) == 1  # libopus conceals the part of a packet that LBRR leaves out
        for part in map(split, sent)
    )


class NumbaEngine:
    """Decodes calls in batches.

    Parameters
    ----------
    batch_mb
        Approximate memory in MB for a batch, however many calls there are.

    Raises
    ------
    CodecError
        libopus is not built.
    """

    def __init__(self, batch_mb: int = 512) -> None:
        self._share_bytes = batch_mb * 1_000_000 // 4
        self._lossless: dict[tuple[tuple[bytes, ...], int, int, DredNetwork], LosslessDecoding] = {}
        self._decoders = [ReplayDecoder(NEURAL_CONCEALMENT_COMPLEXITY)]
        episode_bytes = self._decoders[0].state_bytes + 2 * state_bytes(plc_state(1))
        self._max_episodes = max(1, 2 * self._share_bytes // episode_bytes)

    def dred_reach_samples(self, sent: tuple[bytes, ...]) -> int:
        """Return the depth of the longest DRED payload, or libopus's limit for calls left to libopus."""
        return MAX_CHUNKS * CHUNK_MS * SAMPLE_RATE_HZ // 1000 if _are_supported(sent) else DRED_LIMIT_SAMPLES

    def decode(self, jobs: Iterable[tuple[Key, Job]]) -> Iterator[tuple[Key, Pcm16]]:
        """Yield the sound of each job; see `testbed.codecs.engines.engine.Engine`."""
        batch: list[tuple[Key, _PlannedJob]] = []
        batch_bytes = 0
        for key, job in jobs:
            planned = self._plan(job)
            batch.append((key, planned))
            batch_bytes += planned.nbytes
            if batch_bytes > self._share_bytes:
                yield from self._decode_batch(batch)
                batch, batch_bytes = [], 0
        yield from self._decode_batch(batch)

    def _plan(self, job: Job) -> "_PlannedJob":
        nbytes = sum(map(len, job.sent))
        is_left = job.concealer == "neteq" or Action.FILL_PAUSE in job.actions
        if is_left or not _are_supported(job.sent):
            _check_left(job)
            return _PlannedJob(job, None, [], nbytes)
        key = (job.sent, job.frame_samples, job.decoder_complexity, job.network)
        found = episodes(job)
        frames = sum(len(episode.actions) + _ASSUMED_TAIL_FRAMES for episode in found)
        if key not in self._lossless:
            self._lossless[key] = LosslessDecoding(job)
            frames += 2 * len(job.sent)
        return _PlannedJob(job, self._lossless[key], found, nbytes + 2 * frames * job.frame_samples)

    def _decode_batch(self, batch: Sequence[tuple[Key, "_PlannedJob"]]) -> Iterator[tuple[Key, Pcm16]]:
        with threadpool_limits(1):
            self._decode_new_episodes([planned for _, planned in batch])
        for key, planned in batch:
            if planned.lossless is None:
                yield key, decode_one(LibopusEngine(), planned.job)
            else:
                yield key, planned.lossless.patched(planned.episodes)
        used = {planned.lossless for _, planned in batch}
        self._lossless = {key: lossless for key, lossless in self._lossless.items() if lossless in used}
        if sum(lossless.nbytes for lossless in self._lossless.values()) > self._share_bytes:
            for lossless in self._lossless.values():
                lossless.forget()

    def _decode_new_episodes(self, jobs: Sequence["_PlannedJob"]) -> None:
        """Decode the episodes of jobs that have no patch yet, each once."""
        new: dict[LosslessDecoding, dict[Episode, None]] = {}
        for _, lossless, found, _ in jobs:
            if lossless is not None:
                without_patch = [episode for episode in found if episode not in lossless.patches]
                new.setdefault(lossless, {}).update(dict.fromkeys(without_patch))
        pending = [
            (lossless, episode)
            for lossless, found in new.items()
            for episode in sorted(found, key=lambda episode: episode.start)
        ]
        for begin in range(0, len(pending), self._max_episodes):
            part = pending[begin : begin + self._max_episodes]
            decode_episodes(part, self._decoders_for(len(part)), built().weights)
        for lossless in new:
            lossless.decode()

    def _decoders_for(self, episodes: int) -> list[ReplayDecoder]:
        """Return decoders to copy states into: kept, since making one takes longer than copying."""
        while len(self._decoders) < episodes:
            self._decoders.append(self._decoders[0].twin())
        return self._decoders[:episodes]


def _check_left(job: Job) -> None:
    """Raise CodecError if a job that is left to libopus needs a vocoder or a concealer that libopus lacks."""
    if isinstance(job.concealer, PlacedConcealer):
        what = str(job.concealer)
    elif job.vocoder != FARGAN:
        what = f"vocoder {job.vocoder}"
    else:
        return
    raise CodecError(
        f"{what} needs SILK's wideband speech without pauses, and LBRR for whole packets; this call has "
        "other packets, which libopus decodes"
    )


class _PlannedJob(NamedTuple):
    """A job in a batch.

    Attributes
    ----------
    lossless
        The decoding of its packets without loss; None: the job is left to libopus.
    episodes
        Parts of the call that differ from it.
    nbytes
        Memory that it takes, approximately.
    """

    job: Job
    lossless: LosslessDecoding | None
    episodes: list[Episode]
    nbytes: int
