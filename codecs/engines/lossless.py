"""The decoding without loss, which all calls over the same packets share."""

import hashlib
from collections.abc import Sequence

import numpy as np

from testbed.codecs.dred.reader import DredReader
from testbed.codecs.engines.engine import Job
from testbed.codecs.engines.episodes import Episode
from testbed.codecs.engines.replay import ReplayDecoder, Replayed
from testbed.codecs.pcm import Pcm16
from testbed.codecs.recovery import Action
from testbed.randomness import generator

_EMPTY: Pcm16 = np.empty(0, np.int16)


class LosslessDecoding:
    """The packets of one encoding, decoded without loss, and the sound of its episodes so far.

    Attributes
    ----------
    sent, frame_samples, complexity
        See `testbed.codecs.engines.engine.Job`.
    pcm, history
        The whole decoding, and the input of concealment from it (see `Replayed`); empty before the first
        `decode` or `checkpoint`.
    dred
        The DRED of the packets.
    patches
        The sound of each episode, which replaces `pcm` from the episode's start on.
    """

    def __init__(self, job: Job) -> None:
        self.sent = job.sent
        self.frame_samples = job.frame_samples
        self.complexity = job.decoder_complexity
        self.pcm = self.history = _EMPTY
        self.dred = DredReader(job.sent, job.frame_samples, job.network)
        self.patches: dict[Episode, Pcm16] = {}
        self._digest = hashlib.sha256(b"".join(job.sent)).hexdigest()

    @property
    def nbytes(self) -> int:
        """Memory that `forget` frees."""
        return sum(patch.nbytes for patch in self.patches.values()) + self.dred.nbytes

    def forget(self) -> None:
        """Free the memory of episodes and DRED; both can be decoded again."""
        self.patches.clear()
        self.dred.forget()

    def seed(self, frame: int) -> int:
        """Return the seed of a vocoder for a gap that begins with a frame."""
        return int(generator(0, "vocoder", self._digest, frame).integers(2**63))

    def decode(self) -> None:
        """Decode all packets, unless that is done."""
        if not self.pcm.size:
            self.checkpoint((), into=())

    def checkpoint(self, starts: Sequence[int], into: Sequence[ReplayDecoder]) -> None:
        """Decode, and give decoders the state just before certain frames.

        Parameters
        ----------
        starts
            The frames, in ascending order.
        into
            A decoder for each, of any state and settings.
        """
        decoder, frame = ReplayDecoder(self.complexity), 0
        parts: list[Replayed] = []
        for start, copy in zip(starts, into, strict=True):
            if start > frame:
                parts.append(self._replay(decoder, frame, start))
                frame = start
            copy.copy_from(decoder)
        if not self.pcm.size:
            parts.append(self._replay(decoder, frame, len(self.sent)))
            self.pcm = np.concatenate([part.pcm for part in parts])
            self.history = np.concatenate([part.history for part in parts])

    def _replay(self, decoder: ReplayDecoder, begin: int, end: int) -> Replayed:
        actions = bytes([Action.DECODE]) * (end - begin)
        return decoder.replay(self.sent[begin:end], actions, self.frame_samples, _EMPTY)

    def patched(self, episodes: Sequence[Episode]) -> Pcm16:
        """Return the sound of a call with these episodes, in order; each ends the patch before it."""
        pcm = self.pcm.copy()
        ends = [*(episode.start for episode in episodes[1:]), len(self.sent)]
        for episode, end in zip(episodes, ends, strict=False):
            begin = episode.start * self.frame_samples
            patch = self.patches[episode][: end * self.frame_samples - begin]
            pcm[begin : begin + len(patch)] = patch
        return pcm
