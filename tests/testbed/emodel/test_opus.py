"""Opus in the E-model: the values act as Ie and Bpl do, and predict calls like those they are from."""

from math import isnan

import numpy as np
import pandas as pd
import pytest

from testbed import runner
from testbed.emodel.bands import WIDEBAND
from testbed.emodel.fit import fitted
from testbed.emodel.opus import Equipment, equipment
from testbed.scenario.loading import parse_scenario

CLASSIC, NEURAL, NETEQ = equipment(0, "codec"), equipment(10, "codec"), equipment(0, "neteq")
CALLS = """
name: emodel-opus
speech: {corpus: packaged}
codec: {bitrate_kbps: 24}
schemes: [plc, neural_plc, {plc: {concealer: neteq}}]
channel: [{loss: {model: bernoulli, rate: 0.05}}]
playout: {policy: fixed, delay_ms: 20}
conversation: {devices_ms: 0}
sweep: {codec.bitrate_kbps: [12, 24], channel.loss.rate: [0.02, 0.1, 0.2]}
metrics: [plcmos, mos_cq]
"""


def test_neural_concealment_is_the_most_robust_and_neteqs_the_least() -> None:
    opinions = [each.mos(24, 50, 47, 500, 90) for each in (NEURAL, CLASSIC, NETEQ)]
    assert opinions == sorted(opinions, reverse=True)
    assert opinions[0] - opinions[2] > 0.3


def test_the_opinion_falls_with_loss_delay_and_a_low_bitrate() -> None:
    assert CLASSIC.mos(60, 0, 0, 500, 90) == pytest.approx(WIDEBAND.mos(WIDEBAND.rating()))
    for falling in (
        [CLASSIC.mos(24, lost, lost, 500, 90) for lost in (0, 5, 10, 50)],
        [CLASSIC.mos(24, 20, 19, 500, delay_ms) for delay_ms in (100, 200, 300, 500)],
        [CLASSIC.mos(kbps, 20, 19, 500, 90) for kbps in (28, 20, 15, 11.5)],
        [CLASSIC.mos(24, 60, bursts, 500, 90) for bursts in (54, 45, 30)],
    ):
        assert all(np.diff(falling) < 0)


def test_beyond_what_it_was_fitted_to_there_is_no_opinion() -> None:
    assert isnan(CLASSIC.mos(9, 10, 10, 500, 90))
    assert isnan(CLASSIC.mos(80, 10, 10, 500, 90))
    assert isnan(CLASSIC.mos(24, 50, 10, 500, 90)), "bursts of five at 10 %"
    assert not isnan(CLASSIC.mos(24, 5, 1, 500, 90)), "a burst of five at 1 %"
    assert isnan(CLASSIC.mos(24, 10, 10, 500, float("nan")))


def test_a_fit_returns_the_values_that_made_the_opinions() -> None:
    truth = Equipment((11.0, 22.0), (20.0, 4.0), 12.0)
    rows = [
        {"codec.bitrate_kbps": asked, "primary_kbps": kbps, "frames_plc": lost, "frames": 1000}
        for asked, kbps in ((12, 11.0), (24, 22.0))
        for lost in (10, 30, 100, 200)
    ]
    table = pd.DataFrame(rows)
    table["mos_cq"] = [
        WIDEBAND.mos(129 - truth.impairment(row["primary_kbps"]) - by_loss(truth, row)) for row in rows
    ]
    found = fitted(table)
    assert found.impairments == pytest.approx(truth.impairments, abs=1e-3)
    assert found.robustness == pytest.approx(truth.robustness, rel=1e-4)


def by_loss(truth: Equipment, row: dict[str, float]) -> float:
    percent = row["frames_plc"] / 10
    codec = truth.impairment(row["primary_kbps"])
    return (95 - codec) * percent / (percent + truth.robustness)


@pytest.mark.long
def test_the_values_predict_calls(tmp_path) -> None:
    table = runner.run_scenario(parse_scenario(CALLS), tmp_path / "run").table
    for scheme, known in {"classic PLC": CLASSIC, "neural PLC": NEURAL, "NetEq PLC": NETEQ}.items():
        calls = table[table["scheme"] == scheme]
        assert (calls["mos_emodel"] - calls["mos_cq"]).mean() == pytest.approx(0, abs=0.15), scheme
        assert (calls["mos_emodel"] - calls["mos_cq"]).std() < 0.35, scheme
        assert fitted(calls).robustness == pytest.approx(known.robustness, rel=0.5), scheme
