"""Links against theory, and against their settings, to the nanosecond."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from testbed.channels.link import Link
from testbed.channels.link.mahimahi import parse_delivery_trace
from testbed.channels.packet import Packet
from testbed.errors import ChannelError
from testbed.randomness import generator

SIGMAS = 5
ENDLESS = {"discipline": "drop_tail", "limit_packets": 10**9}

arrivals = st.lists(st.tuples(st.integers(0, 60_000_000), st.integers(1, 1500)), min_size=1, max_size=60)


def stream(gaps_and_sizes):
    now_ns, packets = 0, []
    for sequence, (gap_ns, size_bytes) in enumerate(gaps_and_sizes):
        now_ns += gap_ns
        packets.append(Packet(size_bytes, now_ns, sequence))
    return packets


def waits_ns(result, rate_bps):
    """Return each packet's wait before its first bit was sent."""
    return np.array(
        [e.at_ns - e.packet.sent_ns - e.packet.size_bytes * 8e9 / rate_bps for e in result.delivered]
    )


def poisson(count, rate_per_s, sizes, seed):
    at_ns = np.cumsum(generator(seed, "arrivals").exponential(1e9 / rate_per_s, count)).astype(np.int64)
    return [Packet(int(s), int(t), n) for n, (t, s) in enumerate(zip(at_ns, sizes, strict=True))]


def mean_and_error(series):
    """Mean of a correlated series and its standard error, from 100 stretches."""
    means = np.array([stretch.mean() for stretch in np.array_split(series, 100)])
    return means.mean(), means.std(ddof=1) / 10


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_deterministic_service_waits_as_in_m_d_1(run, load):
    """Pollaczek and Khinchine: the mean wait is load / (2 (1 - load)) times the service time."""
    count, service_s = 100_000, 0.001
    packets = poisson(count, load / service_s, np.full(count, 125), seed=4)
    result = run([Link(rate_kbps=1000, queue=ENDLESS)], packets)
    waits = waits_ns(result, 1e6) / 1e9
    mean, error = mean_and_error(waits)
    assert abs(mean - service_s * load / (2 * (1 - load))) < SIGMAS * error
    share, share_error = mean_and_error(waits < 1e-9)
    assert abs(share - (1 - load)) < SIGMAS * share_error


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_exponential_service_waits_as_in_m_m_1(run, load):
    """The mean wait is load / (1 - load) times the mean service time, and has an exponential tail."""
    count, service_s = 100_000, 0.01
    sizes = np.ceil(generator(6, "sizes").exponential(12_500, count))
    packets = poisson(count, load / service_s, sizes, seed=5)
    waits = waits_ns(run([Link(rate_kbps=10_000, queue=ENDLESS)], packets), 1e7) / 1e9
    mean, error = mean_and_error(waits)
    rounding_up = 0.5 / 12_500 * 2 / (1 - load)
    assert abs(mean / (service_s * load / (1 - load)) - 1) < SIGMAS * error / mean + rounding_up
    beyond_s = service_s / (1 - load)
    tail, tail_error = mean_and_error(waits > beyond_s)
    assert abs(tail - load * np.exp(-1)) < SIGMAS * tail_error + rounding_up


