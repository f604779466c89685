"""Transport-wide feedback, RFC 8888 feedback, the header extension: round trips, the specs' bytes, damage."""

import contextlib
import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.codecs import rtcp
from testbed.codecs.rtcp.ccfb import CongestionFeedback, ReportedArrival, StreamReport
from testbed.codecs.rtcp.header import serialize_part
from testbed.codecs.rtcp.report import ReceiverReport, ReportBlock, SenderReport
from testbed.codecs.rtcp.transport_wide import TransportFeedback
from testbed.codecs.rtp.extension import EXTENSION_BYTES, transport_sequence, with_transport_sequence
from testbed.codecs.rtp.packet import RtpPacket
from testbed.errors import CodecError

u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFF_FFFF)


@st.composite
def transport_feedback(draw):
    """Runs of statuses, so that every kind of chunk comes about."""
    small, large = st.integers(0, 255), st.integers(-0x8000, 0x7FFF)
    ticks, arrivals = 0, []
    for _ in range(draw(st.integers(1, 8))):
        kind = draw(st.sampled_from(["lost", "small", "large", "mixed"]))
        for _ in range(draw(st.integers(1, 30))):
            one = draw(st.sampled_from(["lost", "small", "large"])) if kind == "mixed" else kind
            if one == "lost":
                arrivals.append(None)
            else:
                ticks += draw(small if one == "small" else large)
                arrivals.append(ticks)
    return TransportFeedback(
        draw(u32),
        draw(u32),
        draw(u16),
        draw(st.integers(0, (1 << 24) - 1)),
        draw(u16) & 0xFF,
        tuple(arrivals),
    )


stream_reports = st.builds(
    StreamReport,
    ssrc=u32,
    begin_sequence=u16,
    arrivals=st.lists(
        st.none() | st.builds(ReportedArrival, offset=st.integers(0, 0x1FFF), ecn=st.integers(0, 3)),
        max_size=40,
    ).map(tuple),
)
congestion_feedback = st.builds(
    CongestionFeedback,
    sender_ssrc=u32,
    streams=st.lists(stream_reports, max_size=4).map(tuple),
    report_timestamp=u32,
)


@settings(max_examples=300, deadline=None)
@given(transport_feedback())
def test_transport_feedback_round_trip(feedback):
    data = feedback.serialize()
    assert len(data) % 4 == 0
    assert rtcp.parse(data) == [feedback]


