"""The clock: SimPy's order, a background that keeps no run going, a budget that names its users."""

import re
from typing import Any

import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from testbed.channels.clock import Clock
from testbed.channels.packet import Packet
from testbed.errors import ChannelError


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["call", "timeout", "again"])), max_size=40))
def test_calls_and_events_come_in_simpys_order(plan):
    def play(env, call):
        seen = []

        def again(number):
            seen.append((env.now, number, "again"))
            call(number % 3, seen.append, (number, "at last"))

        for number, (delay, kind) in enumerate(plan):
            if kind == "timeout":
                env.timeout(delay, number).callbacks.append(lambda e: seen.append((env.now, e.value)))
            else:
                call(delay, again if kind == "again" else seen.append, number)
        env.run()
        return seen

    plain, clock = simpy.Environment(), Clock()

    def by_timeout(delay, act, value):
        plain.timeout(delay, value).callbacks.append(lambda event: act(event.value))

    assert play(clock, clock.later) == play(plain, by_timeout)


@pytest.mark.parametrize("until", [None, 1000])
def test_processes_run_beside_calls(until):
    clock, seen = Clock(), []

    def process():
        for _ in range(200):
            yield clock.timeout(3)
            seen.append(clock.now)
        return "done"

    ended = clock.process(process())
    clock.later(7, seen.append, "call")
    clock.background(8, seen.append, "background")
    clock.run(until)
    assert seen[:5] == [3, 6, "call", "background", 9] and ended.value == "done"


def test_the_background_ends_with_the_rest():
    clock, ticks = Clock(), []

    def tick(_):
        ticks.append(clock.now)
        clock.background(10, tick, None)

    clock.background(0, tick, None)
    clock.later(95, lambda _: None, None)
    clock.run()
    assert ticks == list(range(0, 100, 10)) and clock.now == 95


@pytest.mark.parametrize("events", [0, 100, 10_000])
def test_the_run_waits_for_held_packets(events):
    clock = Clock()

    def release(_):
        clock.held -= 1

    clock.held += 1
    for number in range(events):
        clock.background(number % 500, id, None)
    clock.background(500, release, None)
    clock.background(501, release, None)
    clock.run()
    assert clock.now == 500


def test_a_failed_process_is_an_error_of_the_run():
    clock = Clock()

    def process():
        yield clock.timeout(1)
        raise ValueError("as it should")

    clock.process(process())
    with pytest.raises(ValueError, match="as it should"):
        clock.run()


def test_conditions_and_stores_of_simpy_work_beside_calls():
    clock, seen = Clock(), list[Any]()
    store = simpy.Store(clock)

    def process():
        yield clock.timeout(2) & clock.timeout(5)
        seen.append(clock.now)
        item = yield store.get()
        seen.append((clock.now, item))
        first = yield clock.timeout(1, "short") | clock.timeout(9, "long")
        seen.append((clock.now, list(first.values())))

    clock.process(process())
    clock.later(7, store.put, "item")
    clock.run()
    assert seen == [5, (7, "item"), (8, ["short"])] and clock.now == 16


def test_an_empty_clock_has_no_next_event():
    clock = Clock()
    clock.later(3, id, None)
    assert clock.peek() == 3
    clock.step()
    assert clock.peek() == simpy.core.Infinity
    with pytest.raises(simpy.core.EmptySchedule):
        clock.step()


@pytest.mark.parametrize("schedule", ["later", "background"])
def test_the_past_is_refused(schedule):
    with pytest.raises(ValueError, match="past"):
        getattr(Clock(), schedule)(-1, print, None)


class Busy:
    """A process that never ends."""

    def __init__(self, clock):
        self.clock = clock

    def again(self, packet):
        self.clock.later(1000, self.again, packet)


@pytest.mark.parametrize("most", [1, 64, 65, 4096, 5000, 100_000])
def test_the_budget_is_exact(most):
    clock, count = Clock(most), []
    for number in range(most):
        clock.later(number, count.append, number)
    clock.run()
    assert len(count) == most
    clock = Clock(most)
    for number in range(most + 1):
        clock.later(number, count.append, number)
    with pytest.raises(ChannelError, match=f"budget of {most} events"):
        clock.run()
    assert len(count) == 2 * most


def test_a_used_up_budget_says_by_whom():
    clock = Clock(200_000)
    busy = Busy(clock)
    for flow, packets in (("media", 1), ("bulk", 3)):
        for number in range(packets):
            busy.again(Packet(100, 0, number, flow))

    def process():
        while True:
            yield clock.timeout(4000)

    clock.process(process())
    with pytest.raises(ChannelError) as caught:
        clock.run()
    message = str(caught.value)
    assert "budget of 200000 events (limits.events)" in message
    assert re.search(r"at 0\.04\d s of simulated time", message)
    shares = {name: int(share) for name, share in re.findall(r"([\w.]+) (\d+) %", message)}
    assert shares["Busy.again"] == pytest.approx(94, abs=2)
    assert shares["process"] == pytest.approx(6, abs=2)
    assert shares["bulk"] == pytest.approx(71, abs=2)
    assert shares["media"] == pytest.approx(24, abs=2)
