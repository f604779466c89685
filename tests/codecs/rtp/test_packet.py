"""RTP: every field comes back, every header form of RFC 3550 is read, damage is refused."""

import struct

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.codecs.rtp import packet as rtp
from testbed.codecs.rtp.packet import RtpPacket
from testbed.errors import CodecError

packets = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=300),
    marker=st.booleans(),
)


@given(packets)
def test_round_trip(packet):
    data = packet.serialize()
    assert len(data) == rtp.RTP_HEADER_BYTES + len(packet.payload)
    assert RtpPacket.parse(data) == packet


@given(packets)
def test_dpkt_reads_the_same(packet):
    other = dpkt.rtp.RTP(packet.serialize())
    assert (other.version, other.p, other.x, other.cc) == (2, 0, 0, 0)
    assert (other.m, other.pt, other.seq, other.ts, other.ssrc) == (
        packet.marker,
        packet.payload_type,
        packet.sequence,
        packet.timestamp,
        packet.ssrc,
    )
    assert bytes(other.data) == packet.payload


@given(
    packets,
    st.lists(st.binary(min_size=4, max_size=4), max_size=15),
    st.none() | st.binary(max_size=10).map(lambda b: 4 * b),
    st.integers(0, 255),
)
def test_optional_parts_are_skipped(packet, sources, extension, padding):
    data = bytearray(packet.serialize())
    payload = bytes(data[12:])
    data[0] |= len(sources) | (0x10 if extension is not None else 0) | (0x20 if padding else 0)
    tail = b""
    if extension is not None:
        tail = struct.pack("!HH", 0xBEDE, len(extension) // 4) + extension
    pad = bytes(padding - 1) + bytes((padding,)) if padding else b""
    whole = bytes(data[:12]) + b"".join(sources) + tail + payload + pad
    assert RtpPacket.parse(whole) == packet


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "0 bytes"),
        (bytes(11), "11 bytes"),
        (bytes(12), "version 0"),
        (b"\x82" + bytes(18), "2 contributing sources"),
        (b"\x90" + bytes(14), "inside its header extension"),
        (b"\x90" + bytes(11) + b"\xbe\xde\x00\x02" + bytes(7), "extension of 2 words"),
        (b"\xa0" + bytes(12), "padding of 0"),
        (b"\xa0" + bytes(11), "padding of 0"),
        (b"\xa0" + bytes(13) + b"\x04", "padding of 4 bytes where at most 3"),
    ],
)
def test_damage_is_refused(data, message):
    with pytest.raises(CodecError, match=message):
        RtpPacket.parse(data)


@given(st.binary(max_size=80))
def test_any_bytes_give_a_packet_or_a_codec_error(data):
    try:
        packet = RtpPacket.parse(data)
    except CodecError:
        return
    assert data[12:].find(packet.payload) >= 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((128, 0, 0, 0), "payload type 128"),
        ((-1, 0, 0, 0), "payload type -1"),
        ((0, 65536, 0, 0), "sequence 65536"),
        ((0, -1, 0, 0), "sequence -1"),
        ((0, 0, 1 << 32, 0), "timestamp 4294967296"),
        ((0, 0, 0, 1 << 32), "ssrc 4294967296"),
    ],
)
def test_fields_that_do_not_fit(fields, message):
    with pytest.raises(CodecError, match=message):
        RtpPacket(*(*fields, b"x")).serialize()
