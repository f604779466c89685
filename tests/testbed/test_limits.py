"""Runs and simulations are bounded before they take memory or time, and say which key raises the bound."""

import pytest

from testbed.errors import ScenarioError, TestbedError
from testbed.plan import plan
from testbed.runner import run, run_scenario
from testbed.scenario.loading import parse_scenario

SCENARIO = """
name: limited
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 16, complexity: 0}
schemes: [plc]
channel:
  - link: {rate_kbps: 200, cross_traffic: [{model: cbr, rate_kbps: 100, packet_bytes: 50}]}
playout: {policy: offline}
metrics: []
limits: {events: %s}
"""


def test_a_used_up_budget_names_its_users(tmp_path):
    path = tmp_path / "limited.yaml"
    path.write_text(SCENARIO % 500)
    table = run(path, out=tmp_path / "run").table
    (message,) = table["error"][table["scheme"] != "no loss"]
    assert "budget of 500 events (limits.events)" in message
    assert (
        "RateLink._sent" in message
        and "Sender.send" in message
        and "cross 1 cbr" in message
        and "media" in message
    )


def test_by_default_it_is_fifty_million_events():
    scenario = parse_scenario(SCENARIO.replace("limits: {events: %s}", ""))
    assert scenario.limits.events == 50_000_000


@pytest.mark.parametrize("events", ["0", "-1", "1.5", "many"])
def test_an_impossible_budget_is_refused(events):
    with pytest.raises(TestbedError, match=r"limits\.events"):
        parse_scenario(SCENARIO % events)


MANY = SCENARIO.replace(
    "limits: {events: %s}", "realizations: 10000\nsweep: {codec.bitrate_kbps: [8, 16, 24]}\n"
)


def test_more_calls_than_the_limit_are_refused_before_points_are_built():
    values = ", ".join(str(8 + n / 10) for n in range(100))
    swept = f"[{values}], channel.link.rate_kbps: [{values}]"
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(MANY.replace("[8, 16, 24]", swept))
    assert "200000000 calls (10000 points of 20000, with 10000 realizations)" in str(caught.value)
    assert "at most 1000000, which limits.calls raises" in str(caught.value)


def test_the_number_of_clips_counts_once_it_is_known():
    scenario = parse_scenario(MANY + "limits: {calls: 70000}\n")
    assert plan(scenario, 1).calls == 60_000
    with pytest.raises(ScenarioError, match=r"120000 calls .*at most 70000"):
        plan(scenario, 2)
    with pytest.raises(ScenarioError, match=r"60000 calls .*at most 50000"):
        plan(scenario, 1, 50_000)
    assert plan(parse_scenario(MANY + "limits: {calls: 120000}\n"), 2).calls == 120_000


def test_a_flow_study_is_bounded_as_well():
    text = """
name: study
duration_s: 1
flows: [{name: A, media: {kind: video}}]
congestion: {controller: none}
forward: []
backward: []
realizations: 11
limits: {calls: 10}
"""
    with pytest.raises(ScenarioError, match=r"scenario:8: realizations: 11 calls .*limits.calls"):
        parse_scenario(text)


@pytest.mark.parametrize("doublings", [5, 60])
def test_copies_of_packets_count_as_events(tmp_path, doublings):
    stages = ", ".join(["{duplicate: {rate: 1}}"] * doublings)
    link = SCENARIO[SCENARIO.index("channel:") : SCENARIO.index("playout:")]
    text = SCENARIO.replace(link, f"channel: [{stages}]\n")
    table = run_scenario(parse_scenario(text % 2000), tmp_path / "run", jobs=1).table
    (message,) = table["error"][table["scheme"] != "no loss"]
    assert "budget of 2000 events" in message
    assert "Copies of packets: " in message
