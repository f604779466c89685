"""The media map against a list with an entry for each sample."""

import random

import numpy as np
import pytest

from testbed.adaptive.media_map import MediaMap
from testbed.adaptive.played import EditKind, Played
from testbed.codecs.recovery import Recovery

SIZE = 3000
FRAME = 50


class PlainMap:
    """Meaning of each sample: its media time, or -1; all that `MediaMap` notes, sample by sample."""

    def __init__(self) -> None:
        self.samples: list[int] = []
        self.end = 0

    def play(self, rng: random.Random, noted: MediaMap) -> None:
        """Do one thing at random to both maps."""
        kind = rng.choice("ddddcri")
        if kind == "c":
            count = rng.randrange(1, 90)
            noted.conceal(count, Recovery.PLC)
            self.samples += [-2] * count
        elif kind == "d":
            gap, count = rng.choice([0, 0, 0, 30, 60]), rng.randrange(1, 90)
            noted.decode(count, self.end + gap, Recovery.PRIMARY, 0)
            open_gap = [place for place, media in enumerate(self.samples) if media == -2]
            for number, place in enumerate(open_gap):
                self.samples[place] = self.end + number if number < gap else -1
            self.end += gap + count
            self.samples += range(self.end - count, self.end)
        elif -2 not in self.samples and len(self.samples) > 200:
            at, count = len(self.samples) - rng.randrange(60, 120), rng.randrange(1, 50)
            if kind == "r":
                noted.remove_period(at, count)
                del self.samples[at : at + count]
            else:
                noted.insert_period(at, count)
                self.samples[at:at] = [-1] * count


@pytest.mark.parametrize("seed", range(40))
def test_edits_and_frames_are_those_of_the_samples(seed: int) -> None:
    rng, plain, noted = random.Random(seed), PlainMap(), MediaMap(SIZE)
    while plain.end < SIZE:
        plain.play(rng, noted)
        assert noted.sound_size == len(plain.samples)
    size = noted.finish()
    media = [each for each in plain.samples if each < SIZE][:size]
    edits = list(noted.edits())
    assert size == SIZE + sum(edit.inserted for edit in edits)
    missing = sorted(set(range(SIZE)) - set(media))
    removed = [
        sample
        for edit in edits
        if edit.kind in (EditKind.REMOVED_PERIOD, EditKind.SKIPPED)
        for sample in range(edit.media_sample, edit.media_sample + edit.samples)
    ]
    assert removed == missing
    inserted = [edit for edit in edits if edit.kind in (EditKind.INSERTED_PERIOD, EditKind.INSERTED_TIME)]
    assert sum(edit.samples for edit in inserted) == media.count(-1)
    first, _, _ = noted.frames(SIZE // FRAME, FRAME)
    for frame, place in enumerate(first.tolist()):
        of_frame = [index for index, each in enumerate(media) if each // FRAME == frame and each >= 0]
        if not of_frame:
            assert place == -1
        elif media[of_frame[0]] == frame * FRAME:
            assert place == of_frame[0]
        else:
            assert of_frame[0] == place


def test_decoded_sound_that_a_merge_replaces_is_skipped() -> None:
    noted = MediaMap(SIZE)
    noted.decode(100, 0, Recovery.PRIMARY, 0)
    noted.conceal(30, Recovery.PLC)
    noted.conceal(-34, Recovery.PLC)
    noted.decode(SIZE - 140, 140, Recovery.PRIMARY, 140)
    assert noted.finish() == SIZE - 44
    assert [tuple(edit) for edit in noted.edits()] == [(EditKind.SKIPPED, 96, 44)]


@pytest.mark.parametrize("seed", range(20))
def test_a_part_of_the_media_has_the_sound_of_just_that_part(seed: int) -> None:
    rng, plain, noted = random.Random(seed), PlainMap(), MediaMap(SIZE)
    while plain.end < SIZE:
        plain.play(rng, noted)
    media = np.array([each for each in plain.samples if each < SIZE][: noted.finish()], np.int16)
    nothing = np.zeros(0, np.int64)
    played = Played(media, 0, tuple(noted.edits()), nothing, nothing, nothing, (), None, None)
    first, samples = rng.randrange(1, 500), 2000
    heard = played.heard(first, samples)
    assert len(heard.pcm) == samples + sum(edit.inserted for edit in heard.edits)
    inside = heard.pcm[heard.pcm >= 0]
    assert inside.tolist() == [each for each in media.tolist() if first <= each < first + samples]
    assert heard.pcm[0] >= first
