"""Delays behind the fastest packet; values of libwebrtc's packet_arrival_history_unittest.cc."""

import random

import pytest

from testbed.neteq.arrival_history import ArrivalHistory

PER_MS = 8
FRAME_MS = 20
FRAME = FRAME_MS * PER_MS
WINDOW_MS = 1000


class Arrivals:
    """Packets at media times relative to the newest one, at a clock that is advanced by hand."""

    def __init__(self, first_timestamp: int = 0x12345678) -> None:
        self.history = ArrivalHistory(WINDOW_MS, PER_MS)
        self.newest = first_timestamp
        self.now_ms = 0

    def wait(self, ms: int) -> None:
        self.now_ms += ms

    def insert(self, media_ms: int) -> int:
        timestamp = self.newest + media_ms * PER_MS
        self.newest = max(self.newest, timestamp)
        assert self.history.insert(timestamp, FRAME, self.now_ms)
        assert self.history.is_newest(timestamp) == (media_ms >= 0)
        return self.history.delay_ms(timestamp, self.now_ms)


def test_delays_are_counted_from_the_fastest_packet() -> None:
    arrivals = Arrivals()
    assert arrivals.insert(0) == 0
    arrivals.wait(FRAME_MS)
    assert arrivals.insert(FRAME_MS) == 0
    arrivals.wait(2 * FRAME_MS)
    assert arrivals.insert(FRAME_MS) == 20
    assert arrivals.insert(-3 * FRAME_MS) == 80
    arrivals.wait(2 * FRAME_MS)
    assert arrivals.insert(FRAME_MS) == 40
    assert arrivals.insert(4 * FRAME_MS) == 0
    arrivals.wait(2 * FRAME_MS)
    assert arrivals.insert(FRAME_MS) == 20
    assert arrivals.history.max_delay_ms() == 80, "the new fastest packet makes an earlier one slower"


def test_reordered_packets_are_neither_fastest_nor_slowest() -> None:
    arrivals = Arrivals()
    assert arrivals.insert(0) == 0
    assert arrivals.insert(-80) == 80
    assert arrivals.insert(-FRAME_MS) == 20
    arrivals.wait(4 * FRAME_MS)
    assert arrivals.insert(FRAME_MS) == 60
    assert arrivals.history.max_delay_ms() == 60


def test_packets_leave_the_window_and_no_longer_count() -> None:
    arrivals = Arrivals()
    assert arrivals.insert(0) == 0
    arrivals.wait(2 * FRAME_MS)
    assert arrivals.insert(FRAME_MS) == 20
    assert arrivals.history.max_delay_ms() == 20
    arrivals.wait(WINDOW_MS + FRAME_MS)
    assert arrivals.insert(FRAME_MS + WINDOW_MS) == 0
    assert arrivals.history.max_delay_ms() == 0


@pytest.mark.parametrize("first_timestamp", [(1 << 32) - 1, 0])
def test_unwrapped_timestamps_pass_the_wrap(first_timestamp: int) -> None:
    arrivals = Arrivals(first_timestamp)
    assert arrivals.insert(0) == 0
    arrivals.wait(2 * FRAME_MS)
    assert arrivals.insert(FRAME_MS) == 20
    assert arrivals.insert(-2 * FRAME_MS) == 60
    assert arrivals.insert(FRAME_MS) == 0
    assert arrivals.history.max_delay_ms() == 20


def test_a_packet_older_than_the_window_is_refused() -> None:
    arrivals = Arrivals()
    arrivals.insert(0)
    assert not arrivals.history.insert(arrivals.newest - WINDOW_MS * PER_MS - 1, FRAME, 0)
    assert arrivals.history.insert(arrivals.newest - WINDOW_MS * PER_MS, FRAME, 0)


def test_a_duplicate_and_a_part_of_a_packet_are_refused() -> None:
    arrivals = Arrivals()
    arrivals.insert(0)
    arrivals.insert(FRAME_MS)
    assert not arrivals.history.insert(arrivals.newest - FRAME, FRAME, 0)
    assert not arrivals.history.insert(arrivals.newest + FRAME // 2, FRAME // 2, 0)
    assert len(arrivals.history) == 2


def test_without_packets_no_delay_is_known() -> None:
    history = ArrivalHistory(WINDOW_MS, PER_MS)
    assert history.delay_ms(0, 100) == history.max_delay_ms() == 0


def test_the_history_agrees_with_a_search_of_all_packets_in_the_window() -> None:
    generator = random.Random(3)
    history = ArrivalHistory(WINDOW_MS, PER_MS)
    in_order: list[tuple[int, int]] = []
    now_ms = timestamp = 0
    for _ in range(2000):
        now_ms += 10 * generator.randrange(5)
        timestamp += FRAME * generator.choice((1, 1, 1, 2))
        history.insert(timestamp, FRAME, now_ms)
        in_order = [each for each in in_order if each[0] >= timestamp - WINDOW_MS * PER_MS]
        in_order.append((timestamp, now_ms))
        lateness = [arrived_ms - media // PER_MS for media, arrived_ms in in_order]
        assert history.delay_ms(timestamp, now_ms) == lateness[-1] - min(lateness)
        assert history.max_delay_ms() == max(lateness) - min(lateness)