@settings(max_examples=100, deadline=None)
@given(gaps_and_sizes=arrivals, rate_kbps=st.integers(1, 5000), delay_ms=st.integers(0, 100))
def test_a_constant_rate_follows_lindleys_recursion(run, gaps_and_sizes, rate_kbps, delay_ms):
    packets = stream(gaps_and_sizes)
    result = run([Link(rate_kbps=rate_kbps, delay_ms=delay_ms, queue=ENDLESS)], packets)
    sent_ns = 0
    for packet, event in zip(packets, result.delivered, strict=True):
        assert event.packet is packet
        sent_ns = max(sent_ns, packet.sent_ns) + -(-packet.size_bytes * 8_000_000 // rate_kbps)
        assert event.at_ns == sent_ns + delay_ms * 1_000_000


def sent_bits(steps, until_ns):
    """Bits that a link could have sent by a time: the integral of its rate."""
    total = Fraction(0)
    for (start_ns, rate_bps), (end_ns, _) in zip(steps, [*steps[1:], (until_ns, 0)], strict=True):
        total += Fraction(max(0, min(end_ns, until_ns) - start_ns) * rate_bps, 10**9)
    return total


@settings(max_examples=100, deadline=None)
@given(data=st.data(), gaps_and_sizes=arrivals)
def test_a_rate_in_steps_is_work_conserving(run, data, gaps_and_sizes):
    durations_ms = data.draw(st.lists(st.integers(1, 400), max_size=6))
    starts_ms = [sum(durations_ms[:index]) for index in range(len(durations_ms) + 1)]
    rates = [data.draw(st.one_of(st.just(0), st.integers(1, 3000))) for _ in durations_ms]
    rates.append(data.draw(st.integers(1, 3000)))
    steps = [(ms * 1_000_000, kbps * 1000) for ms, kbps in zip(starts_ms, rates, strict=True)]
    parameters = [{"from_ms": ms, "rate_kbps": kbps} for ms, kbps in zip(starts_ms, rates, strict=True)]
    packets = stream(gaps_and_sizes)
    result = run([Link(steps=parameters, queue=ENDLESS)], packets)
    idle_from_ns = 0
    for packet, event in zip(packets, result.delivered, strict=True):
        begin_ns = max(idle_from_ns, packet.sent_ns)
        sent = sent_bits(steps, event.at_ns) - sent_bits(steps, begin_ns)
        sent_before = sent_bits(steps, event.at_ns - 1) - sent_bits(steps, begin_ns)
        assert sent_before < packet.size_bytes * 8 <= sent
        idle_from_ns = event.at_ns


@settings(max_examples=150, deadline=None)
@given(
    gaps_and_sizes=arrivals,
    rate_kbps=st.integers(8, 500),
    limit=st.one_of(
        st.tuples(st.just("limit_packets"), st.integers(1, 8)),
        st.tuples(st.just("limit_bytes"), st.integers(1, 6000)),
        st.tuples(st.just("limit_ms"), st.integers(1, 400)),
    ),
)
def test_drop_tail_drops_exactly_what_does_not_fit(run, gaps_and_sizes, rate_kbps, limit):
    gaps_and_sizes = [(gap_ns + 1, size_bytes) for gap_ns, size_bytes in gaps_and_sizes]
    packets, (name, most) = stream(gaps_and_sizes), limit
    result = run([Link(rate_kbps=rate_kbps, queue={"discipline": "drop_tail", name: most})], packets)
    begins_ns, free_ns, dropped = [], 0, []
    for packet in packets:
        now_ns = packet.sent_ns
        waiting = [other for begin_ns, other in begins_ns if begin_ns > now_ns]
        changes_ns = {free_ns, *(begin_ns for begin_ns, _ in begins_ns)}
        assume(now_ns not in changes_ns)  # at the same moment, either order of the two is right
        bytes_then = sum(other.size_bytes for other in waiting) + packet.size_bytes
        fits = {
            "limit_packets": len(waiting) < most,
            "limit_bytes": bytes_then <= most,
            "limit_ms": bytes_then * 8 <= rate_kbps * most,
        }[name]
        if fits:
            begin_ns = max(now_ns, free_ns)
            begins_ns.append((begin_ns, packet))
            free_ns = begin_ns + -(-packet.size_bytes * 8_000_000 // rate_kbps)
        else:
            dropped.append(packet)
    assert [event.packet for event in result.dropped] == dropped
    assert {event.cause for event in result.dropped} <= {"queue"}


def test_without_a_limit_the_queue_holds_300_ms(run):
    packets = [Packet(100, 0, sequence) for sequence in range(60)]
    result = run([Link(rate_kbps=80)], packets)
    assert result.order == list(range(31)), "one is being sent, 30 of 10 ms wait"
    assert result.delivered[-1].at_ns == 310_000_000


def test_a_limit_in_ms_follows_the_rate_and_outlives_an_outage(run):
    steps = [
        {"from_ms": 0, "rate_kbps": 80},
        {"from_ms": 1000, "rate_kbps": 0},
        {"from_ms": 3000, "rate_kbps": 800},
    ]
    packets = [Packet(100, 2_000_000_000, sequence) for sequence in range(60)]
    assert len(run([Link(steps=steps)], packets).delivered) == 31
    packets = [Packet(100, 3_000_000_000, sequence) for sequence in range(400)]
    assert len(run([Link(steps=steps)], packets).delivered) == 301


class TestDeliveryTrace:
    TIMES_MS = (0, 3, 3, 40, 41, 90)

    @pytest.fixture
    def trace(self, tmp_path):
        (tmp_path / "t.up").write_text("\n".join(map(str, self.TIMES_MS)))
        return tmp_path

    def link(self, **more):
        return Link(trace="t.up", **{"offset_ms": 0, "queue": ENDLESS, **more})

    def opportunities_ns(self, rounds):
        """All later than 0, by writing the rounds one behind the other."""
        times = [(turn * 90 + at_ms) * 1_000_000 for turn in range(rounds) for at_ms in self.TIMES_MS]
        return sorted(time for time in times if time > 0)

    def test_a_full_queue_gets_exactly_the_opportunities_that_are_listed(self, run, trace):
        packets = [Packet(1500, 0, sequence) for sequence in range(60)]
        result = run([self.link()], packets, trace)
        assert [event.at_ns for event in result.delivered] == self.opportunities_ns(12)[:60]

    def test_small_packets_share_an_opportunity_and_large_ones_need_several(self, run, trace):
        for size_bytes in (100, 500, 999, 1000, 1499, 3000, 4000):
            packets = [Packet(size_bytes, 0, sequence) for sequence in range(40)]
            result = run([self.link()], packets, trace)
            needed = [-(-(sequence + 1) * size_bytes // 1500) for sequence in range(40)]
            opportunities = self.opportunities_ns(30)
            assert [event.at_ns for event in result.delivered] == [opportunities[n - 1] for n in needed]

    def test_an_unused_opportunity_is_lost_and_one_of_the_same_time_is_too_early(self, run, trace):
        at_ms = [0, 2, 3, 50, 90]
        packets = [Packet(200, ms * 1_000_000, sequence) for sequence, ms in enumerate(at_ms)]
        result = run([self.link()], packets, trace)
        assert [event.at_ns / 1e6 for event in result.delivered] == [3, 3, 40, 90, 93]

    def test_an_offset_begins_in_the_middle(self, run, trace):
        packets = [Packet(1500, 0, sequence) for sequence in range(4)]
        result = run([self.link(offset_ms=39.5, delay_ms=10)], packets, trace)
        assert [event.at_ns / 1e6 for event in result.delivered] == [10.5, 11.5, 60.5, 60.5]

    def test_a_drawn_offset_belongs_to_the_seed(self, run, trace):
        packets = [Packet(1500, 0, 0)]
        times = [
            run([self.link(offset_ms=None)], packets, trace, seed).delivered[0].at_ns for seed in range(40)
        ]
        assert len(set(times)) == 40 and max(times) <= 49_000_000
        assert times[7] == run([self.link(offset_ms=None)], packets, trace, 7).delivered[0].at_ns

    def test_a_limit_in_ms_is_of_the_mean_rate(self, run, trace):
        queue = {"discipline": "drop_tail", "limit_ms": 90}
        packets = [Packet(1500, 0, sequence) for sequence in range(20)]
        assert len(run([self.link(queue=queue)], packets, trace).delivered) == len(self.TIMES_MS)

    @settings(max_examples=100, deadline=None)
    @given(gaps_and_sizes=arrivals, times_ms=st.lists(st.integers(0, 200), min_size=1, max_size=12))
    def test_bytes_are_conserved_and_no_opportunity_is_used_twice(
        self, run, tmp_path_factory, gaps_and_sizes, times_ms
    ):
        folder = tmp_path_factory.getbasetemp()
        times_ms = [*sorted(times_ms), 201]
        (folder / "t.up").write_text("\n".join(map(str, times_ms)))
        packets = stream(gaps_and_sizes)
        result = run([self.link()], packets, folder)
        assert result.order == list(range(len(packets)))
        rounds = result.delivered[-1].at_ns // 201_000_000 + 2
        budget, waiting = [], list(packets)
        for time_ns in sorted((k * 201 + ms) * 1_000_000 for k in range(rounds) for ms in times_ms):
            left = 1500
            while left and waiting and waiting[0].sent_ns < time_ns:
                packet = waiting.pop(0)
                rest = max(0, packet.size_bytes - left)
                left = max(0, left - packet.size_bytes)
                if rest:
                    waiting.insert(0, Packet(rest, packet.sent_ns, packet.sequence))
                else:
                    budget.append(time_ns)
        assert [event.at_ns for event in result.delivered] == budget[: len(packets)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["x:", "after 0 ms"]),
        (b"0\n0\n", ["x:", "after 0 ms"]),
        (b"0\n5\n3\n", ["x:3:", "backward", "'3'"]),
        (b"0\nfive\n", ["x:2:", "'five'", "whole ms"]),
        (b"-1\n5\n", ["x:1:", "'-1'"]),
        (b"1.5\n", ["x:1:", "'1.5'"]),
        (b"1 2\n", ["x:1:", "'1 2'"]),
        (b"99999999999\n", ["x:1:"]),
        (b"\x00\n", ["x:1:"]),
    ],
)
def test_a_file_that_is_not_a_delivery_trace_is_refused_with_its_place(content, words):
    with pytest.raises(ChannelError) as caught:
        parse_delivery_trace(content, "x")
    for word in words:
        assert word in str(caught.value)


def test_mean_rate_of_a_delivery_trace():
    assert parse_delivery_trace(b"0\n10\r\n\n20\n20", "x").mean_bps == pytest.approx(4 * 12_000 / 0.020)


TAIL = {"discipline": "drop_tail"}


@pytest.mark.parametrize(
    ("link", "where", "words"),
    [
        ({}, (), ["one of rate_kbps, steps and trace"]),
        ({"rate_kbps": 10, "trace": "x"}, ("trace",), ["'rate_kbps' is set, too"]),
        ({"rate_kbps": 0}, ("rate_kbps",), ["equal to 1"]),
        ({"rate_kbps": 10, "offset_ms": 5}, ("offset_ms",), ["give trace, too"]),
        ({"steps": []}, ("steps",), ["at least one"]),
        ({"steps": [{"from_ms": 5, "rate_kbps": 9}]}, ("steps", 0, "from_ms"), ["from 0 ms"]),
        ({"steps": [{"from_ms": 0, "rate_kbps": 0}]}, ("steps", 0, "rate_kbps"), ["no end"]),
        ({"steps": [{"from_ms": 0, "rate_kbps": 0.5}]}, ("steps", 0, "rate_kbps"), ["1 or more"]),
        (
            {"steps": [{"from_ms": 0, "rate_kbps": 9}, {"from_ms": 0, "rate_kbps": 8}]},
            ("steps", 1, "from_ms"),
            ["later"],
        ),
        ({"rate_kbps": 9, "queue": {"discipline": "fifo"}}, ("queue", "discipline"), ["drop_tail"]),
        ({"rate_kbps": 9, "queue": {**TAIL, "limit_packets": 0}}, ("queue", "limit_packets"), ["equal to 1"]),
        (
            {"rate_kbps": 9, "queue": {**TAIL, "limit_packets": 1, "limit_ms": 1}},
            ("queue", "limit_ms"),
            ["one limit"],
        ),
        (
            {"rate_kbps": 9, "queue": {"discipline": "red"}},
            ("queue", "discipline"),
            ["random_early_detection"],
        ),
        (
            {"rate_kbps": 9, "queue": {"discipline": "codel", "target_ms": 0}},
            ("queue", "target_ms"),
            ["greater than 0"],
        ),
        (
            {"rate_kbps": 9, "cross_traffic": [{"model": "cbr", "rate_kbps": 5}, {"model": "udp"}]},
            ("cross_traffic", 1, "model"),
            ["cbr", "on_off", "tcp"],
        ),
        (
            {"rate_kbps": 9, "cross_traffic": [{"model": "cbr", "rate_kbps": 0}]},
            ("cross_traffic", 0, "rate_kbps"),
            ["equal to 0.1"],
        ),
        (
            {
                "rate_kbps": 9,
                "cross_traffic": [{"model": "tcp", "size": {"mean_bytes": 5, "least_bytes": 6}}],
            },
            ("cross_traffic", 0, "size", "least_bytes"),
            ["at most mean_bytes, 5"],
        ),
        (
            {
                "rate_kbps": 9,
                "cross_traffic": [
                    {"model": "on_off", "rate_kbps": 9, "mean_on_ms": 1, "mean_off_ms": 1, "shape": 1}
                ],
            },
            ("cross_traffic", 0, "shape"),
            ["greater than 1"],
        ),
    ],
    ids=str,
)
def test_an_impossible_link_is_refused(link, where, words):
    with pytest.raises(ValidationError) as caught:
        Link.model_validate(link)
    (error,) = caught.value.errors()
    assert error["loc"] == where
    for word in words:
        assert word in error["msg"]


def test_a_bad_delivery_trace_is_an_error_of_the_scenario(tmp_path):
    (tmp_path / "bad.up").write_text("5\n4\n")
    with pytest.raises(ValidationError) as caught:
        Link.model_validate({"trace": "bad.up"}, context={"folder": tmp_path})
    (error,) = caught.value.errors()
    assert error["loc"] == ("trace",) and "bad.up:2: runs backward" in error["msg"]
