"""Sound that a receiver played, and its place on the media clock."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.pcm import Pcm16


class EditKind(IntEnum):
    """Cause of a difference between played time and media time.

    Attributes
    ----------
    REMOVED_PERIOD
        A pitch period was removed by a crossfade (accelerate).
    INSERTED_PERIOD
        A pitch period was repeated with a crossfade (preemptive expand).
    INSERTED_TIME
        Time was played that stands for no media: a stall, or concealment longer than its gap.
    SKIPPED
        Media were never played, nor concealed.
    """

    REMOVED_PERIOD = 0
    INSERTED_PERIOD = 1
    INSERTED_TIME = 2
    SKIPPED = 3


class Edit(NamedTuple):
    """One difference between played time and media time.

    Attributes
    ----------
    kind
        Its cause.
    media_sample
        Its place: samples at 16 kHz after the first sample of the call's first frame, codec delay included as
        in decoded sound. For what was removed or skipped, the first sample that is missing; for what was
        inserted, the sample before which it was played.
    samples
        Its length; more than 0.
    """

    kind: EditKind
    media_sample: int
    samples: int

    @property
    def inserted(self) -> int:
        """Its samples if they were inserted; negative if they were removed or skipped."""
        is_inserted = self.kind in (EditKind.INSERTED_PERIOD, EditKind.INSERTED_TIME)
        return self.samples if is_inserted else -self.samples


class Concealment(NamedTuple):
    """Concealed sound without a break.

    Attributes
    ----------
    start_sample
        Its first sample in `Played.pcm`.
    samples
        Its length.
    """

    start_sample: int
    samples: int


@dataclass(frozen=True)
class BufferLevels:
    """The jitter buffer over time, once per tick of 10 ms.

    Attributes
    ----------
    at_ns
        The times.
    buffer_ms
        Sound in the packets that wait, and decoded sound that was not played yet.
    target_ms
        The controller's target delay.
    """

    at_ns: NDArray[np.int64]
    buffer_ms: NDArray[np.float64]
    target_ms: NDArray[np.float64]


@dataclass(frozen=True)
class Waits:
    """Waits of decoded packets in the jitter buffer, in the order of decoding.

    Attributes
    ----------
    at_ns
        Time of decoding.
    waited_ns
        Time since the arrival of the packet.
    samples
        Length of its sound at 16 kHz.
    """

    at_ns: NDArray[np.int64]
    waited_ns: NDArray[np.int64]
    samples: NDArray[np.int64]


class Heard(NamedTuple):
    """Sound of a clip as it was heard.

    Attributes
    ----------
    pcm
        int16 at 16 kHz, without the codec's delay: the clip's samples, plus what was inserted, minus what was
        removed or skipped.
    edits
        These edits; their `media_sample` counts from the clip's first sample.
    """

    pcm: Pcm16
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True)
class Played:
    """Sound that an adaptive receiver played.

    Its length is that of the media plus what was inserted, minus what was removed or skipped. Time concealed
    in place of lost media of equal length is no edit.

    Attributes
    ----------
    pcm
        The sound without a break, mono at 16 kHz; the codec's delay is not removed.
    start_ns
        Time at which its first sample was played.
    edits
        All edits in playing order.
    played_ns
        By frame of the call, the time at which its first sample was played; if that was removed or skipped,
        at which it was passed over; `testbed.timeline.NEVER` for a frame that was not played at all.
    recovered_by, source_frame
        By frame, as in `testbed.timeline.Timeline`. A frame counts as what most of its samples were played
        from; a skipped frame counts as concealed.
    concealments
        All concealments in playing order.
    levels
        The jitter buffer over time.
    waits
        Waits of the packets.
    """

    pcm: Pcm16 = field(repr=False)
    start_ns: int
    edits: Sequence[Edit] = field(repr=False)
    played_ns: NDArray[np.int64] = field(repr=False)
    recovered_by: NDArray[np.uint8] = field(repr=False)
    source_frame: NDArray[np.int32] = field(repr=False)
    concealments: Sequence[Concealment] = field(repr=False)
    levels: BufferLevels = field(repr=False)
    waits: Waits = field(repr=False)

    def heard(self, first: int, samples: int) -> Heard:
        """Return the sound of a part of the media.

        Parameters
        ----------
        first, samples
            Its first sample, and its length.
        """
        last, before, until, inside = first + samples, 0, 0, list[Edit]()
        for edit in self.edits:
            kind, at, size = edit
            if edit.inserted > 0:
                before += size if at <= first else 0
                until += size if at < last else 0
                if first < at < last:
                    inside.append(Edit(kind, at - first, size))
                continue
            before -= max(0, min(at + size, first) - at)
            until -= max(0, min(at + size, last) - at)
            begin, end = max(at, first), min(at + size, last)
            if begin < end:
                inside.append(Edit(kind, begin - first, end - begin))
        return Heard(self.pcm[first + before : last + until], tuple(inside))
