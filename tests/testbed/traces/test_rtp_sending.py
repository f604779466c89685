"""Send times of packets where timestamps do not give them: events, pauses, timestamps set anew."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.errors import ChannelError

from .rtp_calls import MS, Sent, delayed, read, speech

CODECS = [(0, 8_000, 20.0), (0, 8_000, 60.0), (9, 8_000, 10.0), (111, 48_000, 20.0), (111, 48_000, 60.0)]


def with_events(packets, starts, length, event_type=101, payload=bytes(4)):
    """Put telephone events in place of speech, the last packet of each three times (RFC 4733, 2.5.1.4)."""
    sent, number = [], 0
    for index, packet in enumerate(packets):
        start = next((start for start in starts if start <= index < start + length), None)
        kind, timestamp, content, copies = packet.payload_type, packet.timestamp, packet.payload, 1
        if start is not None:
            kind, timestamp, content = event_type, packets[start].timestamp, payload
            copies = 3 if index == start + length - 1 else 1
        for copy in range(copies):
            sent.append(Sent(packet.sent_ms + copy, number, timestamp, kind, index == start, content))
            number += 1
    return sent


@pytest.mark.parametrize(("payload_type", "clock_hz", "interval_ms"), CODECS)
@pytest.mark.parametrize("payload", [bytes(4), bytes(14)], ids=["plain", "srtp"])
def test_telephone_events_say_nothing_of_delay(payload_type, clock_hz, interval_ms, payload):
    plain = speech(600, interval_ms, clock_hz, payload_type)
    recording = read(with_events(plain, (100, 300, 450), 13, payload=payload))
    assert (len(recording), recording.lost.any()) == (606, False)
    assert set(recording.delay_ns.tolist()) == {0}
    assert "telephone events" in recording.notes[0]


def test_events_may_be_more_than_speech():
    recording = read(with_events(speech(400, clock_hz=8_000, payload_type=0), range(20, 380, 12), 9))
    assert set(recording.delay_ns.tolist()) == {0}
    assert "telephone events" in recording.notes[0]


def test_timestamps_that_stand_still_during_events():
    """A sender whose speech goes on after an event where it stopped before."""
    packets = with_events(speech(600, clock_hz=8_000, payload_type=0), (100, 300, 450), 13)
    resumed, stood = [], 0
    for packet in packets:
        stood += packet.marker
        late = stood * 13 * 160 if packet.payload_type == 0 else 0
        resumed.append(replace(packet, timestamp=packet.timestamp - late))
    recording = read(resumed)
    assert set(recording.delay_ns.tolist()) == {0}
    assert "timestamps stop in 3 pauses" in recording.notes[1]


def test_events_take_the_delay_of_their_neighbours():
    packets = with_events(speech(300, clock_hz=8_000, payload_type=0), (100,), 10)
    recording = read(delayed(packets, [40.0 if packet.sequence < 105 else 60.0 for packet in packets]))
    assert recording.delay_ns.min() == 0 and recording.delay_ns.max() == 20 * MS
    assert (np.diff(recording.send_ns) >= 0).all()


@pytest.mark.parametrize("payload", [bytes(4), bytes(14)], ids=["plain", "srtp"])
def test_events_between_packets_of_speech_that_go_on(payload):
    packets = []
    for n, packet in enumerate(speech(400, clock_hz=8_000, payload_type=0)):
        packets.append(replace(packet, sequence=len(packets)))
        if n // 20 % 4 == 3:
            start = n // 20 * 20 * 160
            packets.append(Sent(packet.sent_ms + 1, len(packets), start, 96, False, payload))
    recording = read(packets)
    assert set(recording.delay_ns.tolist()) == {0}
    assert "telephone events" in recording.notes[0]


def test_a_lost_event_packet_is_lost():
    packets = with_events(speech(200, clock_hz=8_000, payload_type=0), (100,), 10)
    recording = read([packet for packet in packets if packet.sequence != 104])
    assert np.flatnonzero(recording.lost).tolist() == [104]
    assert set(recording.delay_ns[~recording.lost].tolist()) == {0}


def test_frames_of_several_packets_share_a_timestamp():
    packets = [Sent(33 * (n // 3) + n % 3, n, 3000 * (n // 3), 96) for n in range(300)]
    recording = read(packets, clock_hz=90_000)
    assert recording.delay_ns.max() <= 1 * MS * 34
    assert "200 packets repeat the timestamp of the packet before" in recording.notes[0]


def standing(
    spurts, pause_ms, interval_ms=20.0, clock_hz=48_000, payload_type=111, marks=True, goes_on=False
):
    """Talkspurts of so many packets, between which timestamps stand still."""
    step, packets, now_ms, ticks = round(clock_hz * interval_ms / 1000), [], 0.0, 1000
    for spurt in spurts:
        for n in range(spurt):
            marker = marks and n == 0
            packets.append(Sent(now_ms, len(packets) + 65_000, ticks, payload_type, marker))
            now_ms += interval_ms
            ticks += step
        now_ms += pause_ms
        ticks += round(clock_hz * pause_ms / 1000) if goes_on else 0
    return packets


@pytest.mark.parametrize(("payload_type", "clock_hz", "interval_ms"), [*CODECS, (96, 48_000, 20.0)])
@pytest.mark.parametrize("pause_ms", [300, 2000, 45_000])
@pytest.mark.parametrize("marks", [True, False])
def test_timestamps_that_stand_still_in_pauses_are_no_delay(
    payload_type, clock_hz, interval_ms, pause_ms, marks
):
    packets = standing([100] * 12, pause_ms, interval_ms, clock_hz, payload_type, marks)
    recording = read(packets)
    assert not recording.lost.any()
    assert set((recording.delay_ns // MS).tolist()) == {0}
    assert recording.send_ns[-1] == round((packets[-1].sent_ms - packets[0].sent_ms) * MS)
    assert "timestamps stop in 11 pauses" in recording.notes[0]


@pytest.mark.parametrize("pause_ms", [300, 2000, 15_000])
def test_timestamps_that_go_on_are_left_alone(pause_ms):
    recording = read(standing([100] * 12, pause_ms, goes_on=True))
    assert recording.notes == ()
    assert set(recording.delay_ns.tolist()) == {0}


def test_comfort_noise_between_pauses_is_seen_though_each_packet_stands_alone():
    """Opus's DTX: a packet of two bytes each 400 ms, while the timestamp goes on by one packet only."""
    packets, now_ms = [], 0.0
    for n in range(1200):
        comfort = 60 <= n % 100 < 90
        packets.append(Sent(now_ms, n, 960 * n, 111, False, bytes(2 if comfort else 60)))
        now_ms += 400 if comfort else 20
    recording = read(packets)
    assert set((recording.delay_ns // MS).tolist()) == {0}
    assert "timestamps stop" in recording.notes[0]


def jitter(packets, seed=1, scale_ms=8.0):
    rng = np.random.default_rng(seed)
    return delayed(packets, (30 + rng.exponential(scale_ms, len(packets))).tolist())


@pytest.mark.parametrize("marks", [True, False])
def test_jitter_stays_where_pauses_are_taken_out(marks):
    packets = jitter(standing([60] * 30, 1500, marks=marks))
    recording = read(packets)
    truth = np.array([packet.delay_ms for packet in packets])
    error_ms = recording.delay_ns / 1e6 - (truth - truth.min())
    assert np.abs(error_ms).max() < 3
    assert recording.reordered() > 0


@pytest.mark.parametrize("marks", [True, False])
def test_a_queue_that_fills_and_drains_is_delay(marks):
    """An outage of 3 s: what waited arrives at once. And a link too slow for a while, then free again."""
    packets = standing([100] * 12, 500, marks=marks, goes_on=True)
    stalled = [
        replace(packet, delay_ms=max(30.0, 13_000 - packet.sent_ms) if packet.sent_ms > 10_000 else 30.0)
        for packet in packets
    ]
    recording = read(stalled)
    assert recording.notes == ()
    assert recording.delay_ns.max() >= 2900 * MS
    slow = [
        replace(p, delay_ms=30 + max(0.0, min(p.sent_ms - 5000, 2 * (9000 - p.sent_ms)))) for p in packets
    ]
    recording = read(slow)
    assert recording.notes == ()
    assert recording.delay_ns.max() >= 2000 * MS


def test_a_link_too_slow_to_the_end_is_delay():
    """A quarter of the rate: each packet is 60 ms later than the one before, for good."""
    packets = [replace(packet, delay_ms=60.0 * packet.sequence) for packet in speech(300)]
    recording = read(packets)
    assert recording.notes == ()
    assert recording.delay_ns.max() == 60 * 299 * MS


def over_a_poor_link(packets, rng, packets_per_ms):
    """A packet per opportunity; the gaps between these are random, one in 100 is an outage of seconds."""
    count = 3 * len(packets)
    gaps = rng.exponential(1 / packets_per_ms, count)
    gaps += np.where(rng.random(count) < 0.01, rng.uniform(500, 5000, count), 0)
    opportunities = np.cumsum(gaps)
    delays_ms, place = [], -1
    for packet in packets:
        place = max(place + 1, int(np.searchsorted(opportunities, packet.sent_ms, "right")))
        delays_ms.append(30 + opportunities[place] - packet.sent_ms)
    return delayed(packets, delays_ms)


@pytest.mark.parametrize("packets_per_ms", [0.04, 0.08, 0.3])
@pytest.mark.parametrize("pause_ms", [0, 1500])
@pytest.mark.parametrize("marks", [True, False])
def test_a_poor_network_is_not_taken_for_pauses(packets_per_ms, pause_ms, marks):
    """Queues of seconds that stand, drain in pauses or at the end do not: all of it is delay."""
    rng = np.random.default_rng(4)
    packets = over_a_poor_link(standing([150] * 12, pause_ms, marks=marks, goes_on=True), rng, packets_per_ms)
    recording = read(packets)
    truth = np.array([packet.delay_ms for packet in packets])
    assert np.abs(recording.delay_ns / 1e6 - (truth - truth.min())).max() < 0.001
    assert truth.max() > 1000


def test_packets_late_at_the_very_end_are_late():
    packets = delayed(speech(500), [30.0] * 480 + [1600 - 20.0 * n for n in range(20)])
    recording = read(packets)
    assert "left in the delays" in recording.notes[0]
    assert recording.delay_ns.max() == 1570 * MS


@pytest.mark.parametrize("jump", [5_000_000, -5_000_000, 2**31 - 10_000_000, 400_000])
def test_timestamps_set_anew_are_said_and_aligned(jump):
    """As after a re-INVITE: sequence numbers go on."""
    packets = jitter([
        replace(packet, timestamp=packet.timestamp + (jump if packet.sequence >= 300 else 0))
        for packet in speech(600)
    ])  # fmt: skip
    recording = read(packets)
    truth = np.array([packet.delay_ms for packet in packets])
    assert np.abs(recording.delay_ns / 1e6 - (truth - truth.min())).max() < 3
    assert "reset its timestamps at sequence number 300" in recording.notes[0]


def test_a_codec_with_another_clock_is_read_by_its_own():
    """PCMU, then Opus, in one stream."""
    before = speech(200, clock_hz=8_000, payload_type=0)
    after = [Sent(4000 + 20 * n, 200 + n, 32_000 + 960 * n) for n in range(300)]
    recording = read(before + after)
    assert set((recording.delay_ns // MS).tolist()) == {0}
    assert "reset its timestamps" in recording.notes[0]


def test_a_single_step_is_said_to_be_a_clock_or_a_pause():
    packets = [replace(p, sent_ms=p.sent_ms + (2500 if p.sequence >= 250 else 0)) for p in speech(600)]
    recording = read(packets)
    assert set(recording.delay_ns.tolist()) == {0}
    assert "from sequence number 250 on" in recording.notes[0]
    assert "2.500 s" in recording.notes[0] and "clock stepped forward" in recording.notes[0]


def test_an_outage_without_packets_is_loss_and_no_step():
    packets = [packet for packet in speech(600) if not 200 <= packet.sequence < 325]
    recording = read(packets)
    assert int(recording.lost.sum()) == 125
    assert recording.notes == ()


def test_reordering_at_the_start_of_a_talkspurt():
    packets = standing([100] * 12, 2000)
    packets[400] = replace(packets[400], delay_ms=30)
    recording = read(packets)
    assert recording.reordered() == 1
    assert recording.delay_ns[400] == 30 * MS
    assert np.delete(recording.delay_ns, 400).max() < MS


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 2**32 - 1), st.integers(0, 5000), st.booleans()),
        min_size=2,
        max_size=60,
    )
)
def test_any_timestamps_are_read_or_refused(steps):
    packets = [
        Sent(
            20.0 * n + delay,
            n,
            timestamp if kind else 960 * n,
            (111, 111, 101, 13)[kind],
            marker,
            bytes(4 + kind),
        )
        for n, (kind, timestamp, delay, marker) in enumerate(steps)
    ]
    try:
        recording = read(packets, clock_hz=48_000)
    except ChannelError as error:
        assert str(error).startswith("x: ")
    else:
        assert (np.diff(recording.send_ns) >= 0).all()
        assert recording.delay_ns[~recording.lost].min() == 0
