"""The sound of gaps, synthesized by our kernels for many decoders together, as libopus's networks would."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.engines.concealment_stream import ConcealmentStream, Gap, HistoryId
from testbed.codecs.pcm import Pcm16
from testbed.codecs.vocoders import FARGAN
from testbed.codecs.vocoders.synthesis import vocode
from testbed.codecs.vocoders.vocoder import VocoderGap
from testbed.kernels.bark import FEATURES, FRAME, Floats
from testbed.kernels.batch import prefix, put, take
from testbed.kernels.fargan import PAST
from testbed.kernels.plc import (
    AHEAD,
    MAX_HEARD,
    PlcNetwork,
    PlcState,
    conceal,
    frames_to_hear,
    gap_features,
    hear,
    plc_network,
    plc_state,
    start_features,
    start_gap,
)
from testbed.kernels.weights import read_blob

WARM_UP_FRAMES = 2 * MAX_HEARD
"""History in 10 ms frames of a stream that had earlier gaps; the older half only warms up the predictor.

libopus's predictor remembers earlier gaps. One that starts from zero and analyses 150 ms predicts too little
(PLCMOS of neural PLC is 0.04 lower in bursts of 4). One that analysed 600 ms of clean speech predicts too
much where most is lost (PLCMOS is 0.05 higher at 40 % loss in bursts of 6).
"""
PAST_SAMPLES = MAX_HEARD * FRAME
"""Samples before a gap that a vocoder is given."""
_FULL_SCALE = np.float32(32768)
_MAX_BATCH = 256
"""Gaps that are synthesized together: their states fit into the processor's cache."""


@lru_cache(maxsize=2)
def _network(weights: Path) -> PlcNetwork:
    return plc_network(read_blob(weights))


