"""Received RTP: losses, late packets, duplicates and delays, with wrapping counters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.channels.recordings.parts import LOST
from testbed.codecs.rtp.packet import RtpPacket
from testbed.errors import ChannelError
from testbed.traces.datagram import Datagram
from testbed.traces.rtp_choice import chosen
from testbed.traces.rtp_clock import clock_of
from testbed.traces.rtp_recording import recording_of
from testbed.traces.rtp_stream import streams

MS = 1_000_000
CLOCK_HZ = 48_000


def seen(time_ns, way, data):
    return Datagram(time_ns, way, data, len(data))


def stream_of(packets, way="a > b", ssrc=7, payload_type=111):
    """Packets as (sequence, timestamp, arrival in ms), as one stream in the order given."""
    (stream,) = streams(
        seen(
            round(arrival_ms * MS),
            way,
            RtpPacket(payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc, b"x").serialize(),
        )
        for sequence, timestamp, arrival_ms in packets
    )
    return stream


def read(packets):
    return recording_of(stream_of(packets), CLOCK_HZ, "x")


@given(
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3)), min_size=2, max_size=80),
)
def test_the_recording_has_the_fates_of_the_packets(sequence, timestamp, fates):
    """Each packet with a delay in ms and a number of copies; the first and the last arrive."""
    fates = [(delay, copies) for delay, copies in fates]
    fates[0], fates[-1] = (fates[0][0], max(1, fates[0][1])), (fates[-1][0], max(1, fates[-1][1]))
    arrivals = sorted(
        (20 * index + delay + copy / 10, index)
        for index, (delay, copies) in enumerate(fates)
        for copy in range(copies)
    )
    recording = read([(sequence + index, timestamp + 960 * index, at) for at, index in arrivals])
    lost = np.array([copies == 0 for _, copies in fates])
    smallest = min(delay for delay, copies in fates if copies)
    assert (recording.lost == lost).all()
    assert recording.send_ns.tolist() == [20 * MS * index for index in range(len(fates))]
    expected = [LOST if not copies else (delay - smallest) * MS for delay, copies in fates]
    assert recording.delay_ns.tolist() == expected
    assert recording.duplicates == sum(max(0, copies - 1) for _, copies in fates)
    assert all("are there twice" in note for note in recording.notes)


def test_reordering_is_not_loss():
    recording = read([(65534, 0, 0), (0, 1920, 45), (65535, 960, 50), (1, 2880, 60)])
    assert not recording.lost.any()
    assert recording.reordered() == 1
    assert recording.delay_ns.tolist() == [0, 30 * MS, 5 * MS, 0]


def test_a_packet_later_than_all_before_the_first_counts_too():
    recording = read([(10, 960, 20), (9, 0, 25), (11, 1920, 40)])
    assert (len(recording), recording.reordered()) == (3, 1)
    assert recording.delay_ns.tolist() == [25 * MS, 0, 0]


def test_a_long_outage_is_loss():
    """4000 packets, more than RFC 3550's limit for a jump; timestamps and arrivals say that 80 s passed."""
    before = [(n, 960 * n, 20 * n) for n in range(100)]
    after = [(n, 960 * n, 20 * n) for n in range(4100, 4200)]
    recording = read(before + after)
    assert (len(recording), int(recording.lost.sum())) == (4200, 4000)


def test_a_sender_that_starts_anew_is_no_loss():
    before = [(n, 960 * n, 20 * n) for n in range(100)]
    after = [(40_000 + n, 2**31 + 960 * n, 2000 + 20 * n) for n in range(300)]
    recording = read(before + after)
    assert (len(recording), recording.lost.any()) == (300, False)
    assert "300 of 400 packets" in recording.notes[0]


def test_a_stray_packet_is_left_out():
    packets = [(n, 960 * n, 20 * n) for n in range(100)]
    packets.insert(50, (40_000, 123, 990))
    recording = read(packets)
    assert (len(recording), recording.lost.any()) == (100, False)
    assert recording.notes[0].startswith("1 stray packets")


def test_silence_that_was_not_sent_is_no_loss():
    recording = read([(0, 0, 0), (1, 960, 20), (2, 960 + 48_000, 1020), (3, 48_960 + 960, 1040)])
    assert recording.send_ns.tolist() == [0, 20 * MS, 1020 * MS, 1040 * MS]
    assert not recording.lost.any()


def test_timestamps_that_run_backward_are_refused():
    with pytest.raises(ChannelError, match=r"x: RTP timestamps run backward by 960 at sequence number 2"):
        read([(0, 0, 0), (1, 960, 20), (2, 0, 40)])


@pytest.mark.parametrize("clock_hz", [8_000, 16_000, 44_100, 48_000, 90_000])
def test_the_clock_shows(clock_hz):
    rng = np.random.default_rng(2)
    packets = [(n, round(clock_hz * 0.02 * n), 20 * n + rng.exponential(8)) for n in range(200)]
    assert clock_of(stream_of(packets, payload_type=96), "x") == clock_hz


def test_a_static_payload_types_clock_is_known():
    assert clock_of(stream_of([(0, 0, 0), (1, 160, 50)], payload_type=0), "x") == 8_000
    with pytest.raises(ChannelError, match=r"advance by 3200 per second.*--clock-hz"):
        clock_of(stream_of([(0, 0, 0), (1, 160, 50)], payload_type=96), "x")
    assert clock_of(stream_of([(0, 0, 0), (1, 960, 50)], payload_type=111), "x") == 48_000


def call(ssrc, way, packets):
    return [seen(20 * MS * n, way, RtpPacket(111, n, 960 * n, ssrc, b"").serialize()) for n in range(packets)]


def test_of_several_streams_one_must_be_chosen():
    found = streams([*call(1, "a > b", 30), *call(2, "b > a", 20)])
    with pytest.raises(ChannelError) as caught:
        chosen(found, None, "x")
    assert str(caught.value) == (
        "x: holds 2 RTP streams, choose with --ssrc: "
        "0x00000001 (30 packets, a > b), 0x00000002 (20 packets, b > a)"
    )
    assert chosen(found, 2, "x").way == "b > a"
    with pytest.raises(ChannelError, match="no RTP of SSRC 0x00000003; there is 0x00000001"):
        chosen(found, 3, "x")


def test_other_packets_are_not_mistaken_for_rtp():
    rng = np.random.default_rng(3)
    noise = [seen(n, "c > d", bytes([0x80, *rng.integers(0, 256, 30).tolist()])) for n in range(50)]
    same = [
        seen(n, "c > d", bytes([0x80, 0, *rng.integers(0, 256, 6).tolist(), 1, 2, 3, 4])) for n in range(50)
    ]
    rtcp = [seen(n, "a > b", bytes([0x81, 200, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0])) for n in range(9)]
    version = [seen(n, "a > b", bytes([0x40]) + bytes(20)) for n in range(9)]
    stream = chosen(streams([*noise, *same, *rtcp, *version, *call(1, "a > b", 9)]), None, "x")
    assert (stream.ssrc, len(stream.packets)) == (1, 9)
    with pytest.raises(ChannelError, match="x: holds no RTP stream"):
        chosen(streams([*noise, *same, *rtcp, *version]), None, "x")


def test_packets_that_come_twice_throughout_are_said():
    """As from Linux's device "any", which sees a packet come in and go out."""
    recording = read([(n, 960 * n, 20 * n + late) for n in range(100) for late in (0, 0.1)])
    assert (len(recording), recording.duplicates) == (100, 100)
    assert "100 of 100 packets are there twice" in recording.notes[0]
