"""The estimate of a dry run, held against the run."""

import math
from pathlib import Path

import pytest

import testbed
from testbed.call_study import CallStudy
from testbed.estimate import RunEstimate, estimate, processor_seconds
from testbed.plan import plan
from testbed.scenario.checks import clips_of
from testbed.scenario.loading import Scenario, parse_scenario
from testbed.study import study_of

SCENARIO = """
name: small
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 24, complexity: 0}
schemes:
  - plc
  - red: {copies: 1}
  - dred: {depth_ms: 200, bitrate_kbps: 18}
channel: [{loss: {model: bernoulli, rate: 0.2}}]
playout: {policy: offline}
metrics: [estoi]
"""
SAVE = frozenset({"audio", "packets", "timelines"})


def estimated(text: str, save: frozenset[str] = frozenset()) -> RunEstimate:
    scenario = parse_scenario(text)
    assert isinstance(scenario, Scenario)
    clips = clips_of(scenario)
    return estimate(plan(scenario, len(clips)), clips, save)


def test_bitrates_and_disk_are_about_those_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(SCENARIO)
    run = testbed.run(tmp_path / "small.yaml", tmp_path / "run", jobs=1, save=sorted(SAVE))
    found = estimated(SCENARIO, SAVE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "small.yaml"], "no files are left"
    real = run.table.groupby("scheme")["wire_kbps"].mean()
    assert list(found.wire_kbps) == run.manifest["scheme_names"]
    assert found.wire_kbps == pytest.approx(real.to_dict(), rel=0.1)
    run.report()
    real_bytes = sum(file.stat().st_size for file in run.folder.rglob("*"))
    assert found.disk_bytes == pytest.approx(real_bytes, rel=0.3)


def test_the_time_is_that_of_encodings_and_calls() -> None:
    row = {"wire_kbps": 1.0, "seconds_encode": 0.5, "seconds_simulate": 0.1, "seconds_decode": 0.2}
    rows = [{}, {**row, "seconds_metrics": 0.7}, {"error": "failed"}]
    scenario = parse_scenario(SCENARIO)
    assert isinstance(scenario, Scenario)
    whole, clips = plan(scenario, 1), clips_of(scenario)
    heard_s = 4 * clips[0].seconds  # four schemes
    encoded_s = 3 * clips[0].seconds  # one of no loss and PLC, one of RED, one of DRED
    expected = (0.5 * encoded_s + (0.1 + 0.2 + 0.7) * heard_s) / 5
    assert processor_seconds(whole, clips, rows, heard_s) == pytest.approx(expected)


def test_the_words_name_each_scheme_and_the_processes() -> None:
    lines = RunEstimate({"plc": 38.2, "DRED": float("nan")}, 240, 2e6, "").lines(1)
    assert lines[1:] == ["  plc     38", "  DRED     -", "about 4 minutes in 1 process, 2 MB on disk"]
    assert RunEstimate({"plc": 1}, 90, 2e6, "").lines(2)[-1].startswith("about 45 s in 2 processes")


def test_the_estimate_gives_the_reason_if_no_call_works() -> None:
    study = study_of(parse_scenario(SCENARIO + "limits: {events: 100}"))
    assert isinstance(study, CallStudy)
    assert study.estimate(1).startswith("no estimate, because a call of 5 s failed: ")
    assert math.isnan(estimated(SCENARIO + "limits: {events: 100}").seconds)