class GapSynthesizer:
    """Synthesizes the gaps of a number of streams.

    Parameters
    ----------
    weights
        libopus's weights blob.
    streams
        Number of streams.
    """

    def __init__(self, weights: Path, streams: int) -> None:
        self._network = _network(weights)
        self._state = plc_state(streams)

    def synthesize(self, gaps: Sequence[Gap]) -> list[Pcm16]:
        """Return the sound of gaps of different streams, and add it to the streams' histories."""
        leaders = _leaders(gaps)
        order = sorted(set(leaders), key=lambda index: (gaps[index].vocoder, -gaps[index].frames))
        self._analyse([gaps[index].stream for index in order])
        made: dict[int, Pcm16] = {}
        for vocoder, group in groupby(order, key=lambda index: gaps[index].vocoder):
            of_vocoder = list(group)
            for begin in range(0, len(of_vocoder), _MAX_BATCH):
                part = of_vocoder[begin : begin + _MAX_BATCH]
                sounds = self._synthesize_batch(vocoder, [gaps[index] for index in part])
                made.update(zip(part, sounds, strict=True))
        sounds = [made[leader][: gap.frames * FRAME] for gap, leader in zip(gaps, leaders, strict=True)]
        for gap, sound in zip(gaps, sounds, strict=True):
            gap.stream.add_concealed(sound)
        return sounds

    def _analyse(self, streams: Sequence[ConcealmentStream]) -> None:
        """Update the states of streams with their histories; equal histories are analysed once."""
        by_length: dict[tuple[int, bool], list[ConcealmentStream]] = {}
        leaders: dict[HistoryId, ConcealmentStream] = {}
        followers: list[tuple[int, int]] = []
        for stream in streams:
            leader = stream if stream.history_id is None else leaders.setdefault(stream.history_id, stream)
            if leader is not stream:
                followers.append((stream.row, leader.row))
            else:
                frames, _ = frames_to_hear(stream.concealed, stream.received)
                warms_up = stream.history_id is not None and len(stream.history) == WARM_UP_FRAMES * FRAME
                by_length.setdefault((frames, warms_up), []).append(stream)
        for (frames, warms_up), equal in by_length.items():
            rows = np.array([stream.row for stream in equal])
            part = self._warmed_up(equal, frames) if warms_up else take(self._state, rows)
            first = [frames_to_hear(stream.concealed, stream.received)[1] for stream in equal]
            pcm = np.stack([stream.history[-frames * FRAME :] for stream in equal]).astype(np.float32)
            hear(self._network, part, pcm / _FULL_SCALE, np.array(first))
            put(self._state, rows, part)
        if followers:
            to, of = np.array(followers).T
            put(self._state, to, take(self._state, of))

    def _warmed_up(self, streams: Sequence[ConcealmentStream], frames: int) -> PlcState:
        """Return new states whose predictor has analysed the histories without their last frames."""
        older = np.stack([stream.history[: -frames * FRAME] for stream in streams]).astype(np.float32)
        analysed, warmed = plc_state(len(streams)), plc_state(len(streams))
        hear(self._network, analysed, older / _FULL_SCALE, np.zeros(len(streams), np.int64))
        warmed.units_1[:], warmed.units_2[:] = analysed.units_1, analysed.units_2
        # Before a gap the state of two frames ago counts.
        warmed.units_1[:, 1:], warmed.units_2[:, 1:] = analysed.units_1[:, :1], analysed.units_2[:, :1]
        return warmed

    def _synthesize_batch(self, vocoder: str, gaps: Sequence[Gap]) -> list[Pcm16]:
        """Return the sound of a vocoder's gaps, given in order of length, the longest first."""
        rows = np.array([gap.stream.row for gap in gaps])
        state = take(self._state, rows)
        longest = gaps[0].frames
        given = np.zeros((len(gaps), AHEAD + longest, FEATURES), np.float32)
        known = np.zeros((len(gaps), AHEAD + longest), bool)
        for row, gap in enumerate(gaps):
            given[row, : AHEAD + gap.frames] = gap.given
            known[row, : AHEAD + gap.frames] = gap.known
        synthesize = self._by_fargan if vocoder == FARGAN else self._by_vocoder
        sounds = synthesize(gaps, state, given, known)
        goes_on = np.array([not gap.is_last for gap in gaps])
        put(self._state, rows[goes_on], take(state, goes_on))
        return sounds

    def _by_fargan(
        self, gaps: Sequence[Gap], state: PlcState, given: Floats, known: NDArray[np.bool_]
    ) -> list[Pcm16]:
        """Return the sound of gaps; FARGAN's state is kept from one gap of a stream to the next."""
        past = np.stack([gap.past(PAST) for gap in gaps])
        start_gap(self._network, state, past, given[:, :AHEAD], known[:, :AHEAD])
        sounds = np.empty((len(gaps), gaps[0].frames * FRAME), np.int16)
        for frame, count in enumerate(_counts(gaps)):
            now = slice(AHEAD + frame, AHEAD + frame + 1)
            made = np.empty((count, FRAME), np.float32)
            conceal(self._network, prefix(state, count), given[:count, now], known[:count, now], made)
            sounds[:count, frame * FRAME : (frame + 1) * FRAME] = made * _FULL_SCALE
        return [sound[: gap.frames * FRAME].copy() for gap, sound in zip(gaps, sounds, strict=True)]

    def _by_vocoder(
        self, gaps: Sequence[Gap], state: PlcState, given: Floats, known: NDArray[np.bool_]
    ) -> list[Pcm16]:
        """Return the sound of gaps of one vocoder, whose features are all predicted before."""
        past_features = state.queue.copy()
        start_features(self._network, state, given[:, :AHEAD], known[:, :AHEAD])
        features = np.empty(given.shape, np.float32)
        features[:, :AHEAD] = state.queue[:, -AHEAD:]
        for frame, count in enumerate(_counts(gaps), start=AHEAD):
            now = slice(frame, frame + 1)
            features[:count, now] = gap_features(
                self._network, prefix(state, count), given[:count, now], known[:count, now]
            )
        return vocode(
            gaps[0].vocoder,
            [
                VocoderGap(
                    gap.past(PAST_SAMPLES),
                    past_features[row],
                    features[row, : AHEAD + gap.frames].copy(),
                    gap.seed,
                )
                for row, gap in enumerate(gaps)
            ],
        )


def _counts(gaps: Sequence[Gap]) -> list[int]:
    """Return for each frame the number of gaps that have it, the longest gap first."""
    lengths = np.array([gap.frames for gap in gaps])
    return [int(np.count_nonzero(lengths > frame)) for frame in range(gaps[0].frames)]


def _leaders(gaps: Sequence[Gap]) -> list[int]:
    """Return for each gap the index of a gap that begins with the same sound, often its own.

    The last gaps of streams with equal histories begin equally if no features are known: FARGAN's longest
    leads. Another vocoder may hear the end of a gap before it makes the beginning, so its leader has the
    same length.
    """
    longest: dict[object, int] = {}
    beginnings = [_beginning(gap) for gap in gaps]
    for index in sorted(range(len(gaps)), key=lambda index: -gaps[index].frames):
        longest.setdefault(beginnings[index], index)
    return [index if begin is None else longest[begin] for index, begin in enumerate(beginnings)]


def _beginning(gap: Gap) -> object:
    """Return the same value for gaps that begin with the same sound; None if that is not known."""
    if gap.stream.history_id is None or not gap.is_last or gap.known.any():
        return None
    return gap.stream.history_id, gap.vocoder, 0 if gap.vocoder == FARGAN else gap.frames
