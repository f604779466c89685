"""The sound of episodes, many decoded together: gaps by our kernels, all other frames by libopus.

The first stretches of all episodes are decoded together, then the second ones, and so on.
"""

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np

from testbed.codecs.engines.concealer_gaps import fill_gaps, past_samples
from testbed.codecs.engines.concealment_stream import ConcealmentStream, Gap, HistoryId
from testbed.codecs.engines.episodes import Episode
from testbed.codecs.engines.gaps import WARM_UP_FRAMES, GapSynthesizer
from testbed.codecs.engines.lossless import LosslessDecoding
from testbed.codecs.engines.replay import ReplayDecoder
from testbed.codecs.pcm import Pcm16
from testbed.codecs.recovery import Action
from testbed.codecs.schemes.part import NEURAL_CONCEALMENT_COMPLEXITY
from testbed.kernels.bark import FRAME
from testbed.kernels.plc import MAX_HEARD

_TAIL_MS = 1000
"""Longest tail: frames decoded after an episode until they agree with the lossless ones."""
_EMPTY: Pcm16 = np.empty(0, np.int16)


def decode_episodes(
    pending: Sequence[tuple[LosslessDecoding, Episode]], decoders: Sequence[ReplayDecoder], weights: Path
) -> None:
    """Decode episodes and put their sound into the patches of their lossless decoding.

    Parameters
    ----------
    pending
        The episodes: those of one lossless decoding together, in order of their start.
    decoders
        A decoder for each episode.
    weights
        libopus's weights blob.
    """
    for lossless, group in groupby(zip(pending, decoders, strict=True), key=lambda item: item[0][0]):
        items = [(episode, decoder) for (_, episode), decoder in group]
        lossless.checkpoint([episode.start for episode, _ in items], into=[decoder for _, decoder in items])
        lossless.dred.read(gap for episode, _ in items for gap in episode.gaps())
    decodings = [
        _EpisodeDecoding(lossless, episode, decoder, row)
        for row, ((lossless, episode), decoder) in enumerate(zip(pending, decoders, strict=True))
    ]
    synthesizer = GapSynthesizer(weights, len(decodings))
    for index in range(max(len(decoding.stretches) for decoding in decodings)):
        active = [decoding for decoding in decodings if index < len(decoding.stretches)]
        gaps = [gap for decoding in active if (gap := decoding.gap(index)) is not None]
        sounds = dict[int, Pcm16]()
        for some, synthesize in (
            ([gap for gap in gaps if gap.concealer is None], synthesizer.synthesize),
            ([gap for gap in gaps if gap.concealer is not None], partial(fill_gaps, weights=weights)),
        ):
            sounds.update(zip((gap.stream.row for gap in some), synthesize(some), strict=True))
        for decoding in active:
            decoding.decode(index, sounds.get(decoding.stream.row, _EMPTY))
    for decoding in decodings:
        decoding.lossless.patches[decoding.episode] = np.concatenate(decoding.parts)


class _EpisodeDecoding:
    """One episode being decoded: its decoder, its concealment, and the sound so far.

    Parameters
    ----------
    decoder
        In the state just before the episode.
    row
        Row of the stream in the synthesizer.
    """

    def __init__(
        self, lossless: LosslessDecoding, episode: Episode, decoder: ReplayDecoder, row: int
    ) -> None:
        self.lossless, self.episode = lossless, episode
        self.stretches = episode.stretches()
        self.parts: list[Pcm16] = []
        self._decoder = decoder
        self._features = [lossless.dred.gap(*gap) for gap in episode.gaps()]
        begin = episode.start * lossless.frame_samples
        frames = MAX_HEARD if episode.is_first else WARM_UP_FRAMES
        kept_samples = MAX_HEARD * FRAME
        if episode.concealer is not None:
            kept_samples = past_samples(episode.concealer)
            frames = kept_samples // FRAME
        self.stream = ConcealmentStream(
            row,
            history=lossless.history[max(0, begin - frames * FRAME) : begin],
            concealed=0,
            received=begin // FRAME,
            history_id=HistoryId(lossless, episode.start, episode.is_first),
            kept_samples=kept_samples,
        )

    def gap(self, index: int) -> Gap | None:
        """Return the gap of a stretch; None if no network fills it: libopus's needs some received sound."""
        begin, concealed, _ = self.stretches[index]
        is_neural = self.lossless.complexity >= NEURAL_CONCEALMENT_COMPLEXITY
        if not is_neural or begin == concealed or not self.stream.received:
            return None
        seed = self.lossless.seed(self.episode.start + begin)
        return Gap(
            self.stream,
            *self._features[index],
            self.episode.vocoder,
            seed,
            self.episode.concealer,
            self._is_last(index),
        )

    def _is_last(self, index: int) -> bool:
        return index == len(self.stretches) - 1

    def decode(self, index: int, gap_sound: Pcm16) -> None:
        """Decode a stretch; after the last one, also the tail."""
        begin, concealed, end = self.stretches[index]
        sent, size, start = self.lossless.sent, self.lossless.frame_samples, self.episode.start
        is_last = self._is_last(index)
        tail = min(_TAIL_MS * FRAME // (10 * size), len(sent) - start - end) if is_last else 0
        packets: list[bytes | None] = [None] * (concealed - begin)
        packets += [sent[start + frame + self.episode.sources[frame]] for frame in range(concealed, end)]
        packets += sent[start + end : start + end + tail]
        replayed = self._decoder.replay(
            packets,
            self.episode.actions[begin:end] + bytes([Action.DECODE]) * tail,
            size,
            gap_sound,
            self.lossless.pcm[(start + begin) * size : (start + end + tail) * size],
            settle_from=end - begin if is_last else len(packets),
        )
        self.parts.append(replayed.pcm)
        self.stream.add_received(replayed.history[gap_sound.size :])
