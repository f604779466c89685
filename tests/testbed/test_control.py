"""Calls whose loop is closed: real Opus, real RTCP, a link that is too narrow."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from testbed import runner
from testbed.codecs.engines.libopus import LibopusEngine
from testbed.codecs.pcm import int16_from_float
from testbed.codecs.recovery import Action, Recovery
from testbed.codecs.rtp.extension import EXTENSION_BYTES
from testbed.encoded_clip import EncodedClip
from testbed.errors import ScenarioError
from testbed.plan import plan
from testbed.planned_call import simulate_call
from testbed.run_context import RunContext
from testbed.scenario.checks import clips_of
from testbed.scenario.loading import parse_scenario

SCENARIO = """
name: loop
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 24, complexity: 5}
schemes:
  - {name: scheme, lbrr: {bitrate_kbps: 16}, dred: {depth_ms: 500, bitrate_kbps: 40}}
channel:
  - loss: {model: bernoulli, rate: 0.1}
  - link: {rate_kbps: 64}
  - delay: {constant_ms: 30}
reverse: [{delay: {constant_ms: 30}}]
congestion: {controller: gcc, min_kbps: 28, start_kbps: 48, max_kbps: 120}
allocation: {policy: loss_adaptive}
playout: {policy: fixed, delay_ms: 200}
seed: 5
metrics: []
"""


@cache
def call(text: str = SCENARIO):
    """Return the simulation of the scheme's call."""
    scenario = parse_scenario(text)
    clips = clips_of(scenario)
    whole = plan(scenario, len(clips))
    context = RunContext(whole.points, whole.schemes, clips, frozenset(), frozenset())
    of_scheme = [(each, group) for group in whole.groups() for each in group.calls if each.scheme == 1]
    each, group = of_scheme[0]
    return simulate_call(
        context, each, EncodedClip(int16_from_float(clips[0].pcm), group.settings), LibopusEngine()
    )


def sent_kbps(simulation, last_s: float = 5.0) -> float:
    timeline = simulation.timeline
    recent = timeline.sent_ns > timeline.sent_ns[-1] - last_s * 1e9
    return float(timeline.size_bytes[recent].sum()) * 8 / (last_s * 1000)


def test_without_control_the_schemes_own_bits_congest_the_link() -> None:
    simulation = call(
        SCENARIO.replace("controller: gcc", "controller: none").replace("codec: {", "feedback: {}\ncodec: {")
    )
    assert sent_kbps(simulation) > 80
    assert simulation.packet_loss > 0.2
    assert simulation.timeline.delay_variation_ms(95) > 200
    assert "queue" in simulation.timeline.dropped_by


