"""RTCP compounds and reports: every field comes back, bytes made by hand are read, damage is refused."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.codecs import rtcp
from testbed.codecs.rtcp.header import ntp32, ntp64, serialize_part, split, unwrap
from testbed.codecs.rtcp.report import ReceiverReport, ReportBlock, SenderReport
from testbed.errors import CodecError

u32 = st.integers(0, 0xFFFF_FFFF)
blocks = st.builds(
    ReportBlock,
    ssrc=u32,
    fraction_lost=st.integers(0, 255),
    cumulative_lost=st.integers(-(1 << 23), (1 << 23) - 1),
    highest_sequence=u32,
    jitter=u32,
    last_sr=u32,
    delay_since_last_sr=u32,
)
several = st.lists(blocks, max_size=31).map(tuple)
receiver_reports = st.builds(ReceiverReport, ssrc=u32, blocks=several)
sender_reports = st.builds(
    SenderReport,
    ssrc=u32,
    ntp=st.integers(0, (1 << 64) - 1),
    rtp_timestamp=u32,
    packets=u32,
    octets=u32,
    blocks=several,
)

# RFC 3550, section 6.4.2, field by field
RECEIVER_REPORT = bytes.fromhex(
    "81c90007"  # version 2, 1 block, type 201, 7 words follow
    "0000000a"  # who reports
    "53504348"  # on which stream
    "40fffffe"  # 64/256 lost lately; -2 lost in all
    "0001fffe"  # highest sequence 65534, wrapped once
    "00000030"  # jitter 48 = 1 ms
    "12345678"  # last SR
    "00018000"  # 1.5 s ago
)


@given(st.lists(receiver_reports | sender_reports, min_size=1, max_size=4))
def test_reports_round_trip_alone_and_in_a_compound(packets):
    data = b"".join(packet.serialize() for packet in packets)
    assert len(data) % 4 == 0
    assert rtcp.parse(data) == packets


def test_bytes_made_by_hand():
    block = ReportBlock(0x53504348, 64, -2, 0x1FFFE, 48, 0x12345678, 0x18000)
    assert rtcp.parse(RECEIVER_REPORT) == [ReceiverReport(10, (block,))]
    assert ReceiverReport(10, (block,)).serialize() == RECEIVER_REPORT


def test_extensions_of_a_report_and_unknown_packets_are_skipped():
    bye = serialize_part(1, 203, bytes(4))
    extended = serialize_part(1, 201, RECEIVER_REPORT[4:] + b"more")
    assert rtcp.parse(bye + extended) == rtcp.parse(RECEIVER_REPORT)
    assert rtcp.parse(bye) == []


def test_padding_is_taken_off():
    padded = bytearray(serialize_part(1, 201, RECEIVER_REPORT[4:] + bytes(3) + b"\x04"))
    padded[0] |= 0x20
    (part,) = split(bytes(padded))
    assert part.body == RECEIVER_REPORT[4:]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "0 bytes"),
        (b"\x80\xc9\x00", "3 bytes"),
        (b"\x40" + RECEIVER_REPORT[1:], "version 1"),
        (RECEIVER_REPORT[:-4], "announces 7 words"),
        (RECEIVER_REPORT + b"\x80", "packet 1 of a compound has 1 bytes"),
        (b"\x82" + RECEIVER_REPORT[1:], "announces 2 blocks in 24 bytes"),
        (bytes.fromhex("81c80001") + bytes(4), "sender report of 4 bytes"),
        (bytes.fromhex("80c90000"), "no room for an ssrc"),
        (bytes.fromhex("a0c90000"), "padding of 0"),
        (bytes.fromhex("a0c9000100000005"), "padding of 5 bytes where at most 4"),
    ],
)
def test_damage_is_refused(data, message):
    with pytest.raises(CodecError, match=message):
        rtcp.parse(data)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ReceiverReport(1 << 32).serialize(), "ssrc"),
        (lambda: ReceiverReport(1, (ReportBlock(1, 0, 0, 0, 0),) * 32).serialize(), "32 blocks"),
        (lambda: ReportBlock(1, 256, 0, 0, 0).serialize(), "fraction lost 256"),
        (lambda: ReportBlock(1, 0, 1 << 23, 0, 0).serialize(), "8388608"),
        (lambda: ReportBlock(1, 0, 0, -1, 0).serialize(), "32 bits"),
        (lambda: SenderReport(1, 1 << 64, 0, 0, 0).serialize(), "sender report"),
        (lambda: serialize_part(1, 200, b"abc"), "3 bytes"),
        (lambda: serialize_part(32, 200, b""), "count 32"),
    ],
)
def test_fields_that_do_not_fit(make, message):
    with pytest.raises(CodecError, match=message):
        make()


@settings(max_examples=500)
@given(st.binary(max_size=120))
def test_any_bytes_give_packets_or_a_codec_error(data):
    try:
        packets = rtcp.parse(data)
    except CodecError:
        return
    assert len(packets) <= len(data) // 4


@settings(max_examples=500)
@given(sender_reports, st.data())
def test_any_mutation_of_a_report_gives_packets_or_a_codec_error(report, data):
    damaged = bytearray(report.serialize())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    del damaged[data.draw(st.integers(0, len(damaged))) :]
    with contextlib.suppress(CodecError):
        rtcp.parse(bytes(damaged))


def test_ntp_time():
    assert ntp64(1_500_000_000) - ntp64(0) == 3 << 31
    assert ntp32(1_500_000_000) - ntp32(0) == 0x18000
    assert ntp32(0) != 0


@given(st.integers(-(10**9), 10**9), st.integers(-32768, 32767))
def test_unwrapping_finds_the_nearest(near, step):
    assert unwrap((near + step) & 0xFFFF, near) == near + step