@pytest.mark.parametrize("count", [1, 7, 13, 14, 15, 8191, 8192, 65535])
@pytest.mark.parametrize("arrival", [None, 3])
def test_runs_are_short_whatever_their_length(count, arrival):
    feedback = TransportFeedback(1, 2, 3, 4, 5, (arrival,) * count)
    data = feedback.serialize()
    assert rtcp.parse(data) == [feedback]
    deltas = 0 if arrival is None else count
    assert len(data) <= 20 + 2 * -(-count // 8191) + deltas + 3


def test_transport_feedback_made_by_hand():
    data = bytes.fromhex(
        "8fcd0006"  # version 2, message type 15, type 205, 6 words follow
        "0000000a53504348"  # reporter and stream
        "fffe0004"  # from 65534 on, 4 packets
        "00000107"  # reference time 1 (64 ms), message 7
        "d180"  # two-bit statuses 01 00 01 10 and padding: small, lost, small, large
        "0450fffe0000"  # 4 and 80 ticks, then 2 ticks back; padding
    )
    feedback = TransportFeedback(10, 0x53504348, 65534, 1, 7, (4, None, 84, 82))
    assert rtcp.parse(data) == [feedback]
    assert feedback.serialize() == data


def message(count, chunks, deltas=b""):
    body = struct.pack("!IIHHI", 1, 2, 0, count, 0) + chunks + deltas
    return serialize_part(15, 205, body + bytes(-len(body) % 4))


def statuses(data):
    ((feedback),) = rtcp.parse(data)
    return "".join("-" if ticks is None else "+" for ticks in feedback.arrivals)


def test_the_draft_s_own_chunks():
    """Section 3.1.3: a run of 221 packets not received; 3.1.4: a vector of one-bit symbols."""
    assert statuses(message(221, bytes([0b00000000, 0b11011101]))) == 221 * "-"
    assert statuses(message(14, bytes([0b10011111, 0b00011100]), bytes(8))) == "-+++++---+++--"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (serialize_part(15, 205, bytes(12)), "fixed part has 16"),
        (message(1, b""), "after 0 of 1 statuses"),
        (message(20, b"\x80\x00"), "run of 0 packets"),
        (message(3, b"\x20\x03", b"\x01"), "ends before arrival 2"),
        (message(7, bytes([0b11001101, 0b01010000]), bytes(9)), "reserved status 3"),
    ],
)
def test_damaged_transport_feedback_is_refused(data, text):
    with pytest.raises(CodecError, match=text):
        rtcp.parse(data)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"arrivals": ()}, "0 packets"),
        ({"arrivals": (None,) * 65536}, "65536 packets"),
        ({"arrivals": (0, 0x8000)}, "8192 ms apart"),
        ({"reference": 1 << 24}, "24 and 8 bits"),
        ({"base_sequence": 65536}, "16 bits"),
    ],
)
def test_transport_feedback_that_does_not_fit(changes, text):
    fields = {"sender_ssrc": 1, "media_ssrc": 2, "base_sequence": 0, "reference": 0, "feedback_count": 0}
    with pytest.raises(CodecError, match=text):
        TransportFeedback(**{**fields, "arrivals": (1,), **changes}).serialize()


@given(congestion_feedback)
def test_congestion_feedback_round_trip(feedback):
    data = feedback.serialize()
    assert len(data) % 4 == 0
    assert rtcp.parse(data) == [feedback]


def test_congestion_feedback_made_by_hand():
    """RFC 8888, section 3.1, figure 1, with three packets, so that there is padding."""
    data = bytes.fromhex(
        "8bcd0006"  # version 2, message type 11, type 205, 6 words follow
        "0000000a"  # who reports
        "53504348"  # on which stream
        "ffff0003"  # from 65535 on, 3 packets
        "84000000e001"  # arrived 1024/1024 s before, lost, arrived 1/1024 s before and marked
        "0000"
        "12345678"
    )
    stream = StreamReport(0x53504348, 65535, (ReportedArrival(1024), None, ReportedArrival(1, 3)))
    feedback = CongestionFeedback(10, (stream,), 0x12345678)
    assert rtcp.parse(data) == [feedback]
    assert feedback.serialize() == data


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (bytes(4), "no room"),
        (bytes(12), "ends inside the header of stream 0"),
        (bytes(4) + struct.pack("!IHH", 1, 0, 3) + bytes(8), "announces 3 packets in 4 bytes"),
        (bytes(4) + struct.pack("!IHH", 1, 0, 16385) + bytes(40000), "announces 16385"),
    ],
)
def test_damaged_congestion_feedback_is_refused(body, text):
    with pytest.raises(CodecError, match=text):
        rtcp.parse(serialize_part(11, 205, body))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: StreamReport(1, 0, (None,) * 16385).serialize(), "16385"),
        (lambda: StreamReport(1, 65536, ()).serialize(), "begin sequence 65536"),
        (lambda: StreamReport(1, 0, (ReportedArrival(0x2000),)).serialize(), "13 bits"),
        (lambda: CongestionFeedback(1 << 32, (), 0).serialize(), "32 bits"),
    ],
)
def test_congestion_feedback_that_does_not_fit(make, text):
    with pytest.raises(CodecError, match=text):
        make()


@settings(max_examples=200, deadline=None)
@given(transport_feedback() | congestion_feedback, st.data())
def test_any_mutation_of_feedback_gives_packets_or_a_codec_error(feedback, data):
    damaged = bytearray(feedback.serialize())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CodecError):
        rtcp.parse(bytes(damaged))


