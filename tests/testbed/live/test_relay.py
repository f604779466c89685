"""The relay forwards a call through the stages, and what it decided is what the simulation decides."""

from pathlib import Path

import pytest

from testbed.channels.recordings.file import read_trace
from testbed.channels.recordings.parts import LOST
from testbed.live.log import read_log
from testbed.live.network import LiveNetwork, load_network
from testbed.live.recording import recorded_network
from testbed.live.relay import Relay, in_thread
from testbed.live.replay import decisions, replay

from .clients import LOOPBACK, RTCP, client, received, send_paced

CHANNEL = """
channel:
  - loss: {model: gilbert_elliott, rate: 0.2, mean_burst_packets: 3}
  - jitter: {model: gamma, mean_ms: 10, std_ms: 5, reorder: true}
  - duplicate: {rate: 0.1}
  - link: {rate_kbps: 500, queue: {discipline: codel}, cross_traffic: [{model: cbr, rate_kbps: 200}]}
reverse:
  - loss: {model: bernoulli, rate: 0.3}
  - spikes: {mean_pause_ms: 50, mean_stall_ms: 20}
seed: 3
"""


@pytest.fixture
def network(tmp_path: Path) -> LiveNetwork:
    path = tmp_path / "channel.yaml"
    path.write_text(CHANNEL)
    return load_network(path, both_ways=True)


def test_a_call_passes_both_ways_and_the_simulation_repeats_its_decisions(
    network: LiveNetwork, tmp_path: Path
) -> None:
    folder = tmp_path / "rec"
    with (
        client() as one,
        client() as other,
        Relay(network, (LOOPBACK, 0), other.getsockname(), record=folder) as relay,
        in_thread(relay),
    ):
        one.sendto(RTCP, relay.listens_at)
        assert other.recvfrom(100) == (RTCP, relay.answers_at)
        send_paced(one, relay.listens_at, 200)
        send_paced(other, relay.answers_at, 200)
        forward, reverse = received(other), received(one)
    log = list(read_log(folder / "relay.csv"))
    decided = decisions(log)
    assert {fate.decision for fate in decided} == {"sent", "loss"}
    assert sum(fate.decision == "sent" for fate in decided) == len(forward) + len(reverse)
    assert replay(recorded_network(folder), log)[: len(decided)] == decided
    trace = read_trace(folder / "arrivals-forward.csv")
    assert len(trace) == 200
    assert sum(delay != LOST for delay in trace.delay_ns) == len(set(forward))
