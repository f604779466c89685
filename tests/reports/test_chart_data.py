"""Data of the page's figures: sweeps, axes, gains and single calls."""

import numpy as np
import pandas as pd
import pytest

from testbed.errors import ResultsError
from testbed.reports.chart_data import default_axes, measured_columns
from testbed.reports.gained import gained
from testbed.reports.report import write_report
from testbed.reports.single_calls import single_calls
from testbed.reports.summary import summarize
from testbed.reports.sweeps import sweeps
from testbed.reports.trade import trades
from testbed.results import load

from .a_run import make_run

SCHEMES = ("no loss", "plc", "red 1", "dred 500")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    swept = {"codec.bitrate_kbps": [16, 24], "channel.loss.rate": [0.1, 0.2]}
    return make_run(
        tmp_path_factory.mktemp("data") / "run", schemes=SCHEMES, swept=swept, seconds=1.0, examples=False
    )


def test_keys_that_go_together_are_one_sweep_and_constants_are_none():
    together = [(16, 12), (24, 12), (32, 20)]
    points = [
        {"codec.bitrate_kbps": kbps, "schemes.dred.bitrate_kbps": dred, "seed": 1, "playout": name}
        for kbps, dred in together
        for name in ("fixed", "offline")
    ]
    found = sweeps(range(6), points)
    assert [sweep.keys for sweep in found] == [
        ("codec.bitrate_kbps", "schemes.dred.bitrate_kbps"), ("playout",),
    ]  # fmt: skip
    assert found[0].points == [[0, 1], [2, 3], [4, 5]]
    assert found[0].texts == ["16, 12", "24, 12", "32, 20"]
    assert [sweep.is_numeric for sweep in found] == [True, False]


def test_the_front_of_bitrates_is_over_the_settings_that_one_chooses(run):
    found = trades(summarize(load(run)), range(4), "wire_kbps")
    assert [trade.points for trade in found] == [(0, 2), (1, 3)]
    for trade in found:
        costs = [cell.costs["wire_kbps"] for cell in trade.front["plcmos"]]
        assert costs == sorted(costs)


def test_the_axes_are_those_of_the_scenario_where_the_run_has_them(run):
    summary = summarize(load(run))
    found, measured = sweeps(range(4), summary.points), measured_columns(summary, range(4))
    assert "dred_sent_ms" in measured and "mouth_to_ear_ms" not in measured
    axes = default_axes({}, found, measured, summary.metrics)
    assert axes == {"x": "wire_kbps", "y": "", "lines": "", "facet": ""}
    asked = {"x": "channel.loss.rate", "y": "estoi", "lines": "codec.bitrate_kbps", "facet": "gone"}
    axes = default_axes({"scenario": {"report": asked}}, found, measured, summary.metrics)
    assert axes == asked | {"facet": ""}


def test_gains_are_differences_to_the_baseline_on_the_same_network(run):
    results = load(run)
    found, baseline = gained(results, "plcmos")
    assert baseline == "plc"
    key = ["point", "clip", "realization"]
    scores = results.table.pivot_table("plcmos", key, "scheme")
    gains = found.table.pivot_table("plcmos", key, "scheme")
    np.testing.assert_allclose(gains["dred 500"], scores["dred 500"] - scores["plc"])
    assert (gains["plc"] == 0).all()
    with pytest.raises(ResultsError, match="--gain: --y wire_kbps is no metric; metrics of this run: plcmos"):
        gained(results, "wire_kbps")


def test_single_calls_are_bounded_and_those_of_the_first_point_always_there(run):
    summary = summarize(load(run))
    whole = single_calls(summary, [2, 0, 1, 3], {"en-allison": "allison"})
    assert whole.speakers == ["allison", "fr-june"]
    assert {*whole.values["plcmos"]} == {0, 1, 2, 3}
    size = sum(len(summary.metrics) * 4 * len(SCHEMES) for _ in range(2))
    part = single_calls(summary, [2, 0, 1, 3], {}, size)
    assert [*part.values["plcmos"]] == [2, 0]
    assert part.left_out == 2
    least = single_calls(summary, [2], {}, 12)
    assert sum(len(of[2]["clips"]) * len(SCHEMES) for of in least.values.values()) <= 12
    table = pd.read_parquet(run / "results.parquet").query("point == 2 and scheme == 'plc'")
    values = np.array(whole.values["plcmos"][2]["schemes"]["plc"]) / 10**whole.decimals
    np.testing.assert_allclose(np.sort(values), np.sort(table["plcmos"]), atol=6e-4)


def test_a_scheme_that_a_metric_scores_at_some_points_only_has_a_page(tmp_path):
    run = make_run(tmp_path / "run", schemes=SCHEMES, seconds=1.0, examples=False)
    table = pd.read_parquet(run / "results.parquet")
    table.loc[(table["scheme"] == "red 1") & (table["point"] == 1), "plcmos"] = np.nan
    table.to_parquet(run / "results.parquet", index=False)
    assert "red 1" in write_report(run).read_text("utf-8")
