"""The estimate of a dry run, held against the run and against costs that are known."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import testbed
from testbed import compilation
from testbed import estimate as estimating
from testbed.call_results import CallResults
from testbed.call_study import CallStudy
from testbed.flows import estimate as flow_estimating
from testbed.plan import CallId, Group
from testbed.progress import measuring
from testbed.run_context import RunContext
from testbed.run_estimate import RunEstimate
from testbed.scenario.loading import parse_scenario
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
    return study_of(parse_scenario(text), save).estimate(lambda done, total: None)


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


class Costs:
    """Stands in for calls and for the clock: the costs of calls are made up."""

    def __init__(self) -> None:
        self.spent_s = 0.0
        self.tried: list[Group] = []

    def results_of(self, context: RunContext, groups: Sequence[Group]) -> CallResults:
        results = CallResults()
        for group in groups:
            self.tried.append(group)
            for number, call in enumerate(group.calls):
                results.rows[call] = self.row(context, call, is_first=number == 0)
        return results

    def row(self, context: RunContext, call: CallId, is_first: bool) -> dict[str, Any]:
        scheme, metrics = context.scheme(call), context.scenario(call).metrics_of(call.realization)
        is_new = is_first or not scheme.is_ceiling
        row = {
            "wire_kbps": 10.0,
            "seconds_encode": 0.5 * is_first,
            "seconds_simulate": 0.01 * (1 + call.point),
            "seconds_decode": 0.02 * is_new,
            "seconds_metrics": 0.1 * len(metrics) * is_new,
        }
        self.spent_s += sum(value for name, value in row.items() if name.startswith("seconds"))
        return row

    def stopwatch(self) -> "Watch":
        return Watch(self)


class Watch:
    def __init__(self, costs: Costs) -> None:
        self._costs, self._start_s = costs, costs.spent_s

    @property
    def seconds(self) -> float:
        return self._costs.spent_s - self._start_s


@pytest.mark.parametrize("engine", ["libopus", "numba"])
def test_the_work_is_that_of_encodings_and_calls_with_the_metrics_of_each(
    monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    costs = Costs()
    monkeypatch.setattr(estimating, "results_of", costs.results_of)
    monkeypatch.setattr(estimating, "Stopwatch", costs.stopwatch)
    monkeypatch.setattr(compilation, "is_needed", lambda plan: False)
    monkeypatch.setattr(estimating, "_MOST_S", 1000.0)
    text = SCENARIO.replace("[estoi]", "[estoi, {pesq_wb: {realizations: 2}}]")
    text += f"realizations: 40\nengine: {engine}\nsweep: {{channel.loss.rate: [0.1, 0.2, 0.3]}}\n"
    found = estimated(text.replace("clips: 1", "clips: 2"))
    assert {group.engine for group in costs.tried} == {engine}
    assert {group.clip for group in costs.tried} == {0, 1}
    assert {group.calls[0].point for group in costs.tried} == {0, 1, 2}
    # Per clip: three encodings at each of three rates, since libopus plans LBRR and DRED for the loss.
    study = study_of(parse_scenario(text))
    assert isinstance(study, CallStudy)
    encodings = len(study._plan.encodings)
    simulated = 4 * 40 * 3 * 0.02
    heard = 3 * 3 * (40 * (0.02 + 0.1) + 2 * 0.1)
    ceiling = 3 * (0.02 + 0.2)
    expected = 2 * (0.5 * encodings + simulated + heard + ceiling)
    assert found.work_s == pytest.approx(expected, rel=0.1)


def test_a_sample_that_costs_much_ends_after_the_schemes_of_the_middle_point(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    costs, told = Costs(), list[tuple[int, int]]()
    monkeypatch.setattr(estimating, "results_of", costs.results_of)
    monkeypatch.setattr(estimating, "Stopwatch", costs.stopwatch)
    monkeypatch.setattr(estimating, "_MOST_S", 0.1)
    text = SCENARIO + "sweep: {channel.loss.rate: [0.1, 0.2, 0.3]}\n"
    study_of(parse_scenario(text)).estimate(lambda done, total: told.append((done, total)))
    assert [group.calls[0].point for group in costs.tried[1:]] == [1] * 4
    assert told == [(0, 12), (1, 4), (2, 4), (3, 4), (4, 4)]


WORDS = RunEstimate(
    3.0, 2.0, 235.0, 5.0, tasks=200, disk_bytes=2e6, wire_kbps={"plc": 38.2, "DRED": math.nan}
)


def test_the_words_name_each_scheme_and_the_processes() -> None:
    lines = WORDS.lines(1)
    assert lines[1:] == ["  plc     38", "  DRED     -", "about 4 minutes in 1 process, 2 MB on disk"]
    assert WORDS.lines(2)[-1] == "about 2 minutes in 2 processes, 2 MB on disk"


@pytest.mark.parametrize(
    ("tasks", "jobs", "expected"),
    [(200, 1, 245.0), (200, 2, 130.5), (1, 8, 245.0), (3, 2, 3 + 3 + 2 + 235 * 2 / 3 + 5)],
)
def test_processes_share_whole_tasks_and_begin_after_this_one(tasks: int, jobs: int, expected: float) -> None:
    assert replace(WORDS, tasks=tasks).wall_s(jobs) == pytest.approx(expected)


def test_the_estimate_gives_the_reason_of_calls_that_fail() -> None:
    found = estimated(SCENARIO + "limits: {events: 100}")
    assert math.isnan(found.wire_kbps["classic PLC"])  # only the ceiling needs no events
    assert found.lines(1)[-2].startswith("note: a part of the sample failed: ")
    none = replace(found, work_s=math.nan)
    assert none.lines(1)[-1].startswith("no estimate of the time, because the sample failed: ")


def test_a_flow_study_is_estimated_from_a_run_of_some_points(monkeypatch: pytest.MonkeyPatch) -> None:
    costs, tried = Costs(), []
    monkeypatch.setattr(flow_estimating, "Stopwatch", costs.stopwatch)

    def try_run(point: int) -> tuple[int, str]:
        tried.append(point)
        costs.spent_s += 1.0 if len(tried) > 1 else 2.5
        return 1000, "" if point else "failed"

    found = flow_estimating.estimate(9, 90, try_run, lambda done, total: None)
    assert tried == [4, 4, 0, 8, 2, 6]
    assert (found.work_s, found.warm_up_s, found.failure) == (90, 1.5, "failed")
    assert found.disk_bytes == pytest.approx(90 * 1000, abs=1e6)


def test_a_measurement_tells_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with measuring() as report:
        report(1, 4)
    assert capsys.readouterr().err.startswith("measuring a sample: 1 of 4 parts, 0:00:0")
