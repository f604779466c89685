"""The point that has the scenario's own values."""

import pytest

from testbed.scenario.loading import load_scenario, points
from testbed.scenario.own_point import own_point

GIVEN = {
    "name": "own",
    "speech": {"corpus": "packaged", "clips": 1},
    "codec": {"bitrate_kbps": 16},
    "schemes": ["plc", {"dred": {"depth_ms": 200, "bitrate_kbps": 18}}],
    "channel": [{"loss": {"model": "bernoulli", "rate": 0.1}}],
    "playout": {"policy": "offline"},
    "metrics": [],
}


@pytest.mark.parametrize(
    ("sweep", "expected"),
    [
        ({"codec.bitrate_kbps": [16, 24, 32]}, {"codec.bitrate_kbps": 16}),
        ({"codec.bitrate_kbps": [20, 24, 32]}, {"codec.bitrate_kbps": 24}),
        ({"codec.complexity": [1, 5, 9]}, {"codec.complexity": 5}),
        (
            {"channel.loss.rate": [0.1, 0.3], "codec.complexity": [1, 5, 9]},
            {"channel.loss.rate": 0.1, "codec.complexity": 5},
        ),
        (
            {"zip": [{"codec.bitrate_kbps": [24, 16, 32], "schemes.dred.bitrate_kbps": [10, 12, 14]}]},
            {"codec.bitrate_kbps": 16, "schemes.dred.bitrate_kbps": 12},
        ),
    ],
    ids=["own value", "other values", "no own value", "one own value", "values that go together"],
)
def test_the_scenarios_own_values_are_preferred_and_then_the_middle(sweep, expected):
    scenario = load_scenario(GIVEN | {"sweep": sweep})
    assert points(scenario)[own_point(scenario)].parameters == expected


def test_a_scenario_without_a_sweep_has_one_point():
    assert own_point(load_scenario(GIVEN)) == 0
