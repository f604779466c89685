"""Captures: what is written is read back, with right lengths, checksums and times."""

import struct

import dpkt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.codecs.rtp.packet import RtpPacket
from testbed.errors import ResultsError
from testbed.pcap import RECEIVER, RTP_PORT, SENDER, write_pcap


def ones_complement_sum(data):
    data += b"\x00" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def records(path):
    """Read the classic pcap format by hand: nanosecond magic, raw IP, then (time, packet)."""
    data = path.read_bytes()
    magic, major, minor, _, _, snaplen, linktype = struct.unpack_from("=IHHiIII", data)
    assert (magic, major, minor, linktype) == (0xA1B23C4D, 2, 4, 101)
    position, found = 24, []
    while position < len(data):
        seconds, nanoseconds, kept, size = struct.unpack_from("=IIII", data, position)
        assert kept == size <= snaplen
        assert nanoseconds < 10**9
        position += 16
        found.append((seconds * 10**9 + nanoseconds, data[position : position + size]))
        position += size
    return found


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 10**15), st.binary(max_size=100) | st.just(b"\x00" * 1500)), max_size=8)
)
def test_headers_lengths_checksums_and_times(tmp_path_factory, packets):
    path = tmp_path_factory.mktemp("pcap") / "call.pcap"
    write_pcap(path, packets)
    found = records(path)
    assert len(found) == len(packets)
    for (time_ns, rtp), (found_ns, datagram) in zip(packets, found, strict=True):
        assert found_ns == time_ns
        assert len(datagram) == 20 + 8 + len(rtp)
        header, udp = datagram[:20], datagram[20:]
        assert header[0] == 0x45
        assert struct.unpack_from("!H", header, 2) == (len(datagram),)
        assert ones_complement_sum(header) == 0xFFFF
        assert struct.unpack_from("!HHH", udp) == (RTP_PORT, RTP_PORT, len(udp))
        assert udp[6:8] != b"\x00\x00"  # which would mean that there is no checksum
        assert ones_complement_sum(SENDER + RECEIVER + struct.pack("!HH", 17, len(udp)) + udp) == 0xFFFF
        assert udp[8:] == rtp


def test_dpkt_reads_rtp_back(tmp_path):
    path = tmp_path / "call.pcap"
    sent = [RtpPacket(111, 65535 + n & 0xFFFF, 960 * n, 7, bytes([n]) * 40, marker=n == 0) for n in range(4)]
    write_pcap(path, [(20_000_000 * n, packet.serialize()) for n, packet in enumerate(sent)])
    with path.open("rb") as file:
        reader = dpkt.pcap.Reader(file)
        assert reader.datalink() == 101
        found = [(at, RtpPacket.parse(bytes(dpkt.ip.IP(data).data.data))) for at, data in reader]
    assert [packet for _, packet in found] == sent
    assert [float(at) for at, _ in found] == pytest.approx([0, 0.02, 0.04, 0.06], abs=1e-9)


@pytest.mark.parametrize("packet", [(0, bytes(65_508)), (-1, b"x"), (2**32 * 10**9, b"x")])
def test_a_packet_that_does_not_fit_leaves_no_file(tmp_path, packet):
    path = tmp_path / "call.pcap"
    with pytest.raises(ResultsError, match="packet 1 of"):
        write_pcap(path, [(0, b"fine"), packet])
    assert list(tmp_path.iterdir()) == []
