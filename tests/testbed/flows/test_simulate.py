"""Whole runs: packets are conserved, times are what theory says, and nothing hangs."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.flows.simulate import simulate
from testbed.flows.study import series_of
from testbed.scenario.loading import parse_scenario
from testbed.timeline import NEVER

S = 1_000_000_000


def study(**changed):
    made = {
        "name": "s",
        "flows": [{"name": "S1", "media": {"kind": "video"}}],
        "duration_s": 5,
        "congestion": {"controller": "gcc"},
        "forward": [{"link": {"rate_kbps": 1000, "delay_ms": 20}}],
        "backward": [{"delay": {"constant_ms": 30}}],
    }
    return parse_scenario(json.dumps({**made, **changed}))


stages = st.lists(
    st.sampled_from(
        [
            {"delay": {"constant_ms": 7}},
            {"loss": {"model": "bernoulli", "rate": 0.1}},
            {"jitter": {"model": "normal", "mean_ms": 20, "std_ms": 20, "reorder": True}},
            {"link": {"rate_kbps": 300, "queue": {"discipline": "drop_tail", "limit_packets": 5}}},
            {"link": {"rate_kbps": 500, "queue": {"discipline": "fq_codel"}, "delay_ms": 9}},
            {"link": {"rate_kbps": 400, "cross_traffic": [{"model": "tcp"}, {"model": "tcp", "flows": 2}]}},
        ]
    ),
    max_size=3,
)


@settings(max_examples=30, deadline=None)
@given(stages, stages, st.sampled_from(["gcc", "nada", "scream", "none"]))
def test_a_packet_arrives_or_is_dropped_by_a_named_cause(forward, backward, controller):
    outcome = simulate(
        study(
            flows=[
                {"name": "S1", "media": {"kind": "video"}},
                {"name": "S2", "media": {"kind": "voice"}, "direction": "backward", "access_delay_ms": 3},
                {"name": "A1", "media": {"kind": "audio"}},
            ],
            duration_s=2,
            forward=forward,
            backward=backward,
            congestion={"controller": controller},
        ),
        0,
    )
    for log in outcome.flows.values():
        there = sum(at != NEVER for at in log.arrived_ns)
        assert (
            len(log.sent_ns) == len(log.size_bytes) == len(log.queue_ns) == there + sum(log.dropped.values())
        )
        assert there == log.copies
        assert set(log.dropped) <= {"loss", "queue", "codel", "overlimit", "fq_codel"}
        assert all(at == NEVER or at >= sent for at, sent in zip(log.arrived_ns, log.sent_ns, strict=True))
        assert 0 <= log.feedback_arrived <= log.feedback_sent
    for other in outcome.cross_traffic:
        assert other.sent[-1] >= other.delivered[-1] + other.dropped[-1]


def test_on_an_empty_link_a_packet_takes_its_sending_and_the_propagation():
    audio = [{"name": "A1", "media": {"kind": "audio"}, "access_delay_ms": 11}]
    log = simulate(study(flows=audio), 0).flows["A1"]
    delays = np.array(log.arrived_ns) - np.array(log.sent_ns)
    assert set(delays.tolist()) == {(11 + 20) * 1_000_000 + 50 * 8 * 1000}
    assert set(log.queue_ns) == {0}


def test_without_control_the_queue_is_full_and_the_rest_is_lost():
    made = study(congestion={"controller": "none"}, duration_s=20)
    series = series_of(made, simulate(made, 0))["S1"]
    late = series["time_s"] > 5
    assert series["target_kbps"][late] == pytest.approx(1500)
    assert series["received_kbps"][late].mean() == pytest.approx(1000, rel=0.01)
    assert series["loss"][late].mean() == pytest.approx(1 - 1000 / 1500, abs=0.02)
    assert 270 < np.median(series["queue_ms"][late]) <= 300


@pytest.mark.parametrize("controller", ["gcc", "nada", "scream"])
def test_feedback_that_never_arrives_leads_to_the_minimum_and_to_an_end(controller):
    lost = [{"loss": {"model": "bernoulli", "rate": 1.0}}]
    media = {"kind": "video", "start_kbps": 900}
    made = study(
        flows=[{"name": "S1", "media": media}],
        backward=lost,
        congestion={"controller": controller},
        duration_s=10,
    )
    log = simulate(made, 0).flows["S1"]
    assert log.feedback_sent > 50
    assert log.feedback_arrived == 0
    assert log.targets[0][1] == 900
    assert log.targets[-1][1] == 150


@pytest.mark.parametrize("controller", ["gcc", "nada", "scream"])
def test_a_flow_that_begins_late_begins_at_its_start_rate(controller):
    media = {"kind": "video", "start_kbps": 900}
    flow = {"name": "S1", "media": media, "start_s": 4}
    log = simulate(study(flows=[flow], congestion={"controller": controller}), 0).flows["S1"]
    assert [kbps for _, kbps in log.targets[:2]] == [900, 900]


def test_a_flow_is_silent_outside_its_times():
    flow = {"name": "S1", "media": {"kind": "video"}, "start_s": 1, "stop_s": 4, "pauses_s": [[2, 3]]}
    log = simulate(study(flows=[flow]), 0).flows["S1"]
    assert {at // S for at in log.sent_ns} == {1, 3}


def test_feedback_shares_the_link_with_the_media_of_the_other_direction():
    """With a backward link that is full of uncontrolled media, some reports are lost, and all are late."""
    flows = [
        {"name": "S1", "media": {"kind": "video"}},
        {"name": "B1", "media": {"kind": "audio", "rate_kbps": 300}, "direction": "backward"},
    ]
    full = [{"link": {"rate_kbps": 200, "queue": {"discipline": "drop_tail", "limit_packets": 3}}}]
    crowded = simulate(study(flows=flows, backward=full), 0).flows["S1"]
    alone = simulate(study(flows=flows[:1], backward=full), 0).flows["S1"]
    assert alone.feedback_arrived == alone.feedback_sent
    assert crowded.feedback_arrived < 0.9 * crowded.feedback_sent


def test_a_realization_is_repeated_and_another_differs():
    made = study(forward=[{"loss": {"model": "bernoulli", "rate": 0.1}}])
    one, again, other = (simulate(made, realization).flows["S1"] for realization in (0, 0, 1))
    assert one == again
    assert one != other


def test_the_channel_is_the_same_for_every_controller():
    """Random losses depend on the packet's number, not on its size or time."""
    forward = [{"loss": {"model": "bernoulli", "rate": 0.2}}]
    voice = [{"name": "S1", "media": {"kind": "voice"}}]
    fates = []
    for controller in ("gcc", "none"):
        made = study(flows=voice, forward=forward, congestion={"controller": controller})
        fates.append([at == NEVER for at in simulate(made, 0).flows["S1"].arrived_ns])
    assert fates[0] == fates[1]
