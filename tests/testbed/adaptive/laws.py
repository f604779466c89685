"""Laws that hold for all that an adaptive receiver plays."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from testbed.adaptive.depacketizer import MediaClock
from testbed.adaptive.packet_buffer import BufferedPacket
from testbed.adaptive.played import Edit, EditKind, Played
from testbed.codecs.recovery import Recovery
from testbed.timeline import NEVER

from .streams import PER_MS, sound_at

INSERTED = (EditKind.INSERTED_PERIOD, EditKind.INSERTED_TIME)
_LONGEST_PERIOD = 15 * PER_MS
_LONGEST_JOIN = 40 * PER_MS


def check_order(decoded: list[BufferedPacket]) -> None:
    """Nothing is decoded twice, nothing after what follows it."""
    for before, after in pairwise(decoded):
        assert before.end <= after.start, (before, after)


def check_length(played: Played, media: MediaClock) -> None:
    """The sound is as long as the media, and what was inserted and left out."""
    inserted = sum(edit.samples for edit in played.edits if edit.kind in INSERTED)
    left_out = sum(edit.samples for edit in played.edits if edit.kind not in INSERTED)
    assert len(played.pcm) == media.samples + inserted - left_out
    assert all(edit.samples > 0 for edit in played.edits)


def check_frames(played: Played, decoded: list[BufferedPacket], media: MediaClock) -> None:
    """Frames are played in order, and count as received if they were decoded."""
    played_ns = played.played_ns[played.played_ns != NEVER]
    assert (np.diff(played_ns) >= 0).all()
    end_ns = played.start_ns + len(played.pcm) * 62_500
    assert (played_ns >= played.start_ns).all() and (played_ns <= end_ns).all()
    heard = np.zeros(media.samples, bool)
    for packet in decoded:
        heard[packet.start : packet.end] = True
    shares = heard.reshape(media.frames, media.frame_samples).mean(1)
    is_heard = np.isin(played.recovered_by, (Recovery.PRIMARY, Recovery.RED))
    assert (shares[is_heard] > 0).all()


def check_sound(played: Played, media: MediaClock) -> None:
    """Each sample is that of its media time, except where it was concealed, joined or crossfaded."""
    times, is_certain = media_times(played, media)
    wrong = is_certain & (played.pcm != sound_at(times))
    assert not wrong.any(), (np.flatnonzero(wrong)[:5], played.edits, played.concealments)


def media_times(played: Played, media: MediaClock) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the media time of each sample, and whether its sound is that of the decoder."""
    times: list[NDArray[np.int64]] = []
    uncertain: list[tuple[int, int]] = [
        (each.start_sample - _LONGEST_PERIOD, each.start_sample + each.samples + _LONGEST_JOIN)
        for each in played.concealments
    ]
    now = size = 0
    for edit in [*played.edits, Edit(EditKind.SKIPPED, media.samples, 0)]:
        assert edit.media_sample >= now, "edits are in order"
        times.append(np.arange(now, edit.media_sample))
        size += edit.media_sample - now
        now = edit.media_sample
        if edit.kind in INSERTED:
            times.append(np.full(edit.samples, now))
            size += edit.samples
            uncertain.append((size - edit.samples - _LONGEST_PERIOD, size + _LONGEST_JOIN))
        else:
            now += edit.samples
            uncertain.append((size - _LONGEST_PERIOD, size + _LONGEST_JOIN))
    is_certain = np.ones(size, bool)
    for begin, end in uncertain:
        is_certain[max(0, begin) : max(0, end)] = False
    return np.concatenate(times), is_certain
