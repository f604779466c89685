"""Kept files: names for any system; a file that cannot be written costs no row."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import soundfile

from testbed import runner
from testbed.errors import ResultsError
from testbed.kept_files import KEEPABLE, is_kept_file, slug
from testbed.results import load
from testbed.scenario.loading import parse_scenario

SCENARIO = """
name: small
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 24, complexity: 0}
schemes: [plc]
channel: [{loss: {model: bernoulli, rate: 0.1}}]
playout: {policy: offline}
metrics: []
"""


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """Have longer files fail as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_rows_are_kept_where_sound_cannot_be(tmp_path):
    with files_of_at_most(100_000):
        done = runner.run_scenario(
            parse_scenario(SCENARIO), tmp_path / "run", jobs=1, save=frozenset({"audio", "timelines"})
        )
    assert done.manifest["complete"]
    assert done.table["wire_kbps"].notna().all()
    assert done.table["error"].str.contains("not kept: examples/000-0").all()
    assert done.table["error"].str.contains("not kept: audio/000-0").all()
    assert "6 files beside the table could not be kept" in done.manifest["warnings"][-1]
    assert done.manifest["examples"] == done.manifest["clean"] == []
    assert not [path for path in (tmp_path / "run").rglob("*") if path.suffix in (".wav", ".flac")]
    assert len([*(tmp_path / "run" / "timelines").iterdir()]) == 2
    assert done.report().is_file()


def test_a_disk_without_room_is_found_before_the_first_call(tmp_path):
    said = []
    with files_of_at_most(50_000), pytest.raises(ResultsError, match="the disk is full"):
        runner.run_scenario(parse_scenario(SCENARIO), tmp_path / "run", 1, on_progress=said.append)
    assert [*tmp_path.iterdir()] == said == []


def test_clips_of_any_name_are_kept(tmp_path):
    speech, _ = soundfile.read(Path(runner.__file__).parent / "clips" / "en-allison-1.flac", dtype="int16")
    for name in ("a" * 246, "\U0001f600" * 50, "-", "x..", "A b'c$(d)"):
        soundfile.write(tmp_path / f"{name}.flac", speech[:20_000], 16_000)
    text = SCENARIO.replace("{corpus: packaged, clips: 1}", "{files: '*.flac'}")
    done = runner.run_scenario(
        parse_scenario(text, tmp_path), tmp_path / "run", jobs=1, save=frozenset(KEEPABLE)
    )
    assert done.manifest["warnings"] == []
    assert (done.table["error"] == "").all()
    kept = [path.name for path in (tmp_path / "run" / "audio").iterdir()]
    assert len(kept) == 5 + 10
    assert max(map(len, kept)) < 130
    assert all(is_kept_file(name) for name in done.manifest["written"] if "/" in name)
    assert len(load(tmp_path / "run").table) == 10


@pytest.mark.parametrize("words", ["", "x" * 1000, "\udcff", "../../etc", "a\x00b\n", "\u202e"])
def test_a_slug_is_safe(words):
    made = slug(words)
    assert len(made) <= 80
    assert made.isascii()
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        "examples/mine.flac",
        "../examples/clean.flac",
        "examples/../clean.flac",
        "/examples/clean.flac",
        "examples/000-00-a-000-000.txt",
        "audio/clean.exe",
        "plots/000-00-a-000-000.wav",
        "examples/clean.flac\n",
    ],
)
def test_other_files_are_not_taken_for_kept_ones(name):
    assert not is_kept_file(name)
