"""Simulated calls with an adaptive receiver: only what is played differs from those with another one."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from testbed.adaptive.played import Played
from testbed.call import Simulation
from testbed.codecs.engines import engine
from testbed.codecs.pcm import int16_from_float
from testbed.codecs.recovery import Recovery
from testbed.encoded_clip import EncodedClip
from testbed.measurements import measurements
from testbed.plan import plan
from testbed.planned_call import simulate_call
from testbed.run_context import RunContext
from testbed.scenario.loading import Scenario, parse_scenario
from testbed.speech import list_clips

NETWORKS = {
    "loss": """
codec: {bitrate_kbps: 24, complexity: 0}
schemes: [{red: {copies: 1}}]
channel: [{loss: {model: gilbert_elliott, rate: 0.2, mean_burst_packets: 3}}, {duplicate: {rate: 0.2}}]
""",
    "pauses": """
codec: {bitrate_kbps: 24, complexity: 0, dtx: true}
schemes: [plc]
channel: [{jitter: {model: gamma, mean_ms: 20, std_ms: 10}}]
""",
    "closed loop": """
codec: {bitrate_kbps: 24, complexity: 0}
schemes: [{lbrr: {bitrate_kbps: 8}}]
channel:
  - link: {rate_kbps: 70, queue: {discipline: drop_tail, limit_packets: 12}}
  - delay: {constant_ms: 30}
reverse: [{delay: {constant_ms: 30}}]
feedback: {format: transport_wide}
congestion: {controller: gcc}
other_calls: 1
""",
    "nothing": """
codec: {bitrate_kbps: 24, complexity: 0}
schemes: [plc]
channel: [{loss: {model: bernoulli, rate: 1}}]
""",
}


@cache
def call(network: str, playout: str) -> tuple[Simulation, dict[str, float]]:
    """Return a call and its row's measurements."""
    begin = "name: a\nspeech: {corpus: packaged, clips: 1}\nmetrics: []\n"
    scenario = parse_scenario(f"{begin}{NETWORKS[network]}playout: {playout}\n")
    assert isinstance(scenario, Scenario)
    planned = plan(scenario, 1)
    clip = replace(list_clips()["packaged"][0], pcm=list_clips()["packaged"][0].pcm[:40_000])
    context = RunContext(planned.points, planned.schemes, [clip], frozenset(), frozenset())
    group = [*planned.groups()][-1]
    source = EncodedClip(int16_from_float(clip.pcm), group.settings)
    simulation = simulate_call(context, group.calls[-1], source, engine(group.engine, 64))
    return simulation, measurements(context, group.calls[-1], simulation, group.settings)


@pytest.mark.parametrize("network", NETWORKS)
def test_what_is_sent_and_what_arrives_do_not_depend_on_playing(network: str) -> None:
    adaptive, fixed = (
        call(network, playout)[0] for playout in ("{policy: adaptive}", "{policy: fixed, delay_ms: 100}")
    )
    assert adaptive.sent == fixed.sent
    assert adaptive.decisions == fixed.decisions
    assert np.array_equal(adaptive.timeline.arrived_ns, fixed.timeline.arrived_ns)
    assert adaptive.timeline.dropped_by == fixed.timeline.dropped_by


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("preset", ["neteq", "signal"])
def test_each_frame_is_played_once_and_counted_once(network: str, preset: str) -> None:
    simulation, row = call(network, f"{{policy: adaptive, preset: {preset}}}")
    played, timeline = simulation.sound, simulation.timeline
    assert isinstance(played, Played)
    sources = ("primary", "red", "lbrr", "dred", "plc", "dtx")
    assert sum(row[f"frames_{source}"] for source in sources) == row["frames"]
    assert (np.diff(timeline.played_ns[timeline.played_ns >= 0]) > 0).all()
    assert np.array_equal(timeline.recovered_by == Recovery.DTX, ~timeline.is_sent)
    from_packets = np.isin(timeline.recovered_by, (Recovery.PRIMARY, Recovery.RED, Recovery.LBRR))
    carriers = timeline.source_frame[from_packets]
    assert (timeline.arrived_ns[carriers] <= timeline.played_ns[from_packets]).all()


def test_pauses_are_no_concealment() -> None:
    simulation, row = call("pauses", "{policy: adaptive, preset: signal}")
    assert isinstance(simulation.sound, Played)
    assert row["frames_dtx"] >= 5
    concealed_ms = sum(each.samples for each in simulation.sound.concealments) / 16
    assert concealed_ms < 100


def test_a_constant_delay_has_itself_as_its_mean() -> None:
    simulation, row = call("loss", "{policy: fixed, delay_ms: 40.044253}")
    assert {row["mouth_to_ear_ms"]} == {*simulation.delays.mouth_to_ear_ms.tolist()}


def test_a_call_of_which_nothing_arrives_has_no_delay() -> None:
    simulation, row = call("nothing", "{policy: adaptive}")
    assert isinstance(simulation.sound, Played)
    assert not simulation.sound.pcm.any()
    assert row["frames_plc"] == row["frames"]
    assert np.isnan([row["mouth_to_ear_ms"], row["mouth_to_ear_ms_p95"], row["buffer_ms"]]).all()