def test_twenty_thousand_mutations():
    """Of all formats, in a compound: packets of bounded number and size, or a codec error."""
    chance = random.Random(8)
    arrivals = tuple(None if n % 5 == 2 else 90 * n - 400 * (n % 7 == 3) for n in range(40))
    stream = StreamReport(7, 65530, tuple(None if n % 4 == 1 else ReportedArrival(n) for n in range(31)))
    compound = b"".join(
        (
            SenderReport(1, 2**40, 3, 4, 5, (ReportBlock(7, 8, -9, 10, 11),)).serialize(),
            ReceiverReport(1, (ReportBlock(7, 8, 9, 10, 11),) * 2).serialize(),
            TransportFeedback(1, 7, 65530, 77, 3, arrivals).serialize(),
            CongestionFeedback(1, (stream, stream), 99).serialize(),
        )
    )
    outcomes = [0, 0]
    for _ in range(20_000):
        damaged = bytearray(compound)
        for _ in range(chance.randrange(1, 6)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        if chance.random() < 0.2:
            del damaged[chance.randrange(len(damaged)) :]
        try:
            packets = rtcp.parse(bytes(damaged))
        except CodecError:
            outcomes[0] += 1
            continue
        outcomes[1] += 1
        assert len(packets) <= len(damaged) // 4
    assert min(outcomes) > 2_000


@settings(max_examples=500)
@given(st.sampled_from([11, 15]), st.binary(max_size=60).map(lambda data: data[: len(data) // 4 * 4]))
def test_any_body_gives_feedback_or_a_codec_error(message_type, body):
    with contextlib.suppress(CodecError):
        rtcp.parse(serialize_part(message_type, 205, body))


@given(u16, st.integers(1, 14), st.binary(max_size=50))
def test_transport_sequence_round_trip(sequence, extension_id, payload):
    packet = RtpPacket(111, 1, 2, 3, payload)
    data = with_transport_sequence(packet.serialize(), sequence, extension_id)
    assert len(data) == len(packet.serialize()) + EXTENSION_BYTES
    assert RtpPacket.parse(data) == packet
    assert transport_sequence(data, extension_id) == sequence
    assert transport_sequence(data, extension_id % 14 + 1) is None
    assert transport_sequence(packet.serialize(), extension_id) is None


def extended(words, profile=0xBEDE, data=None):
    data = words if data is None else data
    return b"\x90" + bytes(11) + struct.pack("!HH", profile, len(words) // 4) + data


def test_other_extension_elements_are_skipped():
    assert (
        transport_sequence(extended(bytes.fromhex("00 10aa 22bbcccc 51 0102 00 00".replace(" ", ""))))
        == 0x102
    )
    assert transport_sequence(extended(bytes.fromhex("51010200"), profile=0x1000)) is None
    assert transport_sequence(extended(bytes.fromhex("f0510102"))) is None


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (bytes(12), "not an RTP packet"),
        (b"\x80" * 11, "not an RTP packet"),
        (b"\x81" + bytes(12), "1 contributing"),
        (b"\x90" + bytes(12), "inside its header extension"),
        (extended(bytes(8), data=bytes(4)), "2 words"),
        (extended(bytes.fromhex("50aa0000")), "of 1 bytes: must be 2"),
        (extended(bytes.fromhex("00000051")), "cut off"),
    ],
)
def test_damaged_extensions_are_refused(data, text):
    with pytest.raises(CodecError, match=text):
        transport_sequence(data)


def test_an_extension_is_not_put_in_twice():
    data = with_transport_sequence(RtpPacket(111, 1, 2, 3, b"x").serialize(), 7)
    with pytest.raises(CodecError, match="already"):
        with_transport_sequence(data, 8)
    with pytest.raises(CodecError, match="sequence 65536"):
        with_transport_sequence(data, 65536)


@given(st.binary(max_size=60))
def test_any_bytes_give_a_sequence_or_a_codec_error(data):
    with contextlib.suppress(CodecError):
        transport_sequence(b"\x90" + data)
