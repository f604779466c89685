"""Flow studies with a cache: the same tables, and only the runs that are new are simulated."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from testbed import runner
from testbed.loaded_run import Run
from testbed.results import CHANGES_FILE, read_table
from testbed.scenario.loading import parse_scenario

TEXT = """
name: small
flows:
  - {name: S1, media: {kind: video}}
  - {name: S2, media: {kind: voice}, direction: backward, start_s: 1}
duration_s: 3
congestion: {controller: gcc}
forward: [{link: {rate_kbps: 600, delay_ms: 20, cross_traffic: [{model: cbr, rate_kbps: 50}]}}]
backward: [{link: {rate_kbps: 100, delay_ms: 20}}]
"""
FEW = "realizations: 1\nsweep: {congestion.controller: [nada]}\n"
MORE = "realizations: 2\nsweep: {congestion.controller: [nada, none]}\n"


@pytest.fixture
def run(own_cache: Path, tmp_path: Path) -> Any:
    def function(text: str, cache: bool = True) -> Run:
        return runner.run_scenario(parse_scenario(TEXT + text), tmp_path / "run", 1, force=True, cache=cache)

    return function


def assert_equal_tables(one: Run, other: Run) -> None:
    pd.testing.assert_frame_equal(
        one.table.drop(columns="seconds_simulate"), other.table.drop(columns="seconds_simulate")
    )
    pd.testing.assert_frame_equal(one.trajectories, other.trajectories, check_exact=True)


def test_a_wider_study_simulates_only_new_runs_and_has_the_same_tables(run):
    run(FEW)
    wider = run(MORE)
    assert (wider.manifest["cache"]["computed"], wider.manifest["cache"]["cached"]) == (3, 1)
    changes = read_table(wider.folder / CHANGES_FILE)
    assert_equal_tables(wider, run(MORE, cache=False))
    pd.testing.assert_frame_equal(changes, read_table(wider.folder / CHANGES_FILE))


def test_another_network_is_simulated_anew(run):
    run(FEW)
    other = TEXT.replace("rate_kbps: 600", "rate_kbps: 601")
    done = runner.run_scenario(parse_scenario(other + FEW), Path(run(FEW).folder), 1, force=True)
    assert done.manifest["cache"]["computed"] == 1


def test_a_failed_run_is_not_kept(run):
    failing = FEW + "limits: {events: 100}\n"
    assert (run(failing).table["error"] != "").all()
    assert run(failing).manifest["cache"]["cached"] == 0
