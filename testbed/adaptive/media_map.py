"""The map from played samples to media time: what each stretch of sound stands for."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from testbed.adaptive.played import Concealment, Edit, EditKind
from testbed.codecs.recovery import Recovery
from testbed.timeline import NEVER

_MEDIA = None


@dataclass(slots=True)
class SoundRun:
    """A stretch of sound of one origin.

    Attributes
    ----------
    start
        Its first sample in the sound.
    samples
        Its length in the sound; 0 for a removed period.
    media
        Media time of its first sample; for one that stands for no media, of the sample after it.
    kind
        None for media that are played or concealed in full length; else the edit.
    source
        What it was played from.
    carrier
        Media time of the primary of the packet that it came from; `NEVER` for none.
    removed
        For a removed period, its length.
    """

    start: int
    samples: int
    media: int
    kind: EditKind | None
    source: Recovery
    carrier: int
    removed: int = 0


class MediaMap:
    """The runs of a call's sound, in playing order.

    A gap is open while its length is not known: what is concealed in it stands for lost media as far as they
    turn out to be missing, and for no media beyond.

    Parameters
    ----------
    size
        Media time at which the call ends, in samples.

    Attributes
    ----------
    end
        Media time after all that was decoded.
    concealed
        Length of the open gap's sound.
    """

    def __init__(self, size: int) -> None:
        self.end = 0
        self.concealed = 0
        self._gap_source = Recovery.PLC
        self._size = size
        self._runs: list[SoundRun] = []

    @property
    def sound_size(self) -> int:
        """Length of the sound, that of the open gap included."""
        last = self._runs[-1] if self._runs else None
        return self.concealed + (last.start + last.samples if last else 0)

    def conceal(self, samples: int, source: Recovery) -> None:
        """Note sound that was made in the open gap: `Recovery.PLC`, or `Recovery.DTX` for comfort noise.

        Parameters
        ----------
        samples
            Its length; negative for what a merge replaced, which may begin with the end of decoded sound.
        """
        if source != self._gap_source and self.concealed:
            self._settle(self.end + self.concealed)
        self._gap_source = source
        self.concealed += samples
        if self.concealed < 0:
            self._runs[-1].samples += self.concealed
            self.concealed = 0

    def decode(self, samples: int, media: int, source: Recovery, carrier: int) -> None:
        """Note decoded sound, which closes the gap before it."""
        self._settle(media)
        last = self._runs[-1] if self._runs else None
        if (
            last is not None
            and last.kind is _MEDIA
            and last.media + last.samples == media
            and (last.source, last.carrier) == (source, carrier)
        ):
            last.samples += samples
        else:
            self._runs.append(SoundRun(self.sound_size, samples, media, _MEDIA, source, carrier))
        self.end = media + samples

    def _settle(self, media: int) -> None:
        """Divide the sound of the open gap, which ends at a media time, into lost media and inserted time."""
        lost = min(self.concealed, max(0, media - self.end))
        start = self.sound_size - self.concealed
        inserted, self.concealed = self.concealed - lost, 0
        if lost:
            self._runs.append(SoundRun(start, lost, self.end, _MEDIA, self._gap_source, NEVER))
        if inserted:
            kind = EditKind.INSERTED_TIME
            self._runs.append(SoundRun(start + lost, inserted, media, kind, self._gap_source, NEVER))
        self.end = max(self.end, media)

    def remove_period(self, first: int, samples: int) -> None:
        """Note that the samples from `first` on were removed from decoded sound."""
        kept: list[SoundRun] = []
        removed, media = 0, None
        for run in self._cut(first):
            if run.kind is EditKind.REMOVED_PERIOD and run.start < first + samples:
                media = run.media if media is None else media
                removed += run.removed
                continue
            out = min(run.samples, max(0, first + samples - run.start))
            if run.kind is _MEDIA and out:
                media = run.media if media is None else media
                removed += out
                run.media += out
            run.samples -= out
            run.start += out - samples
            if run.samples or run.removed:
                kept.append(run)
        if media is not None:
            kind = EditKind.REMOVED_PERIOD
            self._runs.append(SoundRun(first, 0, media, kind, Recovery.PRIMARY, NEVER, removed))
        self._runs += kept

    def insert_period(self, before: int, samples: int) -> None:
        """Note that sound was inserted before a sample of decoded sound."""
        later = self._cut(before)
        origin = later[0] if later else self._runs[-1]
        media = later[0].media if later else self.end
        kind = EditKind.INSERTED_PERIOD
        self._runs.append(SoundRun(before, samples, media, kind, origin.source, origin.carrier))
        for run in later:
            run.start += samples
        self._runs += later

    def _cut(self, at: int) -> list[SoundRun]:
        """Cut the runs at a sample of the sound; remove the later ones and return them."""
        later: list[SoundRun] = []
        while (
            self._runs
            and self._runs[-1].start >= at
            and (self._runs[-1].samples or self._runs[-1].start > at)
        ):
            later.append(self._runs.pop())
        if self._runs:
            run = self._runs[-1]
            first = at - run.start
            if first < run.samples:
                media = run.media + first if run.kind is _MEDIA else run.media
                rest = SoundRun(at, run.samples - first, media, run.kind, run.source, run.carrier)
                run.samples = first
                later.append(rest)
        return later[::-1]

    def finish(self) -> int:
        """Close the open gap at the end of the call; return the length of the sound.

        Sound beyond the end of the call is left out, and so is time that was inserted behind it.
        """
        self._settle(self._size)
        self.end = max(self.end, self._size)
        while self._runs:
            run = self._runs[-1]
            if run.media < self._size and run.kind is _MEDIA:
                run.samples = min(run.samples, self._size - run.media)
                break
            if run.media < self._size:
                break
            self._runs.pop()
        return self.sound_size

    def edits(self) -> Iterator[Edit]:
        """Yield the edits in playing order; see `finish` first."""
        media = 0
        for run in self._runs:
            if run.media > media:
                yield Edit(EditKind.SKIPPED, media, run.media - media)
            media = run.media
            if run.kind is _MEDIA:
                media += run.samples
            else:
                media += run.removed
                yield Edit(run.kind, run.media, run.removed or run.samples)
        if media < self._size:
            yield Edit(EditKind.SKIPPED, media, self._size - media)

    def concealments(self) -> Iterator[Concealment]:
        """Yield the concealments in playing order."""
        start = end = 0
        for run in self._runs:
            if run.source != Recovery.PLC or not run.samples:
                continue
            if run.start != end and end > start:
                yield Concealment(start, end - start)
            if run.start != end or end == start:
                start = run.start
            end = run.start + run.samples
        if end > start:
            yield Concealment(start, end - start)

    def frames(
        self, count: int, frame_samples: int
    ) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.int32]]:
        """Return by frame the sample at which it begins, what it was played from, and the packet of that."""
        media_runs = [run for run in self._runs if run.kind is _MEDIA]
        begins = np.arange(count, dtype=np.int64) * frame_samples
        media = np.array([run.media for run in media_runs], np.int64)
        starts = np.array([run.start for run in media_runs] + [self.sound_size], np.int64)
        sizes = np.array([run.samples for run in media_runs] + [0], np.int64)
        index = np.searchsorted(media, begins, "right") - 1
        inside = begins - media[index] if len(media) else begins
        is_inside = (index >= 0) & (inside < sizes[index])
        first = np.where(is_inside, starts[index] + inside, starts[index + 1])
        shares: list[dict[tuple[int, int], int]] = [{} for _ in range(count)]
        for run in media_runs:
            origin = (int(run.source), run.carrier // frame_samples if run.carrier != NEVER else NEVER)
            at, end = run.media, run.media + run.samples
            while at < end:
                frame = at // frame_samples
                upto = min(end, (frame + 1) * frame_samples)
                if 0 <= frame < count:
                    shares[frame][origin] = shares[frame].get(origin, 0) + upto - at
                at = upto
        first[[not share for share in shares]] = NEVER
        nothing = (int(Recovery.PLC), NEVER)
        origins = [max(share, key=share.__getitem__) if share else nothing for share in shares]
        return (
            first,
            np.array([source for source, _ in origins], np.uint8),
            np.array([carrier for _, carrier in origins], np.int32),
        )