@pytest.mark.parametrize("controller", ["gcc", "nada", "scream"])
def test_with_control_they_do_not(controller: str) -> None:
    simulation = call(SCENARIO.replace("controller: gcc", f"controller: {controller}"))
    assert sent_kbps(simulation) < 64
    assert simulation.packet_loss < 0.2
    assert "queue" not in simulation.timeline.dropped_by[len(simulation.sent) // 2 :]
    targets = [decision.target_kbps for decision in simulation.decisions]
    assert 28 <= min(targets) <= max(targets) <= 120
    assert sum(not np.isnan(decision.rtt_ms) for decision in simulation.decisions) > 50


def test_the_loss_that_was_reported_reaches_the_encoder_and_turns_redundancy_on() -> None:
    simulation = call(
        SCENARIO.replace("rate_kbps: 64", "rate_kbps: 500").replace("start_kbps: 48", "start_kbps: 110")
    )
    carries = np.array([frame.has_lbrr for frame in simulation.frames])
    first_report_ns = simulation.decisions[0].time_ns
    frame_ns = 20_000_000
    assert not carries[: first_report_ns // frame_ns].any()
    assert carries[200:].mean() > 0.3
    assert max(frame.dred_samples for frame in simulation.frames) > 0


def test_narrowband_speech_is_concealed_although_its_packets_carry_dred() -> None:
    told = SCENARIO.replace("complexity: 5", "complexity: 5, bandwidth: narrowband, expected_loss: 0.2")
    fast = told.replace("rate_kbps: 64", "rate_kbps: 500").replace("start_kbps: 48", "start_kbps: 90")
    simulation = call(fast.replace("loss_adaptive", "opus").replace("lbrr: {bitrate_kbps: 16}, ", ""))
    assert {(frame.mode, frame.bandwidth) for frame in simulation.frames} == {("silk", "narrowband")}
    concealed_with_dred_at_hand = simulation.job.actions == Action.DECODE_DRED
    assert concealed_with_dred_at_hand.sum() > 20
    assert (simulation.timeline.recovered_by[concealed_with_dred_at_hand] == Recovery.PLC).all()


def test_every_packet_bears_the_feedbacks_extension_and_its_bytes_are_counted() -> None:
    simulation = call()
    assert simulation.header_bytes == 40 + EXTENSION_BYTES
    payload = sum(len(frame.payload) for frame in simulation.frames)
    assert simulation.timeline.size_bytes.sum() == payload + len(simulation.frames) * simulation.header_bytes


def test_feedback_that_never_arrives_lowers_the_target_to_its_least_and_the_call_ends() -> None:
    lost = SCENARIO.replace("reverse: [", "reverse: [{loss: {model: bernoulli, rate: 1}}, ")
    simulation = call(lost)
    assert simulation.decisions == ()
    assert sent_kbps(simulation, last_s=3.0) < 36
    assert len(simulation.timeline) == len(simulation.frames)


def test_late_feedback_acts_late() -> None:
    late = call(
        SCENARIO.replace("reverse: [{delay: {constant_ms: 30}}]", "reverse: [{delay: {constant_ms: 500}}]")
    )
    assert late.decisions[0].time_ns >= call().decisions[0].time_ns + 460_000_000


def test_an_expected_loss_that_the_scenario_fixes_is_not_overruled() -> None:
    fixed = SCENARIO.replace("complexity: 5", "complexity: 5, expected_loss: 0.2").replace(
        "rate: 0.1", "rate: 0"
    )
    generous = fixed.replace("rate_kbps: 64", "rate_kbps: 500").replace("start_kbps: 48", "start_kbps: 120")
    opus = call(generous.replace("loss_adaptive", "opus"))
    assert np.mean([frame.dred_samples > 0 for frame in opus.frames]) > 0.8


def test_the_same_scenario_gives_the_same_rows_on_any_number_of_processes(tmp_path: Path) -> None:
    text = SCENARIO.replace("clips: 1", "clips: 2").replace("metrics: []", "metrics: [estoi]")
    tables = [
        runner.run_scenario(parse_scenario(text), tmp_path / f"jobs{jobs}", jobs).table.filter(
            regex="^(?!seconds)"
        )
        for jobs in (1, 2)
    ]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    assert (tables[0]["error"] == "").all()


def test_a_controller_that_needs_arrivals_refuses_receiver_reports() -> None:
    with pytest.raises(ScenarioError, match="nada needs the arrivals of single packets"):
        parse_scenario(SCENARIO.replace("gcc", "nada") + "feedback: {format: receiver_report}\n")


NARROW = """
name: others
speech: {corpus: packaged, clips: 2}
codec: {bitrate_kbps: 24, complexity: 5}
schemes: [{red: {copies: 1}}]
channel:
  - loss: {model: bernoulli, rate: 0.02}
  - link: {rate_kbps: 150}
  - delay: {constant_ms: 30}
playout: {policy: fixed, delay_ms: 200}
seed: 5
metrics: []
"""


@pytest.mark.parametrize("loop", ["", "congestion: {controller: gcc, start_kbps: 60}\n"])
def test_further_calls_fill_the_link_but_leave_the_calls_own_losses_alone(loop: str) -> None:
    alone, one_more, three_more = (call(NARROW + loop + f"other_calls: {count}\n") for count in (0, 1, 3))
    lost = [
        [index for index, cause in enumerate(each.timeline.dropped_by) if cause == "loss"]
        for each in (alone, one_more)
    ]
    assert lost[0] == lost[1]
    assert alone.timeline.delay_variation_ms(95) < one_more.timeline.delay_variation_ms(95) + 1e-9
    assert three_more.timeline.delay_variation_ms(95) > 2 * alone.timeline.delay_variation_ms(95)
    if loop:
        assert sent_kbps(three_more) < 45 < sent_kbps(alone)
    else:
        assert "queue" in three_more.timeline.dropped_by
        assert "queue" not in alone.timeline.dropped_by
