"""The clean signals that a sound is compared with: the clip, and the clip with the sound's own stretches."""

from collections.abc import Sequence
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


def warped(clip: Signal, edits: Sequence[Edit]) -> Signal:
    """Return a clip with the same edits as a sound: equal crossfades, and silence where time was inserted.

    Parameters
    ----------
    clip
        Samples (n,).
    edits
        Edits in playing order, so that none begins before the end of the last.
    """
    from testbed.kernels.time_stretch import insert_period, remove_period

    made = np.zeros(len(clip) + sum(edit.inserted for edit in edits), clip.dtype)
    played = media = 0
    for kind, at, samples in edits:
        made[played : played + at - media] = clip[media:at]
        played, media = played + at - media, at
        around = np.concatenate((made[max(0, played - samples) : played], clip[media : media + samples]))
        has_periods = len(around) == 2 * samples
        if kind == EditKind.REMOVED_PERIOD and has_periods:
            made[played - samples : played] = remove_period(around, 0, samples)
        elif kind == EditKind.INSERTED_PERIOD and has_periods:
            repeated = insert_period(around, samples, samples)
            made[played : played + samples] = repeated[samples : 2 * samples]
        if kind in (EditKind.REMOVED_PERIOD, EditKind.SKIPPED):
            media += samples
        else:
            played += samples
    made[played:] = clip[media:]
    return made
