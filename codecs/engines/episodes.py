"""The episodes of a call: where it may sound different from the decoding without loss.

An episode begins with a frame that is not decoded from its own packet. It ends when enough frames in a row
are. Equal episodes of calls over the same packets have the same sound, which is decoded once for all of them.
An example, with frames of 20 ms::

    frame         10  11  12  13  14  15  16  17  18  19  20  21  22  23
    arrived       yes yes -   -   yes yes -   -   yes yes yes yes yes yes
    action        D   D   C   C   D   D   C   L   D   D   D   D   D   D
    episode               [-------- 12 to 18 ----)
    stretches             [C   C | D   D )[C | L )
    tail                                          [D   D )          until it agrees
    result        lossless[-- patch: episode and tail ----)lossless

``D`` decodes the frame's own packet, ``L`` the LBRR of the next one, ``C`` conceals. The patch begins with
the decoder's state just before frame 12 of the decoding without loss; its tail ends when the two agree.
"""

from typing import NamedTuple

import numpy as np

from testbed.codecs.concealers import PlacedConcealer
from testbed.codecs.engines.engine import Job
from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.codecs.recovery import Action

REMEMBERED_MS = 60
"""Shortest received sound between two episodes.

libopus remembers longer: its concealment analyses the last 150 ms, and its decoder is within -30 dB of one
without loss 60 to 80 ms after a gap. But with 60 ms the mean scores of the schemes are as close to libopus's
as with 150 ms; with 20 ms PLCMOS is 0.01 lower. The shorter it is, the more episodes are equal.
"""
_CONCEALED = (Action.CONCEAL, Action.DECODE_DRED)


class Stretch(NamedTuple):
    """A gap and the frames decoded after it, counted from the start of their episode.

    Attributes
    ----------
    begin
        The first frame; the first concealed one, if any are concealed.
    concealed
        The first frame that is not concealed.
    end
        The first frame after the stretch.
    """

    begin: int
    concealed: int
    end: int


class Episode(NamedTuple):
    """One episode; equal ones have the same sound.

    Attributes
    ----------
    start
        Its first frame.
    actions
        The `Action` of each frame, up to the last one that is not `DECODE`.
    sources
        For each frame, how many frames later the packet is that the action needs; 0 for its own or none.
    is_first
        Whether it is the first of its call: concealment then has no earlier gap to remember.
    vocoder
        The vocoder of its gaps.
    concealer
        The concealer of its gaps, if it is not libopus.
    """

    start: int
    actions: bytes
    sources: tuple[int, ...]
    is_first: bool
    vocoder: str
    concealer: PlacedConcealer | None

    @property
    def stop(self) -> int:
        """The frame after the last one that is not `DECODE`."""
        return self.start + len(self.actions)

    def stretches(self) -> list[Stretch]:
        """Return its stretches in order; they cover all of it."""
        found: list[Stretch] = []
        position, count = 0, len(self.actions)
        while position < count:
            begin = position
            while position < count and self.actions[position] in _CONCEALED:
                position += 1
            concealed = position
            while position < count and self.actions[position] not in _CONCEALED:
                position += 1
            found.append(Stretch(begin, concealed, position))
        return found

    def gaps(self) -> list[tuple[int, tuple[int, ...]]]:
        """Return the gap of each stretch: its first frame in the call, and the `sources` of its frames."""
        return [
            (self.start + begin, self.sources[begin:concealed]) for begin, concealed, _ in self.stretches()
        ]


def episodes(job: Job) -> list[Episode]:
    """Return the episodes of a call, in order."""
    concealer = job.concealer if isinstance(job.concealer, PlacedConcealer) else None
    # What a concealer hears of the past is what the receiver heard.
    remembered_ms = REMEMBERED_MS if concealer is None else max(REMEMBERED_MS, concealer.parameters.past_ms)
    apart = -(-remembered_ms * SAMPLE_RATE_HZ // 1000 // job.frame_samples)
    other = np.flatnonzero(job.actions != Action.DECODE)
    if not other.size:
        return []
    breaks = np.flatnonzero(np.diff(other) > apart)
    starts = other[np.append(0, breaks + 1)].tolist()
    stops = (other[np.append(breaks, other.size - 1)] + 1).tolist()
    later = np.where(job.actions == Action.CONCEAL, 0, job.sources - np.arange(len(job.sources))).tolist()
    actions = job.actions.tobytes()
    return [
        Episode(
            start, actions[start:stop], tuple(later[start:stop]), start == starts[0], job.vocoder, concealer
        )
        for start, stop in zip(starts, stops, strict=True)
    ]
