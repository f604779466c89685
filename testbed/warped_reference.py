"""The clip sent through the edits of an adaptive receiver, so that it is aligned with what was heard."""

from collections.abc import Iterable

import numpy as np

from testbed.adaptive.played import Edit, EditKind
from testbed.metrics.metric import Signal


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
