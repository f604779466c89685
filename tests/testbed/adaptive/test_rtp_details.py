"""Details of RTP in a jitter buffer: wraps, streams, copies, sizes, pauses, overflow and damage."""

from dataclasses import replace

import numpy as np
import pytest

from testbed.adaptive.played import EditKind
from testbed.codecs.encoded_frame import read
from testbed.codecs.recovery import Recovery
from tests.testbed.receiver import packets

from .calls import MS, inserted_ms, play, rtp, sent

PRIMARY, RED, LBRR, DRED, PLC, DTX = (int(each) for each in Recovery)
FRAMES = [packets.frame(number) for number in range(60)]


def test_a_call_without_impairment_is_played_from_its_own_packets() -> None:
    played = play(sent(FRAMES), 60)
    assert played.recovered_by.tolist() == [PRIMARY] * 60
    assert played.source_frame.tolist() == list(range(60))
    assert not played.concealments
    assert (np.diff(played.played_ns) > 0).all()


def test_counters_that_wrap_change_nothing() -> None:
    plain = play(sent(FRAMES, lost=[20]), 60)
    first = 2**32 - 10 * 960
    wrapped = play(
        sent(FRAMES, lost=[20], first_sequence=0xFFF0, first_timestamp=first), 60, first_timestamp=first
    )
    assert np.array_equal(wrapped.pcm, plain.pcm)
    assert wrapped.edits == plain.edits


def test_packets_that_arrive_twice_are_played_once() -> None:
    once = sent(FRAMES, lost=[20], late_ms={30: 15})
    # What arrives before the first is played does not count, so the first packet could count later.
    twice = sorted([*once, *((at_ns + 50 * MS, data) for at_ns, data in once[1:])], key=lambda each: each[0])
    for copied in (sorted([*once, *once], key=lambda each: each[0]), twice):
        assert np.array_equal(play(copied, 60).pcm, play(once, 60).pcm)


def test_red_copies_of_what_was_played_are_ignored() -> None:
    plain, copied = play(sent(FRAMES), 60), play(sent(FRAMES, copies=[1, 2]), 60)
    assert np.array_equal(copied.pcm, plain.pcm)
    assert copied.recovered_by.tolist() == [PRIMARY] * 60


def test_a_red_copy_stands_for_a_lost_packet() -> None:
    played = play(sent(FRAMES, lost=[40], copies=[1]), 60)
    assert played.recovered_by.tolist() == [RED if number == 40 else PRIMARY for number in range(60)]
    assert played.source_frame[40] == 41
    assert not played.concealments


def test_a_damaged_copy_costs_only_itself() -> None:
    frames = [*FRAMES]
    arrivals = sent(frames, lost=[40], copies=[1])
    broken = [
        replace(frame, payload=b"\xff") if number == 40 else frame for number, frame in enumerate(frames)
    ]
    arrivals[40] = (arrivals[40][0], rtp(broken, 41, [1]))
    played = play(arrivals, 60)
    assert played.recovered_by.tolist() == [PLC if number == 40 else PRIMARY for number in range(60)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80",
        bytes(12),
        rtp(FRAMES, 40)[:12],
        rtp(FRAMES, 40)[:12] + b"\xff\xff",
        b"\x80\x3f" + bytes(10),
    ],
    ids=["empty", "a byte", "zeros", "no payload", "a bad payload", "a bad RED payload"],
)
def test_a_packet_that_cannot_be_read_counts_as_lost(data: bytes) -> None:
    arrivals = sent(FRAMES)
    damaged = [(at_ns, data if number == 40 else each) for number, (at_ns, each) in enumerate(arrivals)]
    assert np.array_equal(play(damaged, 60).pcm, play(sent(FRAMES, lost=[40]), 60).pcm)


def test_lbrr_goes_before_dred_and_both_fill_a_gap_from_its_beginning() -> None:
    frames = [packets.frame(number, lbrr=number == 44, dred_ms=200 * (number == 44)) for number in range(60)]
    played = play(sent(frames, lost=[41, 42, 43]), 60, complexity=5, preset="signal")
    assert played.recovered_by[40:45].tolist() == [PRIMARY, DRED, DRED, LBRR, PRIMARY]
    assert played.source_frame[40:45].tolist() == [40, 44, 44, 44, 44]


def test_dred_is_left_alone_without_a_gap() -> None:
    frames = [packets.frame(number, dred_ms=200) for number in range(60)]
    assert play(sent(frames), 60, complexity=5).recovered_by.tolist() == [PRIMARY] * 60


@pytest.mark.parametrize("frame_ms", [10, 20, 40, 60])
def test_packets_of_any_length_are_played_whole(frame_ms: int) -> None:
    frames = [packets.frame(number, frame_ms=frame_ms) for number in range(40)]
    played = play(sent(frames, lost=[20], frame_ms=frame_ms), 40, frame_ms)
    assert played.recovered_by.tolist() == [PLC if number == 20 else PRIMARY for number in range(40)]


