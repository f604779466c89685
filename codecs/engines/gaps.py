"""The sound of gaps, many at a time: what libopus's networks would say, by the kernels.

A stream is one decoder's concealment: it remembers from gap to gap, as libopus's does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

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

Floats = NDArray[np.float32]

WARM_FRAMES = 2 * MAX_HEARD
"""Frames of 10 ms of which a stream that had earlier gaps hears the older ones only to warm the predictor.

libopus's predictor remembers the gaps before. One that begins at 0 and hears 150 ms expects too little
(PLCMOS of neural PLC is 0.04 lower at bursts of 4), one that heard 600 ms of clean speech too much where most
is lost (0.05 higher at 40 % in bursts of 6).
"""
_FULL_SCALE = np.float32(32768)
_TOGETHER = 256
"""Gaps that are worked on together: their states stay in the processor's cache."""


@dataclass
class Stream:
    """One decoder's past, as its concealment knows it.

    Attributes
    ----------
    row
        Which of the states is its own.
    heard
        int16: what it was told so far; the last 150 ms at least, at first up to twice that.
    concealed, received
        Frames of 10 ms of the last gap (0: there was none), and since then.
    fresh
        What tells its past from others' until it takes notice of anything; then None.
    """

    row: int
    heard: Pcm16
    concealed: int
    received: int
    fresh: object = None

    def hear(self, pcm: Pcm16) -> None:
        """Take notice of sound that was received."""
        self.heard = np.concatenate((self.heard, pcm))[-MAX_HEARD * FRAME :]
        self.received, self.fresh = self.received + len(pcm) // FRAME, None

    def conceal(self, pcm: Pcm16) -> None:
        """Take notice of a gap's sound."""
        self.heard = np.concatenate((self.heard, pcm))[-MAX_HEARD * FRAME :]
        self.concealed, self.received, self.fresh = len(pcm) // FRAME, 0, None


@dataclass(frozen=True)
class Gap:
    """A gap to be filled.

    Attributes
    ----------
    stream
        Whose.
    given, known
        float32 (frames + 2, 20) and bool (frames + 2,): the features that redundancy brought, see
        `testbed.kernels.plc.conceal`; the first two lie ahead.
    is_last
        Whether no other gap of the stream comes after it.
    """

    stream: Stream
    given: Floats
    known: NDArray[np.bool_]
    is_last: bool

    @property
    def frames(self) -> int:
        """Its length in frames of 10 ms."""
        return len(self.known) - AHEAD


@lru_cache(maxsize=2)
def _network(weights: Path) -> PlcNetwork:
    return plc_network(read_blob(weights))


class GapSound:
    """Concealment for a number of streams.

    Parameters
    ----------
    weights
        libopus's weights blob.
    streams
        How many there are.
    """

    def __init__(self, weights: Path, streams: int) -> None:
        self._network = _network(weights)
        self._state = plc_state(streams)

    def fill(self, gaps: Sequence[Gap]) -> list[Pcm16]:
        """Return the sound of gaps of different streams, and let the streams take notice of it."""
        sources = _sources(gaps)
        order = sorted(set(sources), key=lambda index: -gaps[index].frames)
        self._hear([gaps[index].stream for index in order])
        made: dict[int, Pcm16] = {}
        for begin in range(0, len(order), _TOGETHER):
            part = order[begin : begin + _TOGETHER]
            made.update(zip(part, self._conceal([gaps[index] for index in part]), strict=True))
        sounds = [made[source][: gap.frames * FRAME] for gap, source in zip(gaps, sources, strict=True)]
        for gap, sound in zip(gaps, sounds, strict=True):
            gap.stream.conceal(sound)
        return sounds

    def _hear(self, streams: Sequence[Stream]) -> None:
        """Bring the states of streams up to date; those of the same past are worked out once."""
        alike: dict[tuple[int, bool], list[Stream]] = {}
        leaders: dict[object, Stream] = {}
        followers: list[tuple[int, int]] = []
        for stream in streams:
            leader = stream if stream.fresh is None else leaders.setdefault(stream.fresh, stream)
            if leader is not stream:
                followers.append((stream.row, leader.row))
            else:
                frames, _ = frames_to_hear(stream.concealed, stream.received)
                warm = stream.fresh is not None and len(stream.heard) == WARM_FRAMES * FRAME
                alike.setdefault((frames, warm), []).append(stream)
        for (frames, warm), heard in alike.items():
            rows = np.array([stream.row for stream in heard])
            part = self._warmed(heard, frames) if warm else take(self._state, rows)
            first = [frames_to_hear(stream.concealed, stream.received)[1] for stream in heard]
            pcm = np.stack([stream.heard[-frames * FRAME :] for stream in heard]).astype(np.float32)
            hear(self._network, part, pcm / _FULL_SCALE, np.array(first))
            put(self._state, rows, part)
        if followers:
            to, of = np.array(followers).T
            put(self._state, to, take(self._state, of))

    def _warmed(self, streams: Sequence[Stream], frames: int) -> PlcState:
        """Return new states whose predictor heard what lies before the last frames."""
        older = np.stack([stream.heard[: -frames * FRAME] for stream in streams]).astype(np.float32)
        hearing, warmed = plc_state(len(streams)), plc_state(len(streams))
        hear(self._network, hearing, older / _FULL_SCALE, np.zeros(len(streams), np.int64))
        warmed.units_1[:], warmed.units_2[:] = hearing.units_1, hearing.units_2
        # What counts before a gap is what was known two frames ago.
        warmed.units_1[:, 1:], warmed.units_2[:, 1:] = hearing.units_1[:, :1], hearing.units_2[:, :1]
        return warmed

    def _conceal(self, gaps: Sequence[Gap]) -> list[Pcm16]:
        """Make the sound of gaps, the longest of which come first."""
        rows = np.array([gap.stream.row for gap in gaps])
        state = take(self._state, rows)
        longest = gaps[0].frames
        past = np.zeros((len(gaps), PAST), np.float32)
        given = np.zeros((len(gaps), AHEAD + longest, FEATURES), np.float32)
        known = np.zeros((len(gaps), AHEAD + longest), bool)
        for row, gap in enumerate(gaps):
            last = gap.stream.heard[-PAST:]
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


def _sources(gaps: Sequence[Gap]) -> list[int]:
    """Return for each gap the index of one that begins with the same sound: often it is itself.

    All last gaps of streams of the same past begin alike if nothing of them is known: the longest is enough.
    """
    longest: dict[object, int] = {}
    pasts = [gap.stream.fresh if gap.is_last and not gap.known.any() else None for gap in gaps]
    for index in sorted(range(len(gaps)), key=lambda index: -gaps[index].frames):
        longest.setdefault(pasts[index], index)
    return [index if past is None else longest[past] for index, past in enumerate(pasts)]
