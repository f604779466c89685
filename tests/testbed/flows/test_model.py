"""A flow study's YAML: mistakes are reported with file, line and key."""

import pytest

from testbed.errors import ScenarioError
from testbed.scenario.flow_scenario import FlowScenario
from testbed.scenario.loading import parse_scenario, points

TEXT = """\
name: s
flows:
  - {name: S1, media: {kind: video}, stop_s: 9}
  - {name: S2, media: {kind: audio}, pauses_s: [[2, 3]]}
duration_s: 10
congestion: {controller: gcc}
feedback: {format: ccfb}
forward:
  - link: {rate_kbps: 1000}
backward: []
"""


def test_it_is_told_from_a_scenario_of_calls_by_its_flows():
    study = parse_scenario(TEXT)
    assert isinstance(study, FlowScenario)
    assert [flow.media.kind for flow in study.flows] == ["video", "audio"]
    assert study.flows[0].spans_s(10) == [(0, 9)]
    assert study.flows[1].spans_s(10) == [(0, 2), (3, 10)]
    assert study.flows[1].spans_s(2.5) == [(0, 2)]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: video", "kind: vide", "s.yaml:3: flows.0.media.kind: unknown kind of media 'vide'"),
        (
            "kind: video",
            "kind: video, min_kbps: 2000",
            "s.yaml:3: flows.0.media: rates must be in order",
        ),
        ("kind: video", "kind: video, frames: 3", "s.yaml:3: flows.0.media.frames: unknown key"),
        ("stop_s: 9", "stop_s: -9", "s.yaml:3: flows.0.stop_s: must be more than 0"),
        ("stop_s: 9", "start_s: 10", "s.yaml:3: flows.0.start_s: must be before the end, duration_s 10"),
        ("stop_s: 9", "start_s: 5, stop_s: 4", "s.yaml:3: flows.0.stop_s: must be later than start_s, 5"),
        ("[[2, 3]]", "[[3, 2]]", "s.yaml:4: flows.1.pauses_s: must be [from, to] in s"),
        ("[[2, 3]]", "[[2, 4], [3, 5]]", "s.yaml:4: flows.1.pauses_s: must be [from, to] in s"),
        ("[[2, 3]]", "[2, 3]", "s.yaml:4: flows.1.pauses_s.0"),
        ("name: S2", "name: S1", "s.yaml:4: flows.1.name: 'S1' is the name of flows.0 too"),
        ("name: S2", "name: cross 1", "s.yaml:4: flows.1.name: names that begin with 'cross '"),
        ("name: S2", "direction: up, name: S2", "s.yaml:4: flows.1.direction"),
        ("duration_s: 10", "duration_s: 0", "s.yaml:5: duration_s: must be more than 0"),
        ("duration_s: 10\n", "", "duration_s: missing"),
        ("gcc}", "bbr}", "6: congestion.controller: unknown congestion controller 'bbr'; known: none"),
        (
            "gcc}",
            "gcc, max_kbps: 500}",
            "s.yaml:6: congestion.max_kbps: the rates are those of each flow's media",
        ),
        (
            "gcc}\nfeedback: {format: ccfb",
            "nada}\nfeedback: {format: receiver_report",
            "s.yaml:7: feedback.format: nada needs to know when packets arrived",
        ),
        ("rate_kbps: 1000", "rate_kbps: 0", "s.yaml:9: forward.0.link.rate_kbps"),
        ("backward: []", "speech: {}\nbackward: []", "s.yaml:10: speech: unknown key"),
    ],
)
def test_mistakes(old, new, message):
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(TEXT.replace(old, new), label="s.yaml")
    assert message in str(caught.value)


def test_a_sweep_over_controllers_and_the_channel():
    swept = TEXT + "sweep: {congestion.controller: [gcc, none], forward.link.rate_kbps: [500, 900]}\n"
    made = points(parse_scenario(swept))
    assert [(p.scenario.congestion.controller, p.scenario.forward[0].parameters.rate_kbps) for p in made] == [
        ("gcc", 500),
        ("gcc", 900),
        ("none", 500),
        ("none", 900),
    ]
    with pytest.raises(ScenarioError, match=r"congestion\.controller: unknown congestion controller"):
        parse_scenario(TEXT + "sweep: {congestion.controller: [gcc, vegas]}\n")
