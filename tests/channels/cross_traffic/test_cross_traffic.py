"""Cross traffic into the queue of a link: its packets, their fates, and its end."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from testbed.channels.clock import Clock
from testbed.channels.cross_traffic import CROSS_TRAFFIC
from testbed.channels.cross_traffic.on_off import OnOff
from testbed.channels.link import Link
from testbed.channels.packet import Packet
from testbed.channels.queue import QUEUES
from testbed.channels.stage import StageContext
from testbed.randomness import generator

MS = 1_000_000
SIGMAS = 5
FAST = {"rate_kbps": 20_000, "queue": {"discipline": "drop_tail", "limit_packets": 10**6}}


def send_times_s(model, seconds, seed=1, link=FAST):
    """Return the times at which a source sends."""
    env = Clock()
    stage: Any = Link.model_validate({**link, "cross_traffic": [model]}).build(
        StageContext(env, generator(seed, "link"), print, print)
    )
    times, put = [], stage._put
    stage._put = lambda packet: (times.append(packet.sent_ns), put(packet))
    env.later(round(seconds * 1e9), lambda _: None, None)
    env.run()
    return np.array(times) / 1e9


def test_a_constant_bit_rate_is_constant():
    times = send_times_s({"model": "cbr", "rate_kbps": 480, "packet_bytes": 600, "start_ms": 1000}, 20)
    assert np.allclose(np.diff(times), 0.010, atol=1e-9)
    assert 1 <= times[0] < 1.010 and len(times) in (1900, 1901)
    phases = [
        send_times_s({"model": "cbr", "rate_kbps": 480, "packet_bytes": 600}, 0.02, seed)[0] * 100
        for seed in range(300)
    ]
    assert stats.kstest(phases, "uniform").pvalue > 1e-6


@pytest.mark.parametrize("times", ["exponential", "pareto"])
def test_on_off_bursts_and_pauses_have_the_distribution_that_was_asked_for(times):
    """While it is on, a packet each ms: longer gaps are pauses, and what is between them a burst."""
    model = OnOff(rate_kbps=8000, packet_bytes=1000, mean_on_ms=200, mean_off_ms=300, times=times, shape=2.5)
    sent = send_times_s(model, 700)
    gaps = np.diff(sent)
    pauses = (gaps[gaps > 0.001 + 1e-9] - 0.001) * 1000
    assert abs(len(pauses) - 1400) < SIGMAS * np.sqrt(1400) * 2
    law = stats.expon(scale=300) if times == "exponential" else stats.pareto(2.5, scale=300 * 1.5 / 2.5)
    for quantile in (0.1, 0.5, 0.9, 0.99):
        share = np.mean(pauses <= law.ppf(quantile))
        assert abs(share - quantile) < SIGMAS * np.sqrt(quantile * (1 - quantile) / len(pauses)) + 1e-3
    bursts = np.diff(np.flatnonzero(np.concatenate([[True], gaps > 0.001 + 1e-9, [True]])))
    # of on times, that many send intervals, with their fractions carried over from one to the next
    error = np.std(bursts) / np.sqrt(len(bursts))
    assert abs(np.mean(bursts) - 200) < SIGMAS * error + 1


def test_on_off_keeps_its_mean_rate_however_short_its_bursts_are():
    """Bursts of 30 ms of a packet each 20 ms: what was left of an interval counts in the next burst."""
    model = {"model": "on_off", "rate_kbps": 40, "packet_bytes": 100, "mean_on_ms": 30, "mean_off_ms": 60}
    counts = np.array([len(send_times_s(model, 30, seed)) for seed in range(60)])
    error = counts.std(ddof=1) / np.sqrt(len(counts))
    assert abs(counts.mean() - 30 * 50 / 3) < SIGMAS * error + 1


def test_pareto_times_have_a_heavy_tail_and_the_right_mean():
    model = OnOff(rate_kbps=8, mean_on_ms=100, mean_off_ms=100, times="pareto", shape=1.5)
    rng = generator(3, "on")
    drawn = np.array([model.duration_ns(rng, 100) for _ in range(100_000)]) / MS
    shortest = 100 / 3
    assert drawn.min() >= shortest - 1e-5
    for times_longer in (2, 10, 100):
        expected = times_longer**-1.5
        error = np.sqrt(expected * (1 - expected) / 100_000)
        assert abs(np.mean(drawn > shortest * times_longer) - expected) < SIGMAS * error


def test_on_off_is_stationary_from_the_beginning():
    model = {"model": "on_off", "rate_kbps": 80, "packet_bytes": 10, "mean_on_ms": 1000, "mean_off_ms": 3000}
    on = np.mean([len(send_times_s(model, 0.0015, seed)) > 0 for seed in range(800)])
    assert abs(on - 0.25) < SIGMAS * np.sqrt(0.25 * 0.75 / 800) + 0.002


@pytest.mark.parametrize("model", CROSS_TRAFFIC.examples, ids=str)
def test_sources_begin_and_stop_when_told(model):
    link = {"rate_kbps": 300} if model["model"] == "tcp" else FAST
    times = send_times_s({**model, "start_ms": 2000, "stop_ms": 9000}, 20, link=link)
    assert len(times) and times.min() >= 2 and times.max() < 9


@pytest.mark.parametrize("model", CROSS_TRAFFIC.examples, ids=str)
def test_sources_send_what_their_demand_says(model):
    link = Inside({"rate_kbps": 1000, "cross_traffic": [{**model, "start_ms": 0, "stop_ms": None}]})
    demand = Link.model_validate({"rate_kbps": 1, "cross_traffic": [model]}).cross_traffic[0].demand()
    sizes, put = [], link.stage._put
    link.stage._put = lambda packet: (sizes.append(packet.size_bytes), put(packet))
    link.env.later(20 * 1000 * MS, lambda _: None, None)
    link.env.run()
    assert set(sizes) == {demand.packet_bytes}
    delivered_kbps = link.stage.counts(1)["delivered"] * demand.packet_bytes * 8 / 20_000
    assert delivered_kbps <= 1.01 * demand.most_kbps
    assert delivered_kbps >= 0.99 * demand.constant_kbps
    assert demand.greedy_flows == 0 or delivered_kbps > 900


link_of_others = st.builds(
    lambda rate, delay, discipline, models: {
        "rate_kbps": rate,
        "delay_ms": delay,
        "queue": {"discipline": discipline, **dict(QUEUES[discipline].examples[0])},
        "cross_traffic": [{**model, "stop_ms": 3000.0} for model in models],
    },
    st.integers(20, 2000),
    st.sampled_from([0, 15]),
    st.sampled_from(sorted(QUEUES)),
    st.lists(st.sampled_from(CROSS_TRAFFIC.examples), min_size=1, max_size=3),
)


class Inside:
    """A link of others and of our own flows, with everything counted at its two ends."""

    def __init__(self, link, seed=1, most_events=10**6):
        self.env = Clock(most_events)
        self.events, self.put_in = [], Counter()
        self.stage: Any = Link.model_validate(link).build(
            StageContext(
                self.env,
                generator(seed, "link"),
                lambda packet: self.events.append((self.env.now, packet.flow, packet.sequence, "")),
                lambda packet, why: self.events.append((self.env.now, packet.flow, packet.sequence, why)),
            )
        )

    def put(self, packet):
        self.put_in[packet.flow] += 1
        self.stage.put(packet)

    def run(self, packets, until_ms=0):
        for packet in packets:
            self.env.later(packet.sent_ns, self.put, packet)
        self.env.later(until_ms * MS, lambda _: None, None)
        self.env.run()
        return self


def calls(flows=("media",), count=60, size_bytes=160, interval_ms=20):
    return [
        Packet(size_bytes, index * interval_ms * MS + offset, index, flow)
        for index in range(count)
        for offset, flow in enumerate(flows)
    ]


@settings(max_examples=60)
@given(link=link_of_others, seed=st.integers(0, 2**32), flows=st.integers(1, 3))
def test_packets_are_conserved_by_flow_and_cause(link, seed, flows):
    names = [f"call {number}" for number in range(flows)]
    link = Inside(link, seed).run(calls(names), until_ms=30_000)
    causes = {"queue", "codel", "random_early_detection"}
    for fates in link.stage.fates.values():
        assert fates["sent"] == sum(count for fate, count in fates.items() if fate != "sent")
        assert set(fates) <= {"sent", "delivered"} | causes
    ended = Counter(flow for _, flow, _, _ in link.events)
    assert ended == link.put_in == dict.fromkeys(names, 60), "ours, and only ours, come out"
    assert {why for _, _, _, why in link.events} <= causes | {""}
    assert link.env.held == 0


@settings(max_examples=40)
@given(link=link_of_others, seed=st.integers(0, 2**32))
def test_a_link_never_idles_while_anyones_packet_waits(link, seed):
    """Each packet, of ours or of others, is sent one transmission time after its turn came."""
    env, finished, waiting = Clock(), [], Counter()
    link["delay_ms"] = 0
    stage: Any = Link.model_validate(link).build(StageContext(env, generator(seed, "x"), print, print))
    rate_bps = link["rate_kbps"] * 1000
    inner, leave, lose = stage._put, stage._leave, stage._lose
    line = stage._put.__self__
    busy_from = [0]

    def put(packet):
        if not waiting["now"]:
            busy_from[0] = env.now
        waiting["now"] += 1
        inner(packet)

    def gone(packet, why=""):
        waiting["now"] -= 1
        if why:
            lose(packet, why)
            return
        took_ns = -(-packet.size_bytes * 8 * 10**9 // rate_bps)
        finished.append((busy_from[0], env.now, took_ns))
        busy_from[0] = env.now
        leave(packet)

    stage._put = put
    line._out, line._queue._drop = gone, gone
    for turn in getattr(line._queue, "_queues", {}).values():
        turn._drop = gone
    stage._out = lambda packet: None
    stage._drop = lambda packet, why: None
    for packet in calls():
        env.later(packet.sent_ns, stage.put, packet)
    env.run()
    assert finished
    for begin_ns, end_ns, took_ns in finished:
        assert end_ns == begin_ns + took_ns


@pytest.mark.parametrize("model", CROSS_TRAFFIC.examples, ids=str)
def test_the_simulation_ends_with_our_last_packet(model):
    link = Inside({"rate_kbps": 300, "delay_ms": 30, "cross_traffic": [model]}).run(calls())
    assert len(link.events) == 60
    assert link.env.now == link.events[-1][0] < 2000 * MS


def test_others_send_alike_whatever_we_send():
    def theirs(size_bytes):
        models = [model for model in CROSS_TRAFFIC.examples if model["model"] != "tcp"]
        link = Inside({"rate_kbps": 500, "cross_traffic": models})
        seen, put = [], link.stage._put
        link.stage._put = lambda packet: (seen.append((packet.flow, packet.sent_ns)), put(packet))
        link.run(calls(size_bytes=size_bytes), until_ms=3000)
        return [(flow, at) for flow, at in seen if flow != "media"]

    assert theirs(100) == theirs(1000) and len(theirs(100)) > 20


def test_a_source_added_does_not_change_the_others():
    one = {"model": "on_off", "rate_kbps": 80, "mean_on_ms": 100, "mean_off_ms": 100}
    tcp = {"model": "tcp"}

    def sent(*models):
        link = Inside({"rate_kbps": 500, "cross_traffic": list(models)})
        seen, put = [], link.stage._put
        link.stage._put = lambda packet: (seen.append((packet.flow, packet.sent_ns)), put(packet))
        link.run([], until_ms=5000)
        return [at for flow, at in seen if flow == "cross 1 on_off"]

    assert sent(one) == sent(one, tcp) == sent(one, one)


def test_others_in_the_queue_delay_and_drop_our_packets(run):
    packets = calls(count=200)
    alone = run([Link.model_validate({"rate_kbps": 400})], packets)
    bulk = {"model": "tcp", "reverse_delay_ms": 30}
    shared = run([Link.model_validate({"rate_kbps": 400, "cross_traffic": [bulk]})], packets)
    fair = run(
        [
            Link.model_validate(
                {"rate_kbps": 400, "queue": {"discipline": "fq_codel"}, "cross_traffic": [bulk]}
            )
        ],
        packets,
    )
    wait = {
        name: np.median([event.at_ns - event.packet.sent_ns for event in result.delivered]) / MS
        for name, result in (("alone", alone), ("shared", shared), ("fair", fair))
    }
    assert wait["alone"] == pytest.approx(3.2)
    assert wait["shared"] > 100, "a long flow fills the queue of 300 ms"
    assert wait["fair"] < 3.2 + 30 + 1, "with fair queueing there is at most one segment before us"
    assert not fair.dropped


def test_two_links_have_others_of_their_own(run):
    link = {"rate_kbps": 500, "cross_traffic": [{"model": "cbr", "rate_kbps": 100}]}
    result = run([Link.model_validate(link), Link.model_validate(link)], calls(count=100))
    assert len(result.delivered) == 100
    assert {event.packet.flow for event in result.events} == {"media"}
