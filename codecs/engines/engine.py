"""The interface of engines, which decode calls: a `Job` holds the decoder's action for each frame."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.concealers import Concealer, PlacedConcealer
from testbed.codecs.dred.network_folder import LIBOPUS, DredNetwork
from testbed.codecs.pcm import Pcm16
from testbed.codecs.recovery import Action
from testbed.codecs.vocoders import FARGAN

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Job:
    """One call to decode.

    Attributes
    ----------
    sent
        The Opus packet of each frame.
    payloads
        The same packets as far as the receiver has them, else None. The packet that an action needs is always
        present.
    actions
        The `testbed.codecs.recovery.Action` of each frame.
    sources
        The frame whose payload the action uses; ignored for `CONCEAL` and `FILL_PAUSE`.
    frame_samples
        Samples per frame at 16 kHz.
    decoder_complexity
        Of `testbed.codecs.opus.codec.Decoder`; from 5 on, networks conceal and decode DRED.
    concealer
        Who conceals where the action is `CONCEAL`.
    vocoder
        Name in `testbed.codecs.vocoders.VOCODERS` of the vocoder of libopus's networks.
    network
        The receiver's network of DRED.
    """

    sent: tuple[bytes, ...]
    payloads: Sequence[bytes | None]
    actions: NDArray[np.uint8]
    sources: NDArray[np.int32]
    frame_samples: int
    decoder_complexity: int
    concealer: Concealer | PlacedConcealer = "codec"
    vocoder: str = FARGAN
    network: DredNetwork = LIBOPUS


class Engine(Protocol):
    """Decodes jobs. The sound of a job does not depend on the others."""

    def dred_reach_samples(self, sent: tuple[bytes, ...]) -> int:
        """Return the depth of a packet's DRED that the engine reads, in calls of these packets."""

    def decode(self, jobs: Iterable[tuple[Key, Job]]) -> Iterator[tuple[Key, Pcm16]]:
        """Yield the key and the sound of each job, in any order.

        A job is taken when there is memory for it, so `jobs` may be endless. If a job cannot be decoded, the
        exception ends the iterator, and jobs already taken may have no result.

        Parameters
        ----------
        jobs
            Each with a key of the caller's, unique among the jobs without a result.

        Returns
        -------
        Iterator[tuple[Key, Pcm16]]
            ``len(sent) * frame_samples`` samples each, codec delay included.
        """


def decode_one(engine: Engine, job: Job) -> Pcm16:
    """Return the sound of one job; see `Engine.decode`."""
    ((_, pcm),) = engine.decode([(None, job)])
    return pcm


def without_loss(job: Job) -> Job:
    """Return the job of the same packets if each was received."""
    actions = np.full_like(job.actions, Action.DECODE)
    sources = np.arange(len(job.sources), dtype=job.sources.dtype)
    return replace(
        job, payloads=job.sent, actions=actions, sources=sources, concealer="codec", vocoder=FARGAN
    )
