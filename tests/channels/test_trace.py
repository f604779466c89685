"""Replaying recorded losses and arrivals."""

import pytest

from testbed.channels.delay import Delay
from testbed.channels.loss.bernoulli import Bernoulli
from testbed.channels.packet import Packet
from testbed.channels.trace import Trace
from testbed.errors import ChannelError

LOSSES = [0, 1, 1, 0, 0, 0, 1]


@pytest.fixture
def losses(tmp_path):
    (tmp_path / "losses.txt").write_text("\n".join(map(str, LOSSES)))
    return tmp_path


@pytest.fixture
def write(tmp_path):
    def write(*rows):
        (tmp_path / "arrivals.csv").write_text("\n".join(["send_ms,arrival_ms", *rows]))
        return tmp_path

    return write


def arrivals(result):
    return {event.packet.sequence: event.at_ns / 1e6 for event in result.delivered}


def test_one_entry_a_packet_and_received_after_the_end(run, call, losses):
    stage = Trace(file="losses.txt", offset_packets=0, after_end="received")
    result = run([stage], call(20), losses)
    assert result.lost(20) == [bool(lost) for lost in LOSSES] + [False] * 13
    assert {event.cause for event in result.dropped} == {"trace"}


def test_an_offset_and_repetition(run, call, losses):
    stage = Trace(file="losses.txt", offset_packets=5)
    expected = [bool(LOSSES[(5 + index) % 7]) for index in range(20)]
    assert run([stage], call(20), losses).lost(20) == expected


def test_a_drawn_offset_is_uniform_repeats_and_belongs_to_the_seed(run, call, losses):
    stage = Trace(file="losses.txt")
    rotations = [[bool(LOSSES[(offset + index) % 7]) for index in range(21)] for offset in range(7)]
    found = [rotations.index(run([stage], call(21), losses, seed).lost(21)) for seed in range(100)]
    assert set(found) == set(range(7))
    assert found == [rotations.index(run([stage], call(21), losses, seed).lost(21)) for seed in range(100)]


def test_entries_belong_to_packets_even_if_others_were_lost_before(run, call, losses):
    stage = Trace(file="losses.txt", offset_packets=0)
    together = run([Bernoulli(rate=0.5), stage], call(100), losses)
    by_trace = {event.packet.sequence for event in together.dropped if event.cause == "trace"}
    by_loss = {event.packet.sequence for event in together.dropped if event.cause == "loss"}
    assert by_loss and by_trace == {n for n in range(100) if LOSSES[n % 7]} - by_loss


@pytest.mark.parametrize(("name", "count"), [("losses.txt", 7), ("arrivals.csv", 2)])
def test_an_offset_beyond_the_end_is_refused(run, call, losses, write, name, count):
    write("0,1", "20,21")
    with pytest.raises(ChannelError, match=rf"{name} has {count} packets: .* 0 to {count - 1}, not 9"):
        run([Trace(file=name, offset_packets=9)], call(2), losses)


def test_garbage_is_refused_with_file_and_line(run, call, tmp_path):
    (tmp_path / "bad.txt").write_text("0 1\nx")
    with pytest.raises(ChannelError, match=r"bad\.txt:2: 'x'"):
        run([Trace(file="bad.txt")], call(2), tmp_path)


def test_recorded_losses_and_delays(run, call, write):
    folder = write("0,30", "20,", "40,45", "60,60")
    result = run([Trace(file="arrivals.csv", offset_packets=0)], call(8), folder)
    assert arrivals(result) == {0: 30, 2: 45, 3: 60, 4: 110, 6: 125, 7: 140}
    assert result.lost(8) == [False, True] + [False] * 3 + [True] + [False] * 2


def test_after_the_end_of_recorded_arrivals_the_smallest_delay_holds(run, call, write):
    folder = write("100,130", "120,", "140,147")
    result = run([Trace(file="arrivals.csv", offset_packets=0, after_end="received")], call(6), folder)
    assert arrivals(result) == {0: 30, 2: 47, 3: 67, 4: 87, 5: 107}


def test_a_recording_at_another_pace_is_followed_by_time_of_sending(run, call, write):
    folder = write(*(f"{index * 10.02},{index * 10.02 + index % 10}" for index in range(100)))
    stage = Trace(file="arrivals.csv", offset_packets=0)
    delays_ms = [
        event.at_ns / 1e6 - event.packet.sent_ns / 1e6 for event in run([stage], call(49), folder).events
    ]
    assert delays_ms == pytest.approx([2 * index % 10 for index in range(49)])
    slower = arrivals(run([stage], call(97, interval_ms=10.2), folder))
    nearest = [round(index * 10.2 / 10.02) % 10 for index in range(97)]
    assert [slower[index] - index * 10.2 for index in range(97)] == pytest.approx(nearest)


def test_an_offset_into_recorded_arrivals_is_counted_in_its_packets(run, call, write):
    folder = write("0,1", "10,12", "20,23", "30,34", "40,45", "50,56")
    result = run([Trace(file="arrivals.csv", offset_packets=3)], call(2), folder)
    assert arrivals(result) == {0: 4, 1: 26}


def test_nothing_overtakes_where_nothing_overtook(run, write):
    folder = write("0,50", "10,50", "20,50", "30,50", "40,51")
    stage = Trace(file="arrivals.csv", offset_packets=0)
    packets = [
        Packet(100, round(at_ms * 1e6), index) for index, at_ms in enumerate([0, 7, 14, 16, 23, 34, 36])
    ]
    result = run([stage], packets, folder)
    assert result.order == list(range(7))


def test_a_packet_that_overtook_in_the_recording_overtakes(run, call, write):
    folder = write("0,5", "20,70", "40,45", "60,65", "80,85")
    result = run([Trace(file="arrivals.csv", offset_packets=0)], call(5), folder)
    assert result.order == [0, 2, 3, 1, 4]
    assert arrivals(result) == {0: 5, 1: 70, 2: 45, 3: 65, 4: 85}


def test_a_queue_before_a_recording_does_not_change_what_packets_meet(run, call, write):
    folder = write("0,0", "20,", "40,49", "60,60", "80,")
    stage = Trace(file="arrivals.csv", offset_packets=0)
    alone, late = run([stage], call(50), folder), run([Delay(constant_ms=33), stage], call(50), folder)
    assert late.lost(50) == alone.lost(50)
    assert arrivals(late) == {sequence: at_ms + 33 for sequence, at_ms in arrivals(alone).items()}
