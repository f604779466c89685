"""Active queue management against the laws that define it."""

import re
from collections import Counter
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from testbed.channels.link import Link
from testbed.channels.packet import Packet
from testbed.channels.queue import QUEUES
from testbed.channels.queue.codel import CoDel
from testbed.channels.queue.drop_tail import DropTail
from testbed.channels.queue.fq_codel import FqCoDel
from testbed.channels.queue.random_early_detection import RandomEarlyDetection
from testbed.randomness import generator

MS = 1_000_000
SIGMAS = 5
ENDLESS = {"limit_packets": 10**9}


class Watched:
    """A queue before a link, driven by a loop; keeps what it did."""

    def __init__(self, parameters, rate_bps=1e6, seed=1):
        self.dropped, self.sent, self.now_ns = [], [], 0
        self.queue = parameters.build(self.drop, lambda now_ns: rate_bps, generator(seed, "queue"))

    def drop(self, packet, cause):
        self.dropped.append((self.now_ns, packet, cause))

    def put(self, packet, at_ns):
        self.now_ns = at_ns
        self.queue.put(packet, at_ns)

    def take(self, at_ns):
        self.now_ns = at_ns
        packet = self.queue.take(at_ns)
        if packet is not None:
            self.sent.append((at_ns, packet))
        return packet

    def times_ms(self, cause):
        return np.array([at_ns / MS for at_ns, _, why in self.dropped if why == cause])