def test_a_packet_of_several_frames_lasts_as_long_as_all_of_them() -> None:
    six = bytes([packets.frame(0).payload[0] | 3, 6]) + bytes([0x80, 1]) * 6
    frames = [read(six)] * 20
    assert play(sent(frames, frame_ms=120), 20, 120).recovered_by.tolist() == [PRIMARY] * 20


def test_the_length_of_packets_may_change_within_a_call() -> None:
    lengths_ms = [20] * 10 + [60] * 5 + [10] * 20 + [40] * 5
    arrivals, at_ms = [], 0
    for number, frame_ms in enumerate(lengths_ms):
        packet = rtp(
            [packets.frame(number, frame_ms=frame_ms)], 0, first_sequence=number, first_timestamp=48 * at_ms
        )
        at_ms += frame_ms
        arrivals.append((at_ms * MS, packet))
    played = play(arrivals, at_ms // 10, 10)
    assert (
        played.recovered_by.tolist().count(PRIMARY) >= at_ms // 10 - 6
    )  # one is late after the change to 60 ms
    assert inserted_ms(played, EditKind.SKIPPED) == 0


def test_a_stream_of_another_ssrc_goes_on_where_the_first_one_ended() -> None:
    arrivals = sent(FRAMES[:30])
    second = sent(FRAMES[30:], ssrc=2, first_timestamp=123_456, first_sequence=999)
    arrivals += [(at_ns + 600 * MS, data) for at_ns, data in second]
    played = play(arrivals, 60)
    assert played.recovered_by.tolist()[30:] == [PRIMARY] * 30
    assert played.source_frame.tolist()[30:] == list(range(30, 60))


def test_a_full_buffer_is_emptied_and_playing_goes_on_with_what_comes_next() -> None:
    burst = {number: -20 * (number - 25) for number in range(25, 45)}
    played = play(sent(FRAMES, late_ms=burst), 60, most_packets=12)
    skipped_ms = inserted_ms(played, EditKind.SKIPPED)
    assert 200 <= skipped_ms <= 280
    assert played.recovered_by.tolist()[37:] == [PRIMARY] * 23
    assert (played.played_ns == -1).sum() == skipped_ms / 20


def test_packets_outside_the_call_are_ignored() -> None:
    arrivals = sent(FRAMES, first_timestamp=960)
    arrivals.insert(30, (arrivals[30][0], rtp(FRAMES, 0, first_timestamp=1 << 31)))
    assert play(arrivals, 61).recovered_by.tolist() == [PLC] + [PRIMARY] * 60


def test_a_call_of_which_nothing_arrives_is_silence() -> None:
    played = play([], 10)
    assert not played.pcm.any()
    assert played.recovered_by.tolist() == [PLC] * 10
    assert [tuple(each) for each in played.concealments] == [(0, 3200)]


def test_the_end_of_a_call_that_never_comes_is_concealed() -> None:
    played = play(sent(FRAMES, lost=range(50, 60)), 60)
    assert played.recovered_by.tolist() == [PRIMARY] * 50 + [PLC] * 10
    assert played.concealments[-1].samples == 10 * 320


def test_pauses_that_are_not_sent_are_neither_concealed_nor_stretched() -> None:
    frames = [packets.frame(number, voice=not 20 <= number < 45) for number in range(60)]
    pause = range(30, 45)
    arrivals = [(at_ns, data) for number, (at_ns, data) in enumerate(sent(frames)) if number not in pause]
    # Sequence numbers count packets, so those after the pause follow those before it.
    arrivals[30:] = [
        ((number + 1) * 20 * MS, rtp(frames, number, first_sequence=-15, marker=number == 45))
        for number in range(45, 60)
    ]
    played = play(arrivals, 60, may_pause=True, preset="signal")
    assert [number for number, source in enumerate(played.recovered_by) if source == DTX] == list(pause)
    assert not played.concealments
    before, after = 30 * 320, 45 * 320
    assert not [edit for edit in played.edits if before < edit.media_sample < after]
    assert play(arrivals, 60, preset="signal").recovered_by.tolist()[30:45] == [PLC] * 15


def test_packets_of_a_pause_are_played_as_comfort_noise_without_stretching() -> None:
    frames = [packets.UNSENT if 20 <= number < 50 else packets.frame(number) for number in range(60)]
    played = play(sent(frames), 60, min_delay_ms=500)
    assert played.recovered_by.tolist() == [PRIMARY] * 60
    inside = [edit for edit in played.edits if 21 * 320 < edit.media_sample < 50 * 320]
    assert not inside
