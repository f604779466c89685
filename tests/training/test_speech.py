"""Speech to train on: recordings become features, some of them held out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from testbed.corpus_voices import CorpusVoice
from testbed.errors import SpeechError, TrainingError
from testbed.speech import PACKAGED
from testbed.training import speech as speeches
from testbed.training.features import DURATIONS
from testbed.training.speech import TrainingSpeech, load_speech


def load(*names: str | Path, with_gpl: bool = False) -> tuple[TrainingSpeech, list[str]]:
    said = list[str]()
    return load_speech([str(name) for name in names], with_gpl, said.append), said


def test_files_are_heard_at_three_speeds_and_each_tenth_is_held_out(tmp_path: Path) -> None:
    (tmp_path / "damaged.wav").write_bytes(b"RIFF")
    heard, said = load(f"{PACKAGED}/*.flac", tmp_path)
    seconds = [soundfile.info(path).duration for path in sorted(PACKAGED.glob("*.flac"))]
    assert len(heard.held_out) == pytest.approx(100 * seconds[0], abs=1)
    assert len(heard.trained) == pytest.approx(100 * sum(seconds[1:]) * sum(DURATIONS), rel=0.01)
    assert np.isfinite(heard.trained).all()
    assert said[0] == "Reading 5 recordings"
    assert said[1].startswith("Note: 1 of 5 files are left out, the first because")
    again, _ = load(f"{PACKAGED}/*.flac", tmp_path)
    assert np.array_equal(again.trained, heard.trained)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["missing.wav"], "missing.wav"),
        ([PACKAGED / "en-allison-1.flac"], "two recordings or more"),
        ([PACKAGED / "en-allison-1.flac", PACKAGED / "fr-june-1.flac"], "to train on; at least 30 s"),
    ],
)
def test_too_little_speech_is_refused(names: list[Path], message: str) -> None:
    with pytest.raises(SpeechError, match=message):
        load(*names)


def test_packages_under_the_gpl_come_with_debians_others_alone() -> None:
    with pytest.raises(TrainingError, match="give --speech debian"):
        load(PACKAGED, with_gpl=True)


def test_debians_speech_is_fetched_once_and_that_under_the_gpl_if_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TESTBED_CACHE", str(tmp_path))
    asked = list[str]()

    def fetched(voices: Sequence[CorpusVoice], tell: speeches.Tell) -> list[TrainingSpeech]:
        asked.extend(voice.package for voice in voices)
        features = np.ones((4000, 20), np.float16)
        return [TrainingSpeech(features, features + 1, ("a package",))]

    monkeypatch.setattr(speeches, "_fetched", fetched)
    heard, _ = load("debian")
    again, _ = load("debian")
    assert all(np.array_equal(*pair) for pair in zip(heard, again, strict=True))
    assert len(asked) == 6
    assert not any("fillets" in package for package in asked)
    load("debian", with_gpl=True)
    assert {"fillets-ng-data-cs", "fillets-ng-data-nl"} < set(asked)
