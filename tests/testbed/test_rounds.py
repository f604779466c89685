"""Runs with --until-ci: their rows are those of a run of that extent, and they say why they ended."""

import json

import pandas as pd
import pytest

import testbed
from testbed.errors import ResultsError, ScenarioError
from testbed.runner import run_scenario
from testbed.scenario.loading import load_scenario

GIVEN = {
    "name": "rounds",
    "speech": {"corpus": "packaged", "clips": 3},
    "codec": {"bitrate_kbps": 24, "complexity": 0},
    "schemes": ["plc", {"red": {"copies": 1}}],
    "channel": [{"loss": {"model": "bernoulli", "rate": 0.1}}],
    "playout": {"policy": "offline"},
    "realizations": 3,
    "metrics": ["estoi"],
}
NARROW = 0.2
"""Half-width that these calls reach after one round."""


def rows(run):
    return run.table.drop(columns=[name for name in run.table if name.startswith("seconds_")])


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """Return a run that ended after one round."""
    return testbed.run(GIVEN, tmp_path_factory.mktemp("ended") / "run", jobs=1, until_ci=NARROW)


def test_its_rows_are_those_of_a_run_of_that_extent(ended, tmp_path):
    extent = {"realizations": ended.manifest["until_ci"]["rounds"][-1]["realizations"]}
    fixed = testbed.run(GIVEN, tmp_path / "fixed", overrides=extent, jobs=1)
    assert 0 < len(ended.table) < 27
    pd.testing.assert_frame_equal(rows(ended), rows(fixed))


def test_the_manifest_has_the_rule_and_the_rounds_and_the_answer_says_them(ended):
    entry = ended.manifest["until_ci"]
    assert (entry["half_width"], entry["clips"], entry["realizations"]) == (NARROW, 3, 3)
    assert ended.manifest["complete"]
    last = entry["rounds"][-1]
    assert (last["ending"], last["metric"], last["unit"]) == ("narrow", "estoi", "clip")
    assert last["half_width"] <= NARROW
    assert "Stopped after all of 3 clips and 1 of at most 3 realizations, 33 % of" in " ".join(
        ended.answer().split()
    )
    assert "Stopped after all of 3 clips" in ended.report().read_text("utf-8")
    assert "Stopped after all of 3 clips" in ended._repr_html_()
    assert repr(ended.call(4)) == "Call(classic PLC, fr-june-1, realization 0)"


def test_a_run_that_is_interrupted_in_a_round_goes_on_to_the_same_end(ended, tmp_path):
    def stop(progress):
        if progress.done >= 2:
            raise KeyboardInterrupt

    scenario, out = load_scenario(GIVEN), tmp_path / "run"
    with pytest.raises(KeyboardInterrupt, match="rows are kept"):
        run_scenario(scenario, out, 1, on_progress=stop, until_ci=NARROW)
    with pytest.raises(ResultsError, match=r"--until-ci was 0\.2, and is 0\.1"):
        run_scenario(scenario, out, 1, resume=True, until_ci=0.1)
    resumed = run_scenario(scenario, out, 1, resume=True, until_ci=NARROW)
    assert resumed.manifest["resumed"]
    pd.testing.assert_frame_equal(rows(ended), rows(resumed))
    assert resumed.manifest["until_ci"] == ended.manifest["until_ci"]


def test_a_complete_run_is_not_made_again_and_one_with_another_rule_not_replaced(ended):
    before = (ended.folder / "manifest.json").stat().st_mtime_ns
    run_scenario(load_scenario(GIVEN), ended.folder, 1, resume=True, until_ci=NARROW)
    assert (ended.folder / "manifest.json").stat().st_mtime_ns == before
    with pytest.raises(ResultsError, match="holds a run of another --until-ci"):
        run_scenario(load_scenario(GIVEN), ended.folder, 1)


@pytest.mark.parametrize(
    ("change", "until_ci", "message"),
    [
        ({}, 0, "--until-ci 0: give a number above 0"),
        ({}, float("nan"), "give a number above 0"),
        ({"metrics": []}, 0.1, "--until-ci needs a metric"),
        ({"schemes": ["plc"]}, 0.1, "--until-ci needs two schemes"),
        ({"speech": {"corpus": "packaged", "clips": 1}}, 0.1, "--until-ci needs 2 clips"),
    ],
)
def test_a_run_that_could_not_end_so_is_refused(change, until_ci, message, tmp_path):
    with pytest.raises(ScenarioError, match=message):
        testbed.run(GIVEN | change, tmp_path / "run", jobs=1, until_ci=until_ci)
    assert not (tmp_path / "run").exists()


def test_a_flow_study_has_no_such_end(tmp_path):
    with pytest.raises(ScenarioError, match="a flow study compares no schemes"):
        testbed.run("rfc8867/5.1-variable-capacity", tmp_path / "run", jobs=1, until_ci=0.1)


@pytest.mark.long
def test_rows_and_rounds_are_the_same_in_several_processes(ended, tmp_path):
    other = testbed.run(GIVEN, tmp_path / "run", jobs=2, until_ci=NARROW)
    pd.testing.assert_frame_equal(rows(ended), rows(other))
    assert json.dumps(other.manifest["until_ci"]) == json.dumps(ended.manifest["until_ci"])
