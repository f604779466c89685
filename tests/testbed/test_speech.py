"""Speech: the user's files at any rate, the packaged clips, and messages about unusable files."""

import json
import re
import resource
import shutil
import struct

import numpy as np
import pytest
import soundfile
from pydantic import ValidationError

from testbed import speech
from testbed.clip_cutting import active_level_dbov
from testbed.errors import SpeechError
from testbed.recording import read_recording
from testbed.scenario.loading import Speech
from testbed.speech import PACKAGED, list_clips, load_clips
from testbed.speech_corpus import digest


def ask(corpus=None, clips=None, files=None):
    return Speech(corpus=corpus, clips=clips, files=files)


def tone(rate, seconds=2.0, hz=440.0, amplitude=0.5):
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_rate_and_channel_count_becomes_mono_16_khz(tmp_path, rate, channels):
    signal = tone(rate)
    # Channels of different gain whose mean is the signal.
    gains = np.linspace(0.5, 1.5, channels) if channels > 1 else np.ones(1)
    soundfile.write(tmp_path / "x.wav", signal[:, np.newaxis] * gains, rate, subtype="FLOAT")
    got = read_recording(tmp_path / "x.wav").pcm
    assert got.dtype == np.float32
    assert abs(len(got) - 32000) <= 1
    inside = slice(1600, -1600)
    expected = tone(16000)[: len(got)]
    assert np.abs(got[inside] - expected[: len(got)][inside]).max() < 1e-4


def test_frequencies_above_8_khz_do_not_fold_back(tmp_path):
    soundfile.write(tmp_path / "x.wav", tone(48000, hz=440) + tone(48000, hz=11000, amplitude=0.4), 48000)
    got = read_recording(tmp_path / "x.wav").pcm
    spectrum = np.abs(np.fft.rfft(got[1600:-1600] * np.hanning(len(got) - 3200)))
    assert spectrum[round(5000 / 16000 * (len(got) - 3200))] < 1e-4 * spectrum.max()


@pytest.mark.parametrize(
    ("name", "subtype"), [("x.wav", "PCM_24"), ("x.flac", "PCM_16"), ("x.ogg", "VORBIS")]
)
def test_formats(tmp_path, name, subtype):
    soundfile.write(tmp_path / name, tone(16000), 16000, subtype=subtype)
    assert np.corrcoef(read_recording(tmp_path / name).pcm[:32000], tone(16000))[0, 1] > 0.999


def test_beyond_full_scale_is_scaled_down_and_never_clipped(tmp_path):
    soundfile.write(tmp_path / "x.wav", tone(16000, amplitude=3.0), 16000, subtype="FLOAT")
    got = read_recording(tmp_path / "x.wav").pcm
    assert np.abs(got).max() == 1
    np.testing.assert_allclose(got, tone(16000, amplitude=1.0), atol=1e-3)


