"""Runs with a cache: the same rows, and only what is new is computed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pytest
import soundfile

import testbed
from testbed.cache import versions
from testbed.cache.terms import cache_terms
from testbed.cache.upkeep import content, prune
from testbed.columns import TIMINGS, names
from testbed.errors import ScenarioError
from testbed.loaded_run import Run
from testbed.speech import list_clips

SCENARIO: dict[str, Any] = {
    "name": "cached",
    "codec": {"bitrate_kbps": 24, "complexity": 0, "expected_loss": 0.1},
    "schemes": ["plc", {"red": {"copies": 1}}],
    "channel": [{"loss": {"model": "bernoulli", "rate": 0.1}}],
    "playout": {"policy": "fixed", "delay_ms": 100},
    "metrics": ["estoi"],
    "realizations": 2,
}
Runs = Callable[..., Run]


@pytest.fixture
def run(own_cache: Path, tmp_path: Path) -> Runs:
    """Return a function that runs the scenario with other keys, on 2 s of speech."""
    speech = tmp_path / "speech.wav"
    clip = list_clips()["packaged"][0].pcm[:32_000]
    soundfile.write(speech, clip, 16_000, "PCM_16")
    scenario = {"speech": {"files": str(speech)}, **SCENARIO}

    def function(jobs: int = 1, cache: bool = True, save: str = "", **other: Any) -> Run:
        return testbed.run(scenario | other, tmp_path / "run", (), jobs, save, force=True, cache=cache)

    return function


def counted(run: Run) -> tuple[int, int, int]:
    """Return the numbers of rows that were computed, cached, and decoded again."""
    use = run.manifest["cache"]
    return use["computed"], use["cached"], use["decoded_again"]


def assert_equal_rows(one: Run, other: Run) -> None:
    timings = [*names(TIMINGS)]
    pd.testing.assert_frame_equal(one.table.drop(columns=timings), other.table.drop(columns=timings))


def forbid(monkeypatch: pytest.MonkeyPatch, *places: str) -> None:
    """Fail each call of these functions."""

    def fail(*_: object, **__: object) -> NoReturn:
        pytest.fail("computed again")

    for place in places:
        monkeypatch.setattr(place, fail)


SIMULATE, ENCODE, SCORE = (
    "testbed.calls.simulate_call",
    "testbed.encoded_clip.encode",
    "testbed.sound_scores.score",
)


def test_a_second_run_computes_nothing_and_has_the_same_rows_and_files(run, monkeypatch):
    first = run()
    files = {path.name: path.read_bytes() for path in (first.folder / "examples").iterdir()}
    assert counted(first) == (6, 0, 0)
    forbid(monkeypatch, SIMULATE, ENCODE, SCORE)
    second = run()
    assert counted(second) == (0, 6, 0)
    assert_equal_rows(first, second)
    assert not second.table[["seconds_encode", "seconds_simulate", "seconds_decode"]].to_numpy().any()
    assert {path.name: path.read_bytes() for path in (second.folder / "examples").iterdir()} == files


@pytest.mark.long
def test_processes_share_the_cache_and_have_the_rows_of_one_process_without_it(run):
    plain = run(cache=False)
    assert_equal_rows(plain, run(jobs=2))
    cached = run(jobs=2)
    assert counted(cached) == (0, 6, 0)
    assert_equal_rows(plain, cached)


def test_a_run_without_the_cache_neither_uses_nor_fills_it(run, own_cache):
    assert counted(run(cache=False)) == (6, 0, 0)
    assert content(own_cache).entries == {}


def test_another_metric_needs_no_simulation_and_no_decoding(run, monkeypatch):
    plain = run(cache=False, metrics=["estoi", "pesq_wb"])
    run(metrics=["estoi"])
    forbid(monkeypatch, SIMULATE, ENCODE)
    again = run(metrics=["estoi", "pesq_wb"])
    assert again.manifest["cache"]["scored"] == 5  # the ceiling has one sound in both realizations
    assert_equal_rows(plain, again)


@pytest.mark.long
def test_without_room_for_sound_another_metric_decodes_again_but_does_not_encode(run, monkeypatch):
    monkeypatch.setenv("TESTBED_CACHE_MB", "1")
    monkeypatch.setattr("testbed.cache.sqlite_file.used_bytes", lambda connection: 990_000)
    run(metrics=["estoi"])
    plain = run(cache=False, metrics=["estoi", "pesq_wb"])
    forbid(monkeypatch, ENCODE)
    again = run(metrics=["estoi", "pesq_wb"])
    assert again.manifest["cache"]["decoded_again"] > 0
    assert_equal_rows(plain, again)


def test_a_wider_sweep_computes_only_what_is_new(run):
    run()
    wider = run(
        realizations=3,
        name="wider",
        about="more of all",
        schemes=["neural_plc", *SCENARIO["schemes"]],
        sweep={"channel.loss.rate": [0.05, 0.1]},
    )
    assert counted(wider) == (2 * 4 * 3 - 6, 6, 0)
    assert_equal_rows(wider, run(cache=False, **wider.manifest["scenario"]))


@pytest.mark.parametrize("engine", ["libopus", pytest.param("numba", marks=pytest.mark.long)])
def test_sounds_that_are_kept_as_differences_are_scored_alike(run, own_cache, monkeypatch, engine):
    channel = [{"loss": {"model": "bernoulli", "rate": 0.02}}]
    many = {"realizations": 16, "schemes": ["neural_plc"], "engine": engine, "channel": channel}
    run(metrics=["pesq_wb"], **many)
    number, size = content(own_cache).entries["sound"]
    assert number > 10
    assert size / number < 20_000
    forbid(monkeypatch, SIMULATE)
    cached = run(metrics=["estoi"], **many)
    prune(own_cache, 0)
    monkeypatch.undo()
    assert_equal_rows(cached, run(cache=False, metrics=["estoi"], **many))


ADAPTIVE: dict[str, Any] = {
    "channel": [*SCENARIO["channel"], {"jitter": {"model": "gamma", "mean_ms": 30, "std_ms": 20}}],
    "playout": {"policy": "adaptive"},
}


def test_what_adaptive_receivers_played_is_scored_by_another_metric_from_the_cache(run, monkeypatch):
    given = ADAPTIVE | {"schemes": ["plc"]}
    plain = run(cache=False, metrics=["estoi", "pesq_wb"], **given)
    run(metrics=["estoi"], **given)
    with monkeypatch.context() as patched:
        patched.setattr("testbed.cache.keys.PLAY", versions.PLAY + 1)
        assert counted(run(metrics=["estoi"], **given))[1] == 0
    forbid(monkeypatch, SIMULATE, ENCODE)
    again = run(metrics=["estoi", "pesq_wb"], **given)
    assert again.manifest["cache"]["scored"] == 3
    assert_equal_rows(plain, again)


@pytest.mark.long
def test_adaptive_calls_have_the_same_rows_in_any_processes_and_with_any_other_calls(run):
    given = ADAPTIVE | {"realizations": 3, "sweep": {"playout.late": ["drop", {"wait": {"most_ms": 60}}]}}
    plain = run(cache=False, **given)
    assert plain.table["error"].eq("").all()
    assert_equal_rows(plain, run(jobs=2, **given))
    alone = run(cache=False, **given | {"realizations": 1, "schemes": ["plc"]})
    kept = plain.table.merge(alone.table[["point", "scheme", "realization"]])
    timings = [*names(TIMINGS)]
    pd.testing.assert_frame_equal(
        kept.drop(columns=timings), alone.table.drop(columns=timings), check_like=True
    )


def test_closed_loops_and_other_calls_are_cached(run, monkeypatch):
    loop = {
        "channel": [{"link": {"rate_kbps": 60, "queue": {"discipline": "drop_tail", "limit_ms": 200}}}],
        "congestion": {"controller": "gcc"},
        "feedback": {"format": "transport_wide"},
        "other_calls": 1,
        "realizations": 1,
    }
    first = run(**loop)
    forbid(monkeypatch, SIMULATE, ENCODE)
    assert_equal_rows(first, run(**loop))


def test_a_recording_that_changes_is_replayed_anew(run, tmp_path):
    recording = tmp_path / "losses.txt"
    recording.write_text("0\n0\n1\n" * 100)
    replayed = {"channel": [{"trace": {"file": str(recording), "offset_packets": 0}}], "realizations": 1}
    before = run(**replayed)
    recording.write_text("0\n0\n0\n1\n" * 100)
    after = run(**replayed)
    assert counted(after)[0] == 3
    assert after.table["packet_loss"].max() < before.table["packet_loss"].max()


def test_a_stage_or_metric_with_a_new_version_is_computed_again(run, monkeypatch):
    run()
    monkeypatch.setattr("testbed.cache.keys.SIMULATE", versions.SIMULATE + 1)
    assert counted(run()) == (6, 0, 0)
    monkeypatch.setattr("testbed.cache.keys.DECODE", versions.DECODE + 1)
    assert counted(run())[2] == 5  # the ceiling has one sound in both realizations


def test_timelines_and_sounds_are_kept_from_the_cache_and_packets_are_made_again(run, monkeypatch):
    first = run(save="audio,timelines")
    kept = {path.name: path.read_bytes() for path in first.folder.glob("*/*")}
    forbid(monkeypatch, SIMULATE)
    second = run(save="audio,timelines")
    assert {path.name: path.read_bytes() for path in second.folder.glob("*/*")} == kept
    monkeypatch.undo()
    third = run(save="packets")
    assert len([*(third.folder / "packets").iterdir()]) == 12


def test_a_failed_call_is_not_kept(run):
    failing = {"limits": {"events": 10}, "schemes": ["plc"]}
    assert run(**failing).table["error"].str.contains("events").any()
    again = run(**failing)
    assert counted(again)[0] > 0
    assert again.table["error"].str.contains("events").any()


def test_a_cache_that_cannot_be_used_is_said_once(run, own_cache):
    own_cache.write_text("a file where the folder should be")
    done = run()
    assert counted(done) == (6, 0, 0)
    assert "the cache is not used" in done.manifest["cache"]["problem"]


@pytest.mark.parametrize("size", ["many", "-1", "1.5", "9" * 12])
def test_a_size_that_is_no_number_of_megabytes_is_refused(monkeypatch, size):
    monkeypatch.setenv("TESTBED_CACHE_MB", size)
    with pytest.raises(ScenarioError, match="must be a whole number of megabytes, such as 4000"):
        cache_terms(is_wanted=True)


def test_a_cache_of_no_size_is_none(monkeypatch):
    monkeypatch.setenv("TESTBED_CACHE_MB", "0")
    assert cache_terms(is_wanted=True) is None
