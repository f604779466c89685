"""The clean signals that a sound is compared with: the clip, and the clip with the sound's own stretches."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from testbed.adaptive.played import Edit, EditKind
from testbed.metrics import METRICS
from testbed.metrics.metric import Signal


@dataclass(frozen=True)
class References:
    """The references of one sound.

    Attributes
    ----------
    clip
        The clip as it was sent.
    edits
        Those of the sound; see `testbed.adaptive.played.Heard`.
    """

    clip: Signal
    edits: Sequence[Edit] = ()

    def of(self, metric: str) -> Signal:
        """Return the reference that a metric needs; see `testbed.metrics.metric.Metric.reference`."""
        return self._warped if METRICS[metric].reference == "warped" else self.clip

    @cached_property
    def _warped(self) -> Signal:
        return warped(self.clip, self.edits)


def warped(clip: Signal, edits: Iterable[Edit]) -> Signal:
    """Return a clip with the same edits as a sound: equal crossfades, and silence where time was inserted."""
    from testbed.kernels.time_stretch import insert_period, remove_period

    sound, offset = clip, 0
    for kind, media_sample, samples in edits:
        at = media_sample - offset
        if kind == EditKind.REMOVED_PERIOD and samples <= at <= len(sound) - samples:
            sound = remove_period(sound, at - samples, samples)
            offset += samples
        elif kind in (EditKind.REMOVED_PERIOD, EditKind.SKIPPED):
            sound = np.concatenate([sound[:at], sound[at + samples :]])
            offset += samples
        elif kind == EditKind.INSERTED_PERIOD and samples <= at <= len(sound) - samples:
            sound = insert_period(sound, at, samples)
            offset -= samples
        else:
            sound = np.concatenate([sound[:at], np.zeros(samples, sound.dtype), sound[at:]])
            offset -= samples
    return sound
