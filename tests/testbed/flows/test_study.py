"""A study as a run: its tables, any number of processes, failures, and what the command line says."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyarrow.parquet import ParquetFile
from typer.testing import CliRunner

from testbed import runner
from testbed.cli import app
from testbed.columns import names
from testbed.errors import ResultsError, ScenarioError
from testbed.flows.columns import CHANGES, COLUMNS
from testbed.flows.study import FlowStudy
from testbed.results import CHANGES_FILE, TRAJECTORIES_FILE, load, read_table
from testbed.scenario.document import read_document
from testbed.scenario.loading import load_scenario, parse_scenario
from testbed.scenario.packaged import packaged_scenarios

TEXT = """
name: small
flows:
  - {name: S1, media: {kind: video}}
  - {name: S2, media: {kind: voice}, direction: backward, start_s: 1}
duration_s: 4
congestion: {controller: gcc}
forward:
  - loss: {model: bernoulli, rate: 0.02}
  - link: {rate_kbps: 600, delay_ms: 20, cross_traffic: [{model: tcp}]}
backward:
  - link: {rate_kbps: 100, delay_ms: 20}
realizations: 2
sweep: {congestion.controller: [nada, none]}
"""
CASES = sorted(name for name in packaged_scenarios() if name.startswith("rfc8867/"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return runner.run_scenario(parse_scenario(TEXT), tmp_path_factory.mktemp("run") / "run", jobs=1)


def test_the_tables(finished):
    table = finished.table
    assert len(table) == 2 * 2 * 3
    assert set(table.columns) == {*names(COLUMNS), "congestion.controller"}
    assert (table["error"] == "").all()
    assert table["flow"].unique().tolist() == ["S1", "cross 1 tcp", "S2"]
    assert table["congestion.controller"].unique().tolist() == ["nada", "none"]
    media = table[table["kind"].isin(["video", "voice"])]
    assert (
        media[["received_kbps", "utilisation", "queue_p95_ms", "loss", "feedback_kbps"]].notna().all().all()
    )
    assert ((table["loss"] >= 0) & (table["loss"] < 1)).all()
    assert (table["link_utilisation"] <= 1.01).all()
    series = finished.trajectories
    assert len(series) == len(table) * 40
    assert set(series["capacity_kbps"].unique()) == {600, 100}
    met = read_table(finished.folder / CHANGES_FILE)
    assert set(names(CHANGES)) <= set(met.columns)
    assert met["flow"].unique().tolist() == ["S1", "S2"]


def test_the_time_series_add_up_to_the_rows(finished):
    means = finished.trajectories.groupby(["point", "realization", "flow"])["received_kbps"].sum() * 0.1
    for row in finished.table[finished.table["flow"] == "S1"].itertuples():
        whole = row.received_kbps * row.active_s
        # What arrives after the end is in the row alone: at most a queue and the propagation.
        assert means[row.point, row.realization, "S1"] == pytest.approx(whole, abs=600 * 0.35)


def test_any_number_of_processes_gives_identical_tables(finished, tmp_path):
    parallel = runner.run_scenario(parse_scenario(TEXT), tmp_path / "run", jobs=2)
    pd.testing.assert_frame_equal(
        finished.table.drop(columns="seconds_simulate"),
        parallel.table.drop(columns="seconds_simulate"),
        check_exact=True,
    )
    pd.testing.assert_frame_equal(finished.trajectories, parallel.trajectories, check_exact=True)
    assert ParquetFile(finished.folder / TRAJECTORIES_FILE).num_row_groups == 1


def test_a_run_is_made_again_from_its_manifest(finished, tmp_path):
    again = runner.run_scenario(
        parse_scenario(json.dumps(finished.manifest["scenario"])), tmp_path / "run", jobs=1
    )
    pd.testing.assert_frame_equal(
        finished.table.drop(columns="seconds_simulate"), again.table.drop(columns="seconds_simulate")
    )


def test_there_are_no_calls_in_it(finished, tmp_path):
    with pytest.raises(ResultsError, match="a flow study"):
        finished.call(0)
    with pytest.raises(ScenarioError, match="--save audio: a flow study has no calls"):
        runner.run_scenario(parse_scenario(TEXT), tmp_path / "run", save=frozenset(["audio"]))
    assert not (tmp_path / "run").exists()


def test_a_run_that_fails_is_rows_with_the_reason(tmp_path):
    budget = parse_scenario(TEXT + "limits: {events: 1000}\n")
    done = runner.run_scenario(budget, tmp_path / "run", jobs=1)
    assert done.is_failure
    assert done.table["error"].str.contains("budget of 1000 events").all()
    assert "4 of 4 runs failed" in done.manifest["warnings"][0]
    assert "budget of 1000 events" in done.report().read_text("utf-8")


def test_an_interruption_keeps_what_is_finished(tmp_path, monkeypatch):
    real, calls = FlowStudy.work, []

    def interrupted(points, run):
        calls.append(run)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(points, run)

    monkeypatch.setattr(FlowStudy, "work", staticmethod(interrupted))
    with pytest.raises(KeyboardInterrupt, match="6 rows are kept in"):
        runner.run_scenario(parse_scenario(TEXT), tmp_path / "run", jobs=1)
    kept = load(tmp_path / "run")
    assert not kept.manifest["complete"]
    assert len(kept.table) == 2 * 3
    assert len(read_table(kept.folder / CHANGES_FILE)) > 0


def test_the_command_line(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT)
    planned = CliRunner().invoke(app, ["run", str(path), "--dry-run"])
    assert "= 4 runs, 16 s of simulated time" in planned.output
    assert "S2: voice backward, 1 to 4 s" in planned.output
    out = tmp_path / "out"
    options = ["--set", "congestion.controller=scream", "--set", "realizations=1", "--jobs", "1"]
    done = CliRunner().invoke(app, ["run", str(path), "--out", str(out), *options])
    assert done.exit_code == 0, done.output
    assert sorted(p.name for p in out.iterdir()) == [
        ".speech-testbed-run",
        "changes.parquet",
        "manifest.json",
        "report.html",
        "results.parquet",
        "trajectories.parquet",
    ]
    wrong = CliRunner().invoke(app, ["run", str(path), "--set", "flows.S1.stop_s=soon"])
    assert wrong.exit_code == 2
    assert "--set: flows.0.stop_s: must be a number" in wrong.output


def scaled(name, factor):
    """Return a packaged study with all its times shortened."""
    data = read_document(packaged_scenarios()[name], name, Path()).data
    data["duration_s"] *= factor
    for flow in data["flows"]:
        for key in ("start_s", "stop_s"):
            if key in flow:
                flow[key] *= factor
        flow["pauses_s"] = [[edge * factor for edge in pause] for pause in flow.get("pauses_s", ())]
    for stage in (*data["forward"], *data["backward"]):
        link = stage.get("link", {})
        for step in link.get("steps", ()):
            step["from_ms"] *= factor
        for other in link.get("cross_traffic", ()):
            for key in ("start_ms", "stop_ms", "mean_pause_ms"):
                if key in other:
                    other[key] *= factor
    return parse_scenario(json.dumps(data))


def test_all_of_rfc_8867_is_there_twice():
    stems = [name.removeprefix("rfc8867/")[:3] for name in CASES if not name.endswith("-voice")]
    assert stems == [f"5.{number}" for number in range(1, 9)]
    assert [name for name in CASES if f"{name}-voice" in CASES] == [
        n for n in CASES if not n.endswith("-voice")
    ]


@pytest.mark.parametrize("name", CASES)
def test_the_cases_of_rfc_8867_run(name, tmp_path):
    short = scaled(name, 4 / load_scenario(name).duration_s)
    done = runner.run_scenario(short, tmp_path / "run", jobs=1)
    assert set(done.table["congestion.controller"]) == {"gcc", "nada", "scream", "none"}
    assert (done.table["error"] == "").all()
    media = done.table[done.table["kind"].isin(["video", "voice"])]
    assert (media["received_kbps"] > 0).all()
    assert np.isfinite(media["queue_p95_ms"]).all()
