"""The sound of gaps, synthesized by our kernels for many decoders together, as libopus's networks would."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.pcm import Pcm16
from testbed.kernels.bark import FEATURES, FRAME
from testbed.kernels.batch import prefix, put, take
from testbed.kernels.fargan import PAST
from testbed.kernels.plc import (
    AHEAD,
    MAX_HEARD,
    PlcNetwork,
    PlcState,
    conceal,
    frames_to_hear,
    hear,
    plc_network,
    plc_state,
    start_gap,
)
from testbed.kernels.weights import read_blob

WARM_UP_FRAMES = 2 * MAX_HEARD
"""History in 10 ms frames of a stream that had earlier gaps; the older half only warms up the predictor.

libopus's predictor remembers earlier gaps. One that starts from zero and analyses 150 ms predicts too little
(PLCMOS of neural PLC is 0.04 lower in bursts of 4). One that analysed 600 ms of clean speech predicts too
much where most is lost (PLCMOS is 0.05 higher at 40 % loss in bursts of 6).
"""
_FULL_SCALE = np.float32(32768)
_MAX_BATCH = 256
"""Gaps that are synthesized together: their states fit into the processor's cache."""


class HistoryId(NamedTuple):
    """Identifies the received sound before an episode: streams with equal ones have equal histories.

    Attributes
    ----------
    encoding
        The decoding without loss that the sound is of.
    start
        The episode's first frame.
    is_first
        Whether there was no earlier gap.
    """

    encoding: object
    start: int
    is_first: bool


@dataclass
class ConcealmentStream:
    """The concealment of one decoder, which remembers earlier gaps.

    Attributes
    ----------
    row
        Row of its state in the synthesizer.
    history
        int16: the sound so far; at least the last 150 ms of it, at first up to twice that.
    concealed, received
        Frames of 10 ms in the last gap (0: there was none), and since then.
    history_id
        Its history, until the stream adds sound of its own; then None.
    """

    row: int
    history: Pcm16
    concealed: int
    received: int
    history_id: HistoryId | None

    def add_received(self, pcm: Pcm16) -> None:
        """Add received sound to the history."""
        self._add(pcm)
        self.received += len(pcm) // FRAME

    def add_concealed(self, pcm: Pcm16) -> None:
        """Add the sound of a gap to the history."""
        self._add(pcm)
        self.concealed, self.received = len(pcm) // FRAME, 0

    def _add(self, pcm: Pcm16) -> None:
        self.history = np.concatenate((self.history, pcm))[-MAX_HEARD * FRAME :]
        self.history_id = None


@dataclass(frozen=True)
class Gap:
    """A gap to be concealed.

    Attributes
    ----------
    stream
        The concealment of its decoder.
    given, known
        float32 (frames + 2, 20) and bool (frames + 2,): the features from redundancy, and where there are
        any; see `testbed.kernels.plc.conceal`. The first two are ahead of the gap.
    is_last
        Whether it is the last gap of its stream.
    """

    stream: ConcealmentStream
    given: NDArray[np.float32]
    known: NDArray[np.bool_]
    is_last: bool

    @property
    def frames(self) -> int:
        """Its length in frames of 10 ms."""
        return len(self.known) - AHEAD


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
        order = sorted(set(leaders), key=lambda index: -gaps[index].frames)
        self._analyse([gaps[index].stream for index in order])
        made: dict[int, Pcm16] = {}
        for begin in range(0, len(order), _MAX_BATCH):
            part = order[begin : begin + _MAX_BATCH]
            made.update(zip(part, self._synthesize_batch([gaps[index] for index in part]), strict=True))
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

    def _synthesize_batch(self, gaps: Sequence[Gap]) -> list[Pcm16]:
        """Return the sound of gaps, given in order of length, the longest first."""
        rows = np.array([gap.stream.row for gap in gaps])
        state = take(self._state, rows)
        longest = gaps[0].frames
        past = np.zeros((len(gaps), PAST), np.float32)
        given = np.zeros((len(gaps), AHEAD + longest, FEATURES), np.float32)
        known = np.zeros((len(gaps), AHEAD + longest), bool)
        for row, gap in enumerate(gaps):
            last = gap.stream.history[-PAST:]
            past[row, PAST - len(last) :] = last / _FULL_SCALE
            given[row, : AHEAD + gap.frames] = gap.given
            known[row, : AHEAD + gap.frames] = gap.known
        start_gap(self._network, state, past, given[:, :AHEAD], known[:, :AHEAD])
        lengths = np.array([gap.frames for gap in gaps])
        sounds = np.empty((len(gaps), longest * FRAME), np.int16)
        for frame in range(longest):
            count = int(np.count_nonzero(lengths > frame))
            now = slice(AHEAD + frame, AHEAD + frame + 1)
            made = np.empty((count, FRAME), np.float32)
            conceal(self._network, prefix(state, count), given[:count, now], known[:count, now], made)
            sounds[:count, frame * FRAME : (frame + 1) * FRAME] = made * _FULL_SCALE
        goes_on = np.array([not gap.is_last for gap in gaps])
        put(self._state, rows[goes_on], take(state, goes_on))
        return [sound[: gap.frames * FRAME].copy() for gap, sound in zip(gaps, sounds, strict=True)]


def _leaders(gaps: Sequence[Gap]) -> list[int]:
    """Return for each gap the index of a gap that begins with the same sound, often its own.

    The last gaps of streams with equal histories begin equally if no features are known: the longest leads.
    """
    longest: dict[HistoryId | None, int] = {}
    histories = [gap.stream.history_id if gap.is_last and not gap.known.any() else None for gap in gaps]
    for index in sorted(range(len(gaps)), key=lambda index: -gaps[index].frames):
        longest.setdefault(histories[index], index)
    return [index if history is None else longest[history] for index, history in enumerate(histories)]
