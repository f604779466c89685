"""A scenario has an event budget, and a run that uses it up says by what."""

import pytest

from testbed.errors import TestbedError
from testbed.runner import run
from testbed.scenario import parse_scenario

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
        and "Sender.run" in message
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
