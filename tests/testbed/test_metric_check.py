"""The check of metrics: shifts of scores by inaudible changes, and a margin that is not below them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from testbed import console
from testbed.commands import metrics
from testbed.errors import ResultsError, UnknownNameError
from testbed.loaded_run import load
from testbed.metric_check import check_metrics
from testbed.metrics import METRICS
from testbed.metrics.inaudible import changed
from testbed.metrics.metric import Metric
from testbed.metrics.scorer import scorer
from testbed.recording import read_recording
from testbed.references import References
from testbed.results import MANIFEST_FILE
from testbed.runner import run_scenario
from testbed.scenario.loading import parse_scenario
from testbed.speech import PACKAGED
from testbed.wobble import Shifts, Wobble

SCENARIO = """
name: checked
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 24, complexity: 0}
schemes: [plc, {red: {copies: 1}}]
channel: [{loss: {model: bernoulli, rate: 0.2}}]
playout: {policy: offline}
metrics: [estoi]
"""


@pytest.fixture(scope="module")
def speech():
    return read_recording(PACKAGED / "en-allison-1.flac").pcm


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checked")
    return run_scenario(parse_scenario(SCENARIO, folder), folder / "run", jobs=1).folder


@pytest.fixture
def run_dir(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.fixture
def level(monkeypatch):
    """Add a metric that hears nothing but the level."""

    def measure(reference, degraded):
        return float(1000 * np.sqrt(np.mean(np.square(degraded), dtype=np.float64)))

    monkeypatch.setitem(METRICS._loaded, "level", Metric("Level", "loudness", lambda: measure))
    scorer.cache_clear()
    yield measure
    scorer.cache_clear()


def test_changes_leave_the_sound_what_it_is(speech):
    after = changed(speech)
    assert len(after) == 4
    for name, sound in after.items():
        assert sound.shape == speech.shape
        assert np.array_equal(sound * 2**15, np.round(sound * 2**15)), name
        assert np.corrcoef(sound, speech)[0, 1] > 0.98, name
        assert not np.array_equal(sound, speech), name
    assert np.abs(after["noise of ± 1 LSB"] - speech).max() < 2 / 2**15
    assert after["gain of 0.7"] == pytest.approx(0.7 * speech, abs=1 / 2**15)


def test_a_delay_of_half_a_sample_twice_is_one_of_a_sample(speech):
    name = "delay of half a sample"
    twice = changed(changed(speech)[name])[name]
    assert twice[1:] == pytest.approx(speech[:-1], abs=2 / 2**15)


def test_the_same_shift_of_two_schemes_cancels_in_their_difference(level, speech):
    shifts = Shifts(["level"])
    for call, (a, b) in enumerate([(1.0, 0.5), (0.5, 1.0), (0.8, 0.8)]):
        shifts.add(call, "a", References(speech), a * speech)
        shifts.add(call, "b", References(speech), b * speech)
    gain = shifts.wobbles()[0]
    lost = 0.3 * level(speech, speech)
    assert (gain.metric, gain.change, gain.sounds, gain.pairs) == ("level", "gain of 0.7", 6, 3)
    assert gain.mean == pytest.approx(-lost * 4.6 / 6, rel=1e-3)
    assert (gain.lowest, gain.highest) == pytest.approx((-lost, -lost / 2), rel=1e-3)
    assert gain.one_pair == pytest.approx(lost / 2, rel=1e-3)
    assert gain.mean_pair == pytest.approx(0, abs=0.02)


def test_one_scheme_has_no_differences(level, speech):
    shifts = Shifts(["level"])
    shifts.add(0, "a", References(speech), speech)
    assert [each.mean_pair for each in shifts.wobbles()] == [None] * 4


def test_a_check_is_kept_in_the_run_and_raises_its_margin(run_dir, level):
    seen = []
    found = check_metrics(load(run_dir), ["estoi", "level"], show=seen.append)
    assert [each.metric for each in found] == ["estoi"] * 4 + ["level"] * 4
    assert all(each.pairs == 1 and each.sounds == 2 for each in found)
    assert [(now.done, now.total) for now in seen] == [(0, 2), (1, 2), (2, 2)]
    largest = max(each.mean_pair for each in found if each.metric == "estoi")
    assert 0 < largest < 0.02

    check_metrics(load(run_dir), ["level"])
    again = load(run_dir)
    assert [each["metric"] for each in again.manifest["wobble"]] == ["estoi"] * 4 + ["level"] * 4
    said = " ".join(again.answer(margins={"estoi": largest / 2}).split())
    assert f"ESTOI by up to {largest:.3f}, so the margin is not smaller" in said


def test_a_check_names_what_is_wrong(run_dir):
    with pytest.raises(UnknownNameError, match="did you mean estoi"):
        check_metrics(load(run_dir), ["estoy"])
    path = run_dir / MANIFEST_FILE
    manifest = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**manifest, "complete": False}), "utf-8")
    with pytest.raises(ResultsError, match="not complete"):
        check_metrics(load(run_dir))
    path.write_text(json.dumps({**manifest, "wobble": [{"metric": "estoi", "mean_pair": "much"}]}), "utf-8")
    with pytest.raises(ResultsError, match=r"wobble\.0\.mean_pair"):
        load(run_dir)


def test_a_shift_of_nothing_has_no_minus():
    shift = Wobble("estoi", "gain of 0.7", 2, -0.0001, -0.0002, 0.0001, 1, 0.0, None)
    assert "+0.000 [+0.000 to +0.000]" in console.wobbles([shift])


def test_the_command_writes_the_report_again(run_dir, capsys):
    page = run_dir / "report.html"
    page.unlink(missing_ok=True)
    metrics.check(run_dir, ["estoi"], 1)
    assert page.is_file()
    assert capsys.readouterr().out.splitlines()[-1] == str(page)
