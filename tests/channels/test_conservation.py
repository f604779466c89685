"""Packets are conserved at every moment and by every stage of any chain."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from testbed.channels import STAGES, StageSpec
from testbed.channels.clock import Clock
from testbed.channels.packet import Packet
from testbed.channels.stage import StageContext
from testbed.randomness import generator

SPEC = TypeAdapter(StageSpec)
ENTRIES = [{name: dict(example)} for name, stage in STAGES.items() for example in stage.examples]


class Counted:
    """A chain whose every stage is watched at both ends."""

    def __init__(self, entries, folder, seed):
        self.clock = Clock(10**6)
        self.books = [Counter() for _ in entries]
        self.arrived, self.faults = Counter(), []
        self.put = lambda packet: self.arrived.update([packet.flow])
        for index in reversed(range(len(entries))):
            self.put = self._watched(SPEC.validate_python(entries[index]).parameters, index, folder, seed)

    def _watched(self, parameters, index, folder, seed):
        book, onward = self.books[index], self.put
        doubles = 2 if getattr(parameters, "duplicates", False) else 1

        def note(what, flow, number=1):
            book[what] += number
            book[flow] += number if what == "in" else -number
            inside = book["in"] * doubles - book["out"] - book["dropped"]
            if inside < 0 or (doubles == 1 and book[flow] < 0):
                self.faults.append((index, what, flow))

        def out(packet):
            note("out", packet.flow)
            onward(packet)

        def drop(packet, cause):
            assert cause
            note("dropped", packet.flow)
            book[cause] += 1

        rng = generator(seed, "channel", index)
        stage = parameters.build(StageContext(self.clock, rng, out, drop, folder))

        def put(packet):
            note("in", packet.flow)
            stage.put(packet)

        return put


@settings(max_examples=150)
@given(
    entries=st.lists(st.sampled_from(ENTRIES), min_size=1, max_size=5),
    gaps_ms=st.lists(st.integers(0, 60), min_size=1, max_size=50),
    flows=st.integers(1, 3),
    seed=st.integers(0, 2**32),
)
def test_sent_and_duplicated_is_delivered_dropped_or_in_flight(folder, entries, gaps_ms, flows, seed):
    chain = Counted(entries, folder, seed)
    sizes = np.random.default_rng(seed).integers(1, 1500, len(gaps_ms)).tolist()
    now_ns, sent = 0, Counter()
    for index, (gap_ms, size) in enumerate(zip(gaps_ms, sizes, strict=True)):
        now_ns += gap_ms * 1_000_000
        flow = f"call {index % flows}"
        chain.clock.later(now_ns, chain.put, Packet(size, now_ns, sent[flow], flow))
        sent[flow] += 1
    chain.clock.run()
    assert not chain.faults, "a stage gave what it did not have"
    entering = len(gaps_ms)
    for entry, book in zip(entries, chain.books, strict=True):
        assert book["in"] == entering
        (name,) = entry
        if not getattr(STAGES[name], "duplicates", False):
            assert book["in"] == book["out"] + book["dropped"], "at the end nothing is in flight"
        else:
            assert book["in"] <= book["out"] <= 2 * book["in"]
        entering = book["out"]
    assert sum(chain.arrived.values()) == entering
    assert set(chain.arrived) <= set(sent), "only our own come out"
    assert chain.clock.held == 0


QUEUED = [entry for entry in ENTRIES if {"queue", "rate_kbps"} <= entry.get("link", {}).keys()]


@pytest.mark.parametrize("queue", QUEUED, ids=lambda entry: str(entry["link"]["queue"])[:60])
@settings(max_examples=30)
@given(gaps_ms=st.lists(st.integers(0, 40), min_size=1, max_size=60), seed=st.integers(0, 2**32))
def test_a_link_sends_without_a_pause_while_packets_wait(folder, queue, gaps_ms, seed):
    """With any discipline: what leaves, leaves one sending time after the last, or after it came."""
    chain = Counted([{"link": {**queue["link"], "delay_ms": 0, "cross_traffic": []}}], folder, seed)
    rate_bps = queue["link"]["rate_kbps"] * 1000
    departures, begins = [], [0]
    put = chain.put

    def come(packet):
        before = chain.books[0]["in"] - chain.books[0]["out"] - chain.books[0]["dropped"]
        if before == 0:
            begins[0] = chain.clock.now
        put(packet)

    def leave(flow):
        departures.append(chain.clock.now - begins[0])
        begins[0] = chain.clock.now

    chain.arrived.update = leave  # type: ignore[method-assign, assignment]  # sees every packet that leaves
    now_ns = 0
    for sequence, gap_ms in enumerate(gaps_ms):
        now_ns += gap_ms * 1_000_000
        chain.clock.later(now_ns, come, Packet(1000, now_ns, sequence))
    chain.clock.run()
    assert departures and set(departures) == {8000 * 10**9 // rate_bps}
