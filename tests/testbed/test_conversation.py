"""Conversational quality: listening quality less the impairment by delay, in rows, decisions and messages."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from testbed import runner
from testbed.conversation import conversational_mos
from testbed.emodel.bands import WIDEBAND
from testbed.emodel.impairments import delay_impairment
from testbed.errors import MetricError, ResultsError, ScenarioError
from testbed.loaded_run import Run
from testbed.metric_check import check_metrics
from testbed.metrics.scorer import scorer
from testbed.results import load
from testbed.scenario.loading import parse_scenario
from testbed.speech import list_clips

SCENARIO = """
name: conversation
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 24, complexity: 0}
schemes: [plc, {red: {copies: 1}}]
channel: [{loss: {model: bernoulli, rate: 0.1}}]
playout: {policy: fixed, delay_ms: 40}
sweep: {playout: [{policy: fixed, delay_ms: 40}, {policy: fixed, delay_ms: 240}, {policy: offline}]}
conversation: {metric: pesq_wb, devices_ms: 50}
metrics: [mos_cq, estoi, pesq_wb]
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return runner.run_scenario(parse_scenario(SCENARIO), tmp_path_factory.mktemp("run") / "run", jobs=1)


def test_undamaged_speech_without_delay_has_the_best_opinion_whatever_its_score() -> None:
    for undamaged in (3.3, 4.64, 5.0):
        assert conversational_mos(undamaged, undamaged, 100) == pytest.approx(4.5)
        assert conversational_mos(5.0, undamaged, 0) == pytest.approx(4.5), "no better than undamaged"
        assert conversational_mos(1.0, undamaged, 0) == pytest.approx(1.0)


def test_it_falls_with_damage_and_with_delay_but_not_up_to_100_ms() -> None:
    assert conversational_mos(3.0, 4.6, 20) == conversational_mos(3.0, 4.6, 100)
    by_delay = [conversational_mos(3.0, 4.6, delay_ms) for delay_ms in (100, 150, 200, 300, 500, 1000)]
    by_score = [conversational_mos(score, 4.6, 250) for score in (4.6, 4.0, 3.0, 2.0, 1.0)]
    for falling in (by_delay, by_score):
        assert falling == sorted(falling, reverse=True)
        assert falling[0] > falling[-1] >= 1


def test_a_row_has_the_quality_of_its_score_and_its_delay(finished: Run) -> None:
    clip = list_clips()["packaged"][0].pcm
    undamaged = scorer("pesq_wb")(clip, clip).value
    table = finished.table
    assert (table["error"] == "").all()
    for row in table.to_dict("records"):
        is_ceiling, is_offline = row["scheme"] == "no loss", "offline" in row["playout"]
        if is_offline and not is_ceiling:
            assert np.isnan(row["mos_cq"]), "it has no delay"
            continue
        delay_ms = 0 if is_ceiling else row["mouth_to_ear_ms"] + 50
        rating = WIDEBAND.rating_of(1 + 3.5 * (row["pesq_wb"] - 1) / (undamaged - 1))
        expected = WIDEBAND.mos(rating - 1.29 * delay_impairment(delay_ms))
        assert row["mos_cq"] == pytest.approx(expected, abs=1e-9)
    soon, late = (table[(table["point"] == point) & (table["scheme"] != "no loss")] for point in (0, 1))
    assert (soon["mos_cq"].to_numpy() > late["mos_cq"].to_numpy() + 0.2).all()


def test_receivers_without_delay_are_warned_of_if_there_is_no_other(finished: Run, tmp_path: Path) -> None:
    warning = "MOS-CQ needs a delay, which a receiver that waits without limit does not have"
    assert warning not in json.loads((finished.folder / "manifest.json").read_text())["warnings"]
    offline = re.sub("playout: {policy: fixed.*|sweep.*", "", SCENARIO) + "playout: {policy: offline}\n"
    run = runner.run_scenario(parse_scenario(offline), tmp_path / "run", jobs=1)
    assert warning in json.loads((run.folder / "manifest.json").read_text())["warnings"]


def test_it_is_the_judge_of_a_run_that_has_it(finished: Run) -> None:
    assert "MOS-CQ" in str(finished.answer())
    summary = finished.summary()
    assert "mos_cq" in summary.to_string()
    assert json.loads((finished.folder / "manifest.json").read_text())["metrics"] == [
        "mos_cq",
        "estoi",
        "pesq_wb",
    ]


def test_it_hears_no_sound(finished: Run) -> None:
    with pytest.raises(MetricError, match="mos_cq hears no sound"):
        scorer("mos_cq")
    with pytest.raises(
        ResultsError, match="mos_cq hears no sound; check the metric that it is computed from"
    ):
        check_metrics(load(finished.folder), ["mos_cq"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "metric: pesq_wb",
            "metric: plcmos",
            "metrics.0: mos_cq is computed from plcmos, which is not in metrics",
        ),
        (
            "metric: pesq_wb",
            "metric: pesq",
            "conversation.metric: unknown metric 'pesq'; did you mean pesq_wb?",
        ),
        ("metric: pesq_wb", "metric: estoi", "conversation.metric: estoi is no mean opinion score"),
        ("metric: pesq_wb", "metric: mos_cq", "conversation.metric: mos_cq is no mean opinion score"),
        ("pesq_wb]", "{pesq_wb: {realizations: 1}}]", "metrics.0: mos_cq needs the realizations of pesq_wb"),
        ("[mos_cq, ", "[", "conversation: has no effect without mos_cq in metrics"),
        ("devices_ms: 50", "devices_ms: -1", "conversation.devices_ms: "),
    ],
)
def test_a_mistake_is_one_line_with_its_key(old: str, new: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(SCENARIO.replace(old, new))
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