def overload(watched, until_ms, came=2, step_ms=1):
    """Twice as many packets come as go, each step."""
    for tick in range(until_ms // step_ms):
        now_ns = tick * step_ms * MS
        for number in range(came):
            watched.put(Packet(1000, now_ns, tick * came + number), now_ns)
        watched.take(now_ns)


class TestCoDel:
    def test_drops_come_at_the_interval_over_the_square_root_of_their_number(self):
        """RFC 8289, section 3.3 and 5.3: each next drop is interval / sqrt(count) after the one before."""
        watched = Watched(CoDel(mtu_bytes=1500, **ENDLESS))
        overload(watched, 4000)
        times = watched.times_ms("codel")
        assert len(times) > 100
        # two packets come and one goes each ms: the wait of the head passes 5 ms when 10 ms have gone by
        assert 100 + 5 <= times[0] <= 100 + 2 * 5 + 1
        due = times[0] + np.concatenate([[0], np.cumsum(100 / np.sqrt(np.arange(1, len(times))))])
        # a drop waits for the next packet to be taken, 1 ms at most, and its lateness does not add up
        assert np.all(times - due > -1e-3)
        assert np.all(times - due < 1 + 1e-3)

    @settings(max_examples=40)
    @given(data=st.data(), target_ms=st.integers(3, 30), interval_ms=st.integers(31, 200))
    def test_nothing_is_dropped_while_waits_stay_below_the_target(self, data, target_ms, interval_ms):
        watched = Watched(CoDel(target_ms=target_ms, interval_ms=interval_ms, mtu_bytes=1, **ENDLESS))
        for tick in range(600):
            watched.put(Packet(1000, tick * MS, tick), tick * MS)
            if tick % 7 == 3 and data.draw(st.booleans()):
                continue
            while watched.queue.bytes > 1000 * (target_ms - 2):
                watched.take(tick * MS)
        assert not watched.dropped and watched.sent

    def test_one_short_wait_in_every_interval_saves_all(self):
        """The shortest wait counts: a queue that empties every 90 ms is a good one."""
        watched = Watched(CoDel(mtu_bytes=1, **ENDLESS))
        for tick in range(3000):
            watched.put(Packet(1000, tick * MS, tick), tick * MS)
            if tick % 90 == 89:
                while watched.take(tick * MS) is not None:
                    pass
        assert not watched.dropped and len(watched.sent) > 2900

    def test_less_than_a_packet_is_let_wait_for_ever(self):
        watched = Watched(CoDel(mtu_bytes=1000, **ENDLESS))
        for tick in range(0, 5000, 50):
            watched.put(Packet(1000, tick * MS, 2 * tick), tick * MS)
            watched.put(Packet(1000, tick * MS, 2 * tick + 1), tick * MS)
            watched.take((tick + 20) * MS)
            watched.take((tick + 40) * MS)
        assert not watched.dropped

    def test_a_drop_state_soon_after_another_goes_on_at_its_rate(self):
        """RFC 8289, section 5.5: count starts from what it had gained, if that is within 16 intervals."""
        for pause_ms, resumes in ((200, True), (3000, False)):
            watched = Watched(CoDel(mtu_bytes=1500, **ENDLESS))
            overload(watched, 2000)
            while watched.take(2000 * MS) is not None:
                pass
            assert not watched.queue.dropping
            gained = len(watched.dropped) - 1  # the first drop of a state leaves the count at 1
            for tick in range(1000):
                now_ns = (2000 + pause_ms + tick) * MS
                for number in range(3):
                    watched.put(Packet(1000, now_ns, number), now_ns)
                watched.take(now_ns)
            times = watched.times_ms("codel")
            times = times[times >= 2000 + pause_ms]
            first = gained if resumes else 1
            assert times[1] - times[0] == pytest.approx(100 / sqrt(first), abs=1.01)

    def test_a_source_that_does_not_yield_loses_about_what_is_too_much(self, run):
        link = Link(rate_kbps=1000, queue={"discipline": "codel", "limit_packets": 1000})
        packets = [Packet(1000, index * 7 * MS, index) for index in range(3000)]  # 14 % over the rate
        result = run([link], packets)
        share = len(result.dropped) / 3000
        assert {event.cause for event in result.dropped} == {"codel"}
        assert 0.05 < share < 0.2

    def test_a_packet_beyond_the_limit_is_dropped_with_another_cause(self):
        watched = Watched(CoDel(limit_packets=3))
        for sequence in range(5):
            watched.put(Packet(100, 0, sequence), 0)
        assert [(p.sequence, cause) for _, p, cause in watched.dropped] == [(3, "queue"), (4, "queue")]


class TestFqCoDel:
    def drain(self, watched, count, at_ns=0):
        return [watched.take(at_ns) for _ in range(count)]

    @pytest.mark.parametrize("quantum", [300, 1514, 3000])
    def test_backlogged_flows_share_by_bytes_whatever_their_packets(self, quantum):
        """Deficit round robin: the shares of two flows differ by less than a quantum and a packet."""
        watched = Watched(FqCoDel(quantum_bytes=quantum, **ENDLESS))
        sizes = {"voice": 100, "mid": 777, "bulk": 1500}
        for flow, size in sizes.items():
            for sequence in range(200_000 // size):
                watched.put(Packet(size, 0, sequence, flow), 0)
        sent = Counter()
        for packet in self.drain(watched, 300):
            sent[packet.flow] += packet.size_bytes
            if sum(sent.values()) > 10 * quantum:
                assert max(sent.values()) - min(sent.get(flow, 0) for flow in sizes) <= 2 * quantum + 1500
        assert len(sent) == 3

    def test_a_flow_that_begins_goes_before_those_with_a_backlog_but_starves_no_one(self):
        watched = Watched(FqCoDel(quantum_bytes=1000, **ENDLESS))
        for sequence in range(50):
            watched.put(Packet(1000, 0, sequence, "bulk"), 0)
        assert self.drain(watched, 2)[1].flow == "bulk"
        watched.put(Packet(100, 0, 0, "voice"), 0)
        assert watched.take(0).flow == "voice"
        # an emptied new queue goes behind the old ones, so a flow that comes back at once waits its turn
        flows = []
        for sequence in range(1, 9):
            watched.put(Packet(900, 0, sequence, "voice"), 0)
            flows.append(watched.take(0).flow)
        assert flows.count("bulk") >= 3

    def test_a_flow_that_comes_back_as_soon_as_it_is_empty_is_not_new_each_time(self):
        """RFC 8290, section 4.2: an emptied new queue goes behind the old ones, or it would starve them."""
        watched = Watched(FqCoDel(quantum_bytes=3000, **ENDLESS))
        for sequence in range(400):
            watched.put(Packet(1000, 0, sequence, "bulk"), 0)
        flows, waiting = [], 0
        for sequence in range(200):
            flows.append(watched.take(0).flow)
            waiting -= flows[-1] == "voice"
            if flows[-1] == "bulk" and not waiting:
                watched.put(Packet(1000, 0, sequence, "voice"), 0)
                waiting += 1
        # of a quantum of three packets, it is new once, and has to wait for its turn the next time
        assert flows.count("bulk") / flows.count("voice") == pytest.approx(3 / 2, abs=0.1)

    def test_a_sparse_flow_hardly_waits_behind_bulk(self, run):
        packets = [Packet(1500, 0, sequence, "bulk") for sequence in range(150)]
        packets += [Packet(100, index * 20 * MS, index, "voice") for index in range(1, 80)]
        packets.sort(key=lambda packet: packet.sent_ns)
        waits = {}
        for discipline in ("fq_codel", "drop_tail"):
            link = Link(rate_kbps=1000, queue={"discipline": discipline, "limit_packets": 1000})
            result = run([link], packets)
            waits[discipline] = [
                event.at_ns - event.packet.sent_ns
                for event in result.delivered
                if event.packet.flow == "voice"
            ]
        assert len(waits["fq_codel"]) == 79
        assert max(waits["fq_codel"]) < (1500 + 2 * 100) * 8 * 1000  # what is being sent, and itself
        assert max(waits["drop_tail"]) > 1000 * MS

    def test_each_flow_has_a_codel_of_its_own(self):
        watched = Watched(FqCoDel(mtu_bytes=1500, quantum_bytes=1000, **ENDLESS))
        for tick in range(1500):
            for number in range(3):
                watched.put(Packet(1000, tick * MS, 3 * tick + number, "bulk"), tick * MS)
            if tick % 10 == 0:
                watched.put(Packet(100, tick * MS, tick // 10, "voice"), tick * MS)
            watched.take(tick * MS)
        assert {(packet.flow, cause) for _, packet, cause in watched.dropped} == {("bulk", "codel")}
        times = watched.times_ms("codel")
        due = times[0] + np.concatenate([[0], np.cumsum(100 / np.sqrt(np.arange(1, len(times))))])
        assert np.all(np.abs(times - due - 1) <= 1.01 + 1)

    def test_over_the_limit_the_fattest_queue_loses_its_oldest(self):
        watched = Watched(FqCoDel(limit_bytes=10_000))
        for sequence in range(90):
            watched.put(Packet(100, 0, sequence, "bulk"), 0)
        for sequence in range(20):
            watched.put(Packet(100, 0, sequence, "voice"), 0)
        assert [(p.flow, p.sequence, cause) for _, p, cause in watched.dropped] == [
            ("bulk", sequence, "queue") for sequence in range(10)
        ]

    def test_flows_of_one_hash_share_a_queue_and_the_salt_says_which(self):
        for queues, seeds in ((1, 3), (2, 40)):
            together = 0
            for seed in range(seeds):
                watched = Watched(FqCoDel(queues=queues, quantum_bytes=100, **ENDLESS), seed=seed)
                for sequence in range(4):
                    watched.put(Packet(100, 0, sequence, "a"), 0)
                for sequence in range(4):
                    watched.put(Packet(100, 0, sequence, "b"), 0)
                together += "".join(packet.flow for packet in self.drain(watched, 8)) == "aaaabbbb"
            assert together == seeds if queues == 1 else 8 < together < 32

    @settings(max_examples=60)
    @given(data=st.data())
    def test_each_flow_is_first_come_first_served_and_never_idle(self, data):
        watched = Watched(
            FqCoDel(quantum_bytes=200, target_ms=1, interval_ms=5, mtu_bytes=1, limit_packets=9)
        )
        waiting, sequences, now_ns = 0, Counter(), 0
        for _ in range(data.draw(st.integers(1, 120))):
            now_ns += data.draw(st.integers(0, 3 * MS))
            before = len(watched.dropped)
            if data.draw(st.booleans()):
                flow = data.draw(st.sampled_from("abc"))
                watched.put(Packet(data.draw(st.integers(1, 900)), now_ns, sequences[flow], flow), now_ns)
                sequences[flow] += 1
                waiting += 1 - (len(watched.dropped) - before)
            else:
                packet = watched.take(now_ns)
                lost = len(watched.dropped) - before
                assert (packet is None) == (waiting - lost == 0)
                waiting -= lost + (packet is not None)
            assert 0 <= waiting <= 9
        for flow in "abc":
            order = [packet.sequence for _, packet in watched.sent if packet.flow == flow]
            assert order == sorted(order)


class TestRandomEarlyDetection:
    LAW = RandomEarlyDetection(min_packets=5, max_packets=15, max_probability=0.1, weight=1, **ENDLESS)

    def held_at(self, length, law=LAW, arrivals=60_000, seed=1):
        """Return for each of many arrivals at a queue of constant length if it is dropped."""
        watched = Watched(law, seed=seed)
        watched.queue.average = float(length)
        for sequence in range(length):
            watched.queue._packets.append(Packet(1, 0, sequence))
        watched.queue._idle_since_ns = None
        fates = []
        for sequence in range(arrivals):
            before = len(watched.dropped)
            watched.put(Packet(1, 0, sequence), 0)
            fates.append(len(watched.dropped) > before)
            if not fates[-1]:
                watched.queue.take(0)
        return np.array(fates)

    @pytest.mark.parametrize("length", [6, 10, 14, 18, 24])
    def test_gaps_between_drops_are_uniform_as_in_method_2(self, length):
        """Section 7: with probability p before it is evened out, a gap is 1 to 1/p, all equally likely."""
        probability = self.LAW.probability(length)
        gaps = np.diff(np.flatnonzero(self.held_at(length)))
        last = int(1 / probability)
        expected = np.append(np.full(last, probability), max(0.0, 1 - last * probability))
        assert gaps.max() <= last + 1
        for gap, share in enumerate(expected, start=1):
            error = np.sqrt(max(share, 1e-9) * (1 - share) / len(gaps))
            assert abs(np.mean(gaps == gap) - share) <= SIGMAS * error + 1e-9

    @pytest.mark.parametrize(
        ("average", "gentle", "abrupt"),
        [(0, 0, 0), (4.9, 0, 0), (5, 0, 0), (10, 0.05, 0.05), (15, 0.1, 1), (22.5, 0.55, 1), (30, 1, 1)],
    )
    def test_the_law(self, average, gentle, abrupt):
        assert self.LAW.probability(average) == pytest.approx(gentle)
        law = self.LAW.model_copy(update={"gentle": False})
        assert law.probability(average) == pytest.approx(abrupt)

    def test_nothing_is_dropped_below_and_all_far_above(self):
        assert not self.held_at(4, arrivals=1000).any()
        assert self.held_at(30, arrivals=1000).all()

    def test_the_average_is_exponentially_weighted(self):
        """Section 11: after n arrivals at ever longer queues it is L + 1 + ((1 - w)^(L + 1) - 1) / w - 1."""
        weight = 0.002
        watched = Watched(RandomEarlyDetection(min_packets=1e5, max_packets=2e5, weight=weight, **ENDLESS))
        for sequence in range(101):
            watched.put(Packet(1, 0, sequence), 0)
        length = 100
        expected = length + 1 + ((1 - weight) ** (length + 1) - 1) / weight
        assert watched.queue.average == pytest.approx(expected, rel=1e-9)

    def test_in_an_idle_time_the_average_falls_as_if_small_packets_had_come(self):
        law = RandomEarlyDetection(typical_packet_bytes=125, weight=0.01, min_packets=50, max_packets=90)
        watched = Watched(law, rate_bps=1e6)  # 125 bytes take 1 ms
        watched.put(Packet(100, 0, 0), 0)
        watched.queue.average = 40.0
        watched.take(0)
        watched.take(5 * MS)
        watched.put(Packet(100, 0, 1), 105 * MS)
        assert watched.queue.average == pytest.approx(40 * 0.99**100)

    def test_a_full_queue_has_another_cause(self):
        watched = Watched(RandomEarlyDetection(min_packets=100, max_packets=200, limit_packets=2))
        for sequence in range(3):
            watched.put(Packet(100, 0, sequence), 0)
        assert [cause for _, _, cause in watched.dropped] == ["queue"]

    def test_drops_are_by_chance_and_belong_to_the_seed(self):
        one, again, other = (self.held_at(10, arrivals=500, seed=seed) for seed in (1, 1, 2))
        assert (one == again).all() and (one != other).any()

    def test_the_thresholds_are_in_order(self):
        with pytest.raises(ValidationError, match=r"above min_packets, 9") as caught:
            RandomEarlyDetection(min_packets=9, max_packets=9)
        assert caught.value.errors()[0]["loc"] == ("max_packets",)


@pytest.mark.parametrize("name", QUEUES)
def test_a_queue_is_told_no_two_limits_and_says_its_causes(name):
    with pytest.raises(ValidationError, match="give at most one limit"):
        QUEUES[name](limit_packets=3, limit_ms=10)
    assert all(re.fullmatch(r"[a-z_]+", cause) for cause in QUEUES[name].causes)
    assert QUEUES[name].examples


def test_every_discipline_is_a_drop_tail_queue_while_it_is_short(run, call):
    packets = call(200, size_bytes=100)
    plain = run([Link(rate_kbps=50, queue=DropTail())], packets).trace
    for name in QUEUES:
        link = Link.model_validate({"rate_kbps": 50, "queue": {"discipline": name}})
        assert run([link], packets).trace == plain
