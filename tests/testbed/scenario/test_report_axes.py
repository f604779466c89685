"""The axes of a report that a scenario names: valid names, and no influence on rows."""

import pytest

from testbed.errors import ScenarioError
from testbed.resumable import difference
from testbed.scenario.loading import load_scenario, points

AXES = "report={x: playout.delay_ms, y: estoi, facet: playout.delay_ms}"


def test_the_axes_are_the_scenarios_and_no_points():
    scenario = load_scenario("playout-delay", [AXES])
    assert (scenario.report.x, scenario.report.y) == ("playout.delay_ms", "estoi")
    assert all(point.scenario.report is None for point in points(scenario))


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ("report={x: playout.delay}", "report.x: .*no swept key .*did you mean playout.delay_ms?"),
        ("report={y: plcmoss}", "report.y: .*no metric .*did you mean plcmos?"),
        ("report={lines: wire_kbps}", "report.lines: wire_kbps is not swept; known: playout.delay_ms"),
        ("report={colour: red}", "report.colour: unknown key; known: x, y, lines, facet"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(axes, message):
    with pytest.raises(ScenarioError, match=message):
        load_scenario("playout-delay", [axes])


def test_a_key_that_is_no_longer_swept_is_no_axis():
    scenario = load_scenario("playout-delay", [AXES, "playout.delay_ms=100"])
    assert (scenario.report.x, scenario.report.y, scenario.report.facet) == (None, "estoi", None)
    assert load_scenario("playout-delay", [AXES, "sweep={codec.bitrate_kbps: [16, 24]}"]).report is None


def test_another_report_is_no_obstacle_to_resuming():
    one, other = ({"scenario": {"name": "a", **more}} for more in ({}, {"report": {"x": "wire_kbps"}}))
    assert difference(one, other) == ""
    assert difference(one, {"scenario": {"name": "b"}}) != ""
