"""Choice of a capture's stream: never silently the larger of two."""

from dataclasses import replace

import pytest

from testbed.errors import ChannelError
from testbed.traces.capture_points import joined
from testbed.traces.contents import Contents
from testbed.traces.format import StreamChoice
from testbed.traces.rtp_choice import chosen
from testbed.traces.rtp_packets import recording_from
from testbed.traces.rtp_stream import streams

from .rtp_calls import datagrams, speech

CALL = speech(600)
OTHER = [replace(packet, ssrc=8) for packet in CALL]
BEFORE = [packet for packet in CALL if packet.sequence % 20 != 16]
AFTER = [packet for packet in BEFORE if packet.sequence % 10 != 3]


def found(*parts):
    return joined(streams(sorted((d for part in parts for d in part), key=lambda d: d.time_ns)))


def refusal(streams_there, **choice):
    with pytest.raises(ChannelError) as caught:
        chosen(streams_there, choice.get("ssrc"), "x", choice.get("way"))
    return str(caught.value)


def test_two_points_of_capture_are_chosen_by_number():
    there = found(datagrams(BEFORE, "a > b"), datagrams(AFTER, "b > c", start_ms=1_700_000_000_015))
    assert refusal(there) == (
        "x: holds 0x00000007 on 2 ways, choose with --way: 1: 570 packets, a > b; "
        "2: 510 packets, b > c, the same packets, captured at another place"
    )
    assert refusal(there, ssrc=7) == refusal(there)
    assert [len(chosen(there, None, "x", way).packets) for way in (1, 2)] == [570, 510]
    assert "has no --way 3: 0x00000007 was seen on 2: 1: 570" in refusal(there, way=3)


def test_one_address_seen_twice_is_chosen_by_number_too():
    """Before and after a router: the addresses are the same, the hops left are not."""
    there = found(
        datagrams(BEFORE, point="64 hops left"),
        datagrams(AFTER, point="63 hops left", start_ms=1_700_000_000_001),
    )
    assert "1: 570 packets, a > b, 64 hops left; 2: 510 packets, a > b, 63 hops left, the same" in refusal(
        there
    )


def test_two_senders_with_one_ssrc_are_said():
    there = found(datagrams(CALL), datagrams([*speech(300, clock_hz=44_100)], "c > d"))
    assert "2: 300 packets, c > d, other packets: two senders with one SSRC" in refusal(there)


def test_a_call_that_moved_is_said():
    there = found(datagrams(CALL[:400]), datagrams(CALL[400:], "c > d"))
    assert "2: 200 packets, c > d, continuing where way 1 ends" in refusal(there)


def test_several_senders_are_chosen_by_ssrc_first():
    there = found(datagrams(BEFORE), datagrams(AFTER, "b > c"), datagrams(OTHER, "e > f"))
    assert "2 RTP streams, choose with --ssrc" in refusal(there)
    assert "on 2 ways, choose with --way" in refusal(there, ssrc=7)
    assert chosen(there, 8, "x").way == "e > f"


def test_each_way_has_its_own_loss():
    both = sorted([*datagrams(BEFORE), *datagrams(AFTER, "b > c")], key=lambda datagram: datagram.time_ns)
    for way, lost in ((1, 30), (2, 90)):
        recording = recording_from(both, StreamChoice(way=way), "x", Contents())
        assert (len(recording), int(recording.lost.sum())) == (600, lost)


def test_two_senders_with_one_ssrc_on_one_way_are_said():
    other = [replace(packet, sequence=packet.sequence + 20_000) for packet in CALL]
    parts = [*datagrams(BEFORE), *datagrams(other, start_ms=1_700_000_000_007)]
    with pytest.raises(ChannelError, match="several senders under one SSRC"):
        recording_from(sorted(parts, key=lambda each: each.time_ns), StreamChoice(), "x", Contents())
