"""The sample of a run: its speakers where all are known and at least five, else its clips."""

import pytest

from testbed.speakers import FEWEST_SPEAKERS, known_speakers, resampled_speakers


def run(*speakers: str) -> tuple[dict[str, object], list[str]]:
    """Return a manifest and the clips of the given speakers, one each."""
    clips = [f"clip{number}" for number in range(len(speakers))]
    names = zip(clips, speakers, strict=True)
    return {"clips": [{"name": clip, "speaker": speaker} for clip, speaker in names]}, clips


def test_enough_speakers_with_several_clips_are_the_sample() -> None:
    manifest, clips = run(*"abcdeab")
    assert resampled_speakers(manifest, clips) == dict(zip(clips, "abcdeab", strict=True))
    assert FEWEST_SPEAKERS == 5


@pytest.mark.parametrize("speakers", ["abcdabcd", "abcdef"])
def test_few_speakers_or_one_clip_of_each_leave_the_clips_the_sample(speakers: str) -> None:
    assert resampled_speakers(*run(*speakers)) == {}


def test_a_clip_of_an_unknown_speaker_leaves_the_clips_the_sample() -> None:
    manifest, clips = run("a", "b", "c", "d", "e", "a", "")
    assert known_speakers(manifest, clips) == resampled_speakers(manifest, clips) == {}
    assert len(resampled_speakers(manifest, clips[:6])) == 6


def test_only_the_clips_of_the_rows_count() -> None:
    manifest, clips = run(*"aabbccddee")
    assert resampled_speakers(manifest, clips[:8]) == {}
    assert len(known_speakers(manifest, clips[:8])) == 8