def _write(path, samples, rate=16000):
    soundfile.write(path, samples, rate, subtype="FLOAT")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p.write_bytes(b"not audio at all"), "cannot be read as audio"),
        (lambda p: p.write_bytes(b""), "cannot be read as audio"),
        (lambda p: _write(p, np.zeros(0)), "no samples"),
        (
            lambda p: _write(p, np.where(np.arange(32000) == 16000, np.nan, tone(16000))),
            r"NaN or infinity at 1\.000 s",
        ),
        (
            lambda p: _write(p, np.where(np.arange(32000) == 8000, np.inf, tone(16000))),
            r"NaN or infinity at 0\.500 s",
        ),
        (lambda p: _write(p, np.zeros(32000)), "silent"),
        (lambda p: _write(p, tone(16000, seconds=0.9)), r"0\.90 s; at least 1 s"),
        (lambda p: _write(p, np.full(601 * 4000, 0.1), 4000), "longer than 10 minutes"),
        (lambda p: _write(p, tone(16000), 1000), "sampling rate of 1000 Hz"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(tmp_path, make, words):
    make(tmp_path / "bad.wav")
    with pytest.raises(SpeechError, match=words) as caught:
        load_clips(ask(files="*.wav"), tmp_path)
    assert str(tmp_path / "bad.wav") in str(caught.value)


def test_a_pattern_matches_no_folder_and_no_match_names_it(tmp_path):
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(SpeechError, match=r"'f\*\.wav' matches no file in"):
        load_clips(ask(files="f*.wav"), tmp_path)


def test_globs_names_and_order(tmp_path):
    for name in ("b/talk.wav", "a/talk.wav", "a/other talk!.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / name, tone(16000), 16000)
    relative = load_clips(ask(files="**/*.wav"), tmp_path)
    assert [clip.name for clip in relative] == ["other-talk", "talk", "talk-2"]
    absolute = load_clips(ask(files=f"{tmp_path}/**/*.wav"), tmp_path / "elsewhere")
    assert [(c.name, c.sha256) for c in absolute] == [(c.name, c.sha256) for c in relative]
    assert [clip.name for clip in load_clips(ask(files="**/*.wav", clips=2), tmp_path)] == [
        "other-talk",
        "talk",
    ]
    with pytest.raises(SpeechError, match=r"4 clips are asked for.*only 3"):
        load_clips(ask(files="**/*.wav", clips=4), tmp_path)


def test_files_come_before_a_corpus(tmp_path):
    soundfile.write(tmp_path / "x.wav", tone(16000), 16000)
    assert [clip.name for clip in load_clips(ask(corpus="packaged", files="x.wav"), tmp_path)] == ["x"]
    with pytest.raises(ValidationError, match="give corpus"):
        ask()


def test_folders_files_and_patterns_stand_in_one_list_and_each_file_counts_once(tmp_path):
    for name in ("rec/b.wav", "rec/a.FLAC", "rec/notes.txt", "rec/sub/c.wav", "call[1].wav", "z.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        if "txt" in name:
            (tmp_path / name).write_text("not audio")
        else:
            soundfile.write(tmp_path / name, tone(16000), 16000)
    found = load_clips(ask(files=["z.wav", "rec", "call[1].wav", "*.wav", "rec/**/c.wav"]), tmp_path)
    assert [clip.name for clip in found] == ["z", "a", "b", "call-1", "c"]
    with pytest.raises(SpeechError, match=r"'rec/empty' is a folder without a recording"):
        (tmp_path / "rec/empty").mkdir()
        load_clips(ask(files="rec/empty"), tmp_path)


def test_a_clip_says_how_it_was_converted(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.stack([tone(48000), tone(48000)], axis=1), 48000)
    soundfile.write(tmp_path / "b.wav", tone(16000), 16000)
    soundfile.write(tmp_path / "c.wav", np.stack([tone(11025)] * 6, axis=1), 11025)
    clips = load_clips(ask(files="*.wav"), tmp_path)
    assert [clip.converted for clip in clips] == [
        "48 kHz stereo -> 16 kHz mono",
        "",
        "11.025 kHz 6 channels -> 16 kHz mono",
    ]


def test_sound_is_bounded_before_it_takes_memory(tmp_path):
    def sparse(channels, rate, frames):
        """Write a WAV file whose data are a hole: it takes no room on disk."""
        size = frames * channels * 2
        with (tmp_path / "x.wav").open("wb") as file:
            form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2 % 2**32, channels * 2, 16)
            file.write(b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<I", 16) + form)
            file.write(b"data" + struct.pack("<I", size))
            file.truncate(44 + size)

    sparse(channels=1024, rate=768_000, frames=1_000_000)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(
        SpeechError, match=r"1024 channels of 768000 Hz take more than 16 MB.*limits.audio_mb"
    ):
        load_clips(ask(files="x.wav"), tmp_path, audio_mb=16)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 200_000
    for number in range(20):
        soundfile.write(tmp_path / f"clip{number:02}.wav", tone(16000), 16000)
    with pytest.raises(SpeechError, match=r"more than 1 MB of speech \(limits.audio_mb\) up to clip08.wav"):
        load_clips(ask(files="clip*.wav"), tmp_path, audio_mb=1)


def test_clips_are_of_the_speakers_asked_for():
    found = load_clips(Speech(corpus="packaged", speakers=["Carlo", "June"]), PACKAGED)
    assert [clip.name for clip in found] == ["fr-june-1", "it-carlo-1"]
    first = load_clips(Speech(corpus="packaged", speakers=["Carlo"], clips=1), PACKAGED)
    assert [clip.name for clip in first] == ["it-carlo-1"]
    with pytest.raises(SpeechError, match="no clip is by 'Karlo'; did you mean Carlo"):
        load_clips(Speech(corpus="packaged", speakers=["Karlo"]), PACKAGED)
    with pytest.raises(ValidationError, match="speakers are those of a corpus"):
        Speech(files="talk.wav", speakers=["Carlo"])


def test_the_packaged_clips_are_four_speakers_at_the_same_level():
    clips = load_clips(ask(corpus="packaged"), PACKAGED)
    assert len({clip.speaker for clip in clips}) == len({clip.language for clip in clips}) == 4
    for clip in clips:
        assert 8 <= len(clip.pcm) / 16000 <= 12
        assert active_level_dbov(clip.pcm.astype(float))[0] == pytest.approx(-26, abs=0.5)
        assert 0.1 < np.abs(clip.pcm).max() < 0.5
        assert digest(np.round(clip.pcm * 32768).astype(np.int16)) == clip.sha256
        assert not clip.pcm.flags.writeable
        assert "asterisk-core-sounds" in clip.source


def test_every_packaged_clip_is_attributed_in_the_licence_file():
    text = (PACKAGED / "LICENSE.md").read_text(encoding="utf-8")
    for entry in json.loads((PACKAGED / "index.json").read_text(encoding="utf-8")):
        row = next(line for line in text.splitlines() if f"`{entry['name']}.flac`" in line)
        assert entry["licence"].removesuffix("-3.0").replace("CC-", "CC ") in row
        assert entry["attribution"] in row
    assert {p.stem for p in PACKAGED.glob("*.flac")} == set(re.findall(r"`([\w-]+)\.flac`", text))


def test_a_corpus_that_is_not_there_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("TESTBED_CACHE", str(tmp_path))
    with pytest.raises(SpeechError, match="testbed speech fetch"):
        load_clips(ask(corpus="asterisk"), tmp_path)
    assert list(list_clips()) == ["packaged"]


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / "index.json").write_text("[{"),
        lambda folder: (folder / "index.json").write_text('[{"name": "en-allison-1"}]'),
        lambda folder: (folder / "index.json").write_text("7"),
        lambda folder: (folder / "en-allison-1.flac").write_bytes((folder / "fr-june-1.flac").read_bytes()),
        lambda folder: (folder / "en-allison-1.flac").unlink(),
        lambda folder: (folder / "index.json").write_text(
            (folder / "index.json").read_text().replace('"en-allison-1"', '"../en-allison-1"')
        ),
    ],
)
def test_a_damaged_corpus_is_noticed(tmp_path, monkeypatch, harm):
    shutil.copytree(PACKAGED, tmp_path / "clips")
    monkeypatch.setattr(speech, "PACKAGED", tmp_path / "clips")
    assert len(load_clips(ask(corpus="packaged"), tmp_path)) == 4
    harm(tmp_path / "clips")
    with pytest.raises(SpeechError, match=re.escape(str(tmp_path))):
        load_clips(ask(corpus="packaged"), tmp_path)
