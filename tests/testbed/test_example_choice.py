"""The calls that a run keeps to be heard: the rule, the bounds, and the same ones however the run is made."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from testbed import example_choice
from testbed.example_choice import chosen_calls
from testbed.loaded_run import Run
from testbed.plan import Plan, plan
from testbed.progress import Progress
from testbed.runner import run_scenario
from testbed.scenario.checks import clips_of
from testbed.scenario.loading import AnyScenario, Scenario, parse_scenario
from testbed.speech import Clip
from testbed.trials import Trial, ranked_trials, worst_calls
from tests.testbed.cache.conftest import own_cache

__all__ = ["own_cache"]

SCENARIO = """
name: heard
speech: {corpus: packaged, clips: 2}
codec: {bitrate_kbps: 24, complexity: 0}
schemes: [plc]
channel: [{loss: {model: bernoulli, rate: 0.2}}]
playout: {policy: offline}
realizations: 3
metrics: [estoi]
"""


def scenario(**changes: object) -> Scenario:
    """Return the scenario with changes."""
    parsed = parse_scenario(SCENARIO)
    assert isinstance(parsed, Scenario)
    return parsed.model_copy(update=changes)


def planned(**changes: object) -> tuple[Plan, list[Clip]]:
    given = scenario(**changes)
    clips = clips_of(given)
    return plan(given, len(clips)), clips


def rows(scores: dict[Trial, float]) -> pd.DataFrame:
    """Return rows of the ceiling and of two schemes, the second 1 better than the first."""
    return pd.DataFrame(
        [
            {**trial._asdict(), "scheme": scheme, "plcmos": score + more}
            for scheme, more in (("no loss", 9.0), ("classic PLC", 0.0), ("neural PLC", 1.0))
            for trial, score in scores.items()
        ]
    )


def test_worst_calls_are_of_ten_trials_and_meet_loss() -> None:
    trials = {Trial(0, "a", number): 1.0 + (number * 7 % 13) for number in range(13)}
    worst = worst_calls(rows(trials), ["plcmos"], "no loss")
    assert worst["scheme"].unique().tolist() == ["classic PLC"]
    assert worst["plcmos"].tolist() == [float(score) for score in range(1, 11)]
    assert worst_calls(rows(trials), [], "no loss").empty


def test_trials_are_ranked_by_the_mean_over_the_schemes_in_the_direction_of_the_metric() -> None:
    table = rows({Trial(1, "a", number): float(number) for number in range(5)} | {Trial(0, "a", 0): -9.0})
    found = {
        choice.rank: choice.trial.realization for choice in ranked_trials(table, ["plcmos"], "no loss", 1)
    }
    assert found == {"median": 2, "worst": 0, "best": 4}
    found = {
        choice.rank: choice.trial.realization
        for choice in ranked_trials(table.rename(columns={"plcmos": "wer"}), ["wer"], "no loss", 1)
    }
    assert found == {"median": 2, "worst": 4, "best": 0}
    unscored = table.assign(plcmos=np.nan)
    assert ranked_trials(unscored, ["plcmos"], "no loss", 1) == []


def test_the_sound_that_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    made, clips = planned(realizations=30)
    table = pd.DataFrame(
        [
            {"point": 0, "scheme": "classic PLC", "clip": clip.name, "realization": n, "estoi": n / 60}
            for clip in clips
            for n in range(30)
        ]
    )

    def trials() -> set[tuple[int, int]]:
        return {(call.clip, call.realization) for call in chosen_calls(table, made, clips)}

    assert trials() >= {(0, 0), (1, 0), (1, 29), (1, 4)}  # the first, the worst, the best, the tenth
    assert len(trials()) == 12
    monkeypatch.setattr(example_choice, "MOST_TRIALS", 5)
    assert len(trials()) == 5
    monkeypatch.setattr(example_choice, "MOST_SECONDS", 45.0)  # two schemes of about ten seconds
    assert len(trials()) == 2
    monkeypatch.setattr(example_choice, "MOST_SECONDS", 1.0)
    assert trials() == {(0, 0)}


@pytest.fixture
def short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AnyScenario:
    """Return the scenario with two seconds of each clip; three of its six trials are kept."""
    monkeypatch.setattr(example_choice, "MOST_TRIALS", 3)
    for number, clip in enumerate(clips_of(scenario())):
        soundfile.write(tmp_path / f"{number}.wav", clip.pcm[:32_000], 16_000)
    monkeypatch.chdir(tmp_path)
    return parse_scenario(SCENARIO.replace("corpus: packaged, clips: 2", "files: ['*.wav']"))


def examples(run: Run) -> dict[str, bytes]:
    kept = [name for name in run.manifest["written"] if name.startswith("examples/")]
    named = [example[kind] for example in run.manifest["examples"] for kind in ("audio", "timeline")]
    assert {*kept} == {*named, *(clean["audio"] for clean in run.manifest["clean"])}
    return {name: (run.folder / name).read_bytes() for name in kept}


def test_the_chosen_calls_are_those_of_the_rows(tmp_path: Path, short: AnyScenario) -> None:
    run = run_scenario(short, tmp_path / "run", 1, cache=False)
    assert len(examples(run)) > 2 * 2 * 3
    assert len(run.manifest["examples"]) == 2 * 3
    assert len({(each["clip"], each["realization"]) for each in run.manifest["examples"]}) == 3
    last = run.manifest["examples"][-1]
    number = run.rows(**{name: last[name] for name in ("scheme", "clip", "realization")}).index[0]
    assert np.array_equal(soundfile.read(run.folder / last["audio"], dtype="int16")[0], run.call(number).pcm)


@pytest.mark.long
def test_a_run_keeps_the_same_calls_however_it_is_made(
    tmp_path: Path, short: AnyScenario, own_cache: Path
) -> None:
    """In one process, in two, from the cache, and resumed while the calls to be heard were made."""

    def interrupt(progress: Progress) -> None:
        if progress.message == "calls to be heard":
            raise KeyboardInterrupt

    run = run_scenario(short, tmp_path / "one", 1, cache=False)
    first = examples(run)
    for name, jobs, cache in (("two", 2, False), ("computed", 1, True), ("cached", 1, True)):
        assert examples(run_scenario(short, tmp_path / name, jobs, cache=cache)) == first, name
    with pytest.raises(KeyboardInterrupt, match="12 rows are kept"):
        run_scenario(short, tmp_path / "resumed", 1, on_progress=interrupt, cache=False)
    resumed = run_scenario(short, tmp_path / "resumed", 1, cache=False, resume=True)
    assert examples(resumed) == first
    measured = [name for name in run.table if not str(name).startswith("seconds_")]
    assert resumed.table[measured].equals(run.table[measured])
