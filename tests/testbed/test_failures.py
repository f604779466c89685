"""Failures of a run: their tracebacks stay in its folder, and on request the first one ends the run."""

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import testbed
from testbed import failures
from testbed.cli import app
from testbed.columns import failed_rows
from testbed.errors import ResultsError, RunError
from testbed.failures import FAILURES_FILE, Failure, keep_failures, read_failures
from testbed.runner import run_scenario
from testbed.scenario.loading import parse_scenario

# RED copies frames of at most 1023 bytes (RFC 2198).
CALLS = """
name: failing
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 450, rate_mode: cbr, complexity: 0}
schemes: [plc, {red: {copies: 1}}]
channel: [{loss: {model: bernoulli, rate: 0.2}}]
playout: {policy: offline}
realizations: 2
metrics: []
"""
FLOWS = """
name: failing
flows: [{name: one, media: {kind: voice}}]
duration_s: 5
congestion: {controller: none}
forward: []
backward: []
limits: {events: 20}
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_failed_call_has_a_traceback_in_the_folder_of_the_run(tmp_path: Path, jobs: int) -> None:
    run = run_scenario(parse_scenario(CALLS), tmp_path / "run", jobs)
    found = run.failures()
    assert len(found) == 2
    assert [each.row for each in found] == list(run.table.index[run.table["payload_kbps"].isna()])
    for each in found:
        row = run.table.loc[each.row]
        assert dict(each.identity) == {name: row[name] for name in each.identity}
        assert each.reason == row["error"]
        assert each.traceback.startswith("Traceback (most recent call last):\n")
        assert each.traceback.rstrip().endswith(each.reason)
        assert "in simulate_call" in each.traceback
    assert FAILURES_FILE in run.manifest["written"]
    said = CliRunner().invoke(app, ["show", str(run.folder), "--failures"]).output
    assert said == "".join(f"{each}\n{each.traceback}\n" for each in found)


def test_a_run_in_place_of_another_removes_its_failures(tmp_path: Path) -> None:
    run_scenario(parse_scenario(CALLS), tmp_path / "run", 1)
    run = run_scenario(parse_scenario(CALLS.replace("450", "24")), tmp_path / "run", 1, force=True)
    assert run.failures() == []
    assert not (run.folder / FAILURES_FILE).exists()


def test_a_flow_study_keeps_the_tracebacks_of_its_runs(tmp_path: Path) -> None:
    [failure] = run_scenario(parse_scenario(FLOWS), tmp_path / "run", 1).failures()
    assert (failure.row, dict(failure.identity)) == (0, {"point": 0, "realization": 0})
    assert "in simulate" in failure.traceback


@pytest.mark.parametrize(("text", "rows"), [(CALLS, 6), (FLOWS, 1)])
def test_fail_fast_ends_the_run_at_the_first_failure_and_keeps_the_rows(
    tmp_path: Path, text: str, rows: int
) -> None:
    text = text.replace("realizations: 2", "realizations: 2\nsweep: {codec.complexity: [0, 1]}")
    with pytest.raises(RunError, match=r"--fail-fast.* row \d+ \(point 0, .*\) failed: .* kept in") as caught:
        run_scenario(parse_scenario(text), tmp_path / "run", 1, fail_fast=True)
    assert caught.value.exit_code == 1
    kept = testbed.load(tmp_path / "run")
    assert not kept.manifest["complete"]
    assert 0 < len(kept.table) <= rows
    assert kept.failures()


def test_fail_fast_on_the_command_line_exits_with_1(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(CALLS)
    done = CliRunner().invoke(
        app, ["run", str(tmp_path / "s.yaml"), "--out", str(tmp_path / "run"), "--jobs", "1", "--fail-fast"]
    )
    assert done.exit_code == 1
    assert "scheme RED x1, clip en-allison-1, realization 0) failed: " in done.stderr


def failure(row: int, text: str = "why") -> Failure:
    return Failure(row, {"point": 0, "scheme": "plc"}, text, f"Traceback\n{text}")


def test_failures_are_read_once_in_the_order_of_their_rows(tmp_path: Path) -> None:
    keep_failures(tmp_path, [failure(7), failure(3, "early")])
    keep_failures(tmp_path, [failure(3)])
    assert read_failures(tmp_path) == [failure(3), failure(7)]


def test_a_line_that_a_crash_cut_off_spoils_no_other(tmp_path: Path) -> None:
    keep_failures(tmp_path, [failure(1), failure(2)])
    path = tmp_path / FAILURES_FILE
    path.write_bytes(path.read_bytes()[:-9])
    keep_failures(tmp_path, [failure(3)])
    assert read_failures(tmp_path) == [failure(1), failure(3)]


def test_the_file_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "MOST_BYTES", 1000)
    keep_failures(tmp_path, [failure(row) for row in range(100)])
    assert 800 < (tmp_path / FAILURES_FILE).stat().st_size <= 1000
    assert [each.row for each in read_failures(tmp_path)] == list(range(len(read_failures(tmp_path))))


def test_failures_of_others_are_checked_and_escaped(tmp_path: Path) -> None:
    path = tmp_path / FAILURES_FILE
    for line in ('{"row": 1}', '{"row": "1", "identity": {}, "reason": "", "traceback": ""}', "[]"):
        path.write_text(line)
        assert_refused(tmp_path)
    path.write_bytes(b" " * (failures.MOST_BYTES + 1))
    assert_refused(tmp_path)
    path.unlink()
    keep_failures(tmp_path, [failure(1, "\x1b[31m\ud800")])
    [found] = read_failures(tmp_path)
    assert found.reason == "\\x1b[31m\\ud800"
    json.loads(path.read_text().strip())


@pytest.mark.filterwarnings("error")
def test_rows_without_any_error_are_not_failed() -> None:
    assert failed_rows(pd.DataFrame({"error": [float("nan"), float("nan")]})).tolist() == [False, False]
    assert failed_rows(pd.DataFrame({"error": ["", None, "it broke"]})).tolist() == [False, False, True]


def assert_refused(folder: Path) -> None:
    with pytest.raises(ResultsError, match=FAILURES_FILE):
        read_failures(folder)
