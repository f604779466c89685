"""Captures of every kind, made by hand byte by byte; beside what dpkt's own readers see; cut anywhere."""

import io
import struct

import dpkt
import numpy as np
import pytest

from testbed.channels.recordings.parts import LOST
from testbed.codecs.rtp.packet import RtpPacket
from testbed.errors import ChannelError
from testbed.pcap import write_pcap
from testbed.traces.capture import PCAP
from testbed.traces.format import StreamChoice

MS = 1_000_000
EPOCH_S = 1_700_000_000
ARRIVALS_MS = [0, 25, None, 62, 81, 100]
DELAYS = [0, 5 * MS, LOST, 2 * MS, 1 * MS, 0]


def rtp(sequence, ssrc=7):
    return RtpPacket(111, 65533 + sequence & 0xFFFF, 960 * sequence, ssrc, b"speech").serialize()


def udp(payload):
    return struct.pack(">HHHH", 4000, 5000, 8 + len(payload), 0) + payload


def ipv4(payload, options=b"", protocol=17, fragment=0):
    length = 20 + len(options) + len(payload)
    first = 0x45 + len(options) // 4
    head = struct.pack(">BBHHHBBH", first, 0, length, 1, fragment, 64, protocol, 0)
    return head + bytes((10, 0, 0, 1, 10, 0, 0, 2)) + options + payload


def ipv6(payload, extension=b""):
    addresses = bytes.fromhex("20010db800000000000000000000000120010db8000000000000000000000002")
    following = 60 if extension else 17
    return (
        struct.pack(">IHBB", 6 << 28, len(extension) + len(payload), following, 9)
        + addresses
        + extension
        + payload
    )


ETHERNET = bytes(range(12))
LAYERS = {
    "raw IPv4": (101, lambda data: ipv4(udp(data))),
    "raw IPv6": (101, lambda data: ipv6(udp(data))),
    "IPv4": (228, lambda data: ipv4(udp(data))),
    "IPv6": (229, lambda data: ipv6(udp(data))),
    "IPv4 with options": (101, lambda data: ipv4(udp(data), b"\x01\x01\x01\x00")),
    "IPv6 with destination options": (101, lambda data: ipv6(udp(data), b"\x11\x00\x01\x04\0\0\0\0")),
    "Ethernet": (1, lambda data: ETHERNET + b"\x08\x00" + ipv4(udp(data))),
    "Ethernet, padded": (1, lambda data: ETHERNET + b"\x08\x00" + ipv4(udp(data)) + bytes(10)),
    "Ethernet, IPv6": (1, lambda data: ETHERNET + b"\x86\xdd" + ipv6(udp(data))),
    "Ethernet, VLAN": (1, lambda data: ETHERNET + b"\x81\x00\x00\x05\x08\x00" + ipv4(udp(data))),
    "Linux cooked": (113, lambda data: struct.pack(">HHH8sH", 0, 1, 6, bytes(8), 0x0800) + ipv4(udp(data))),
    "Linux cooked 2": (
        276,
        lambda data: struct.pack(">HHIHBB8s", 0x0800, 0, 2, 1, 0, 6, bytes(8)) + ipv4(udp(data)),
    ),
    "loopback": (0, lambda data: struct.pack("<I", 2) + ipv4(udp(data))),
}


def frames(layer, arrivals_ms=ARRIVALS_MS):
    _, wrap = LAYERS[layer]
    return [(EPOCH_S * 10**9 + at * MS, wrap(rtp(n))) for n, at in enumerate(arrivals_ms) if at is not None]


def pcap(link_type, packets, order="<", nano=False, snap=None):
    magic, unit = (0xA1B23C4D, 1) if nano else (0xA1B2C3D4, 1000)
    parts = [struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, link_type)]
    for time_ns, data in packets:
        seconds, rest = divmod(time_ns, 10**9)
        parts += [
            struct.pack(f"{order}IIII", seconds, rest // unit, len(data[:snap]), len(data)),
            data[:snap],
        ]
    return b"".join(parts)


def block(kind, body, order="<"):
    body += bytes(-len(body) % 4)
    length = 12 + len(body)
    return struct.pack(f"{order}II", kind, length) + body + struct.pack(f"{order}I", length)


def section(order="<"):
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link_type, order="<", options=b""):
    return block(1, struct.pack(f"{order}HHI", link_type, 0, 0) + options, order)


def enhanced(time, data, order="<", number=0):
    head = struct.pack(f"{order}IIIII", number, time >> 32, time & 0xFFFFFFFF, len(data), len(data))
    return block(6, head + data, order)


def pcapng(link_type, packets, order="<", unit_ns=1000, options=b""):
    parts = [section(order), interface(link_type, order, options)]
    return b"".join(parts + [enhanced(at // unit_ns, data, order) for at, data in packets])


def read(content, **choice):
    return PCAP.read(content, "x", StreamChoice(**choice))


def check(recording):
    assert recording.lost.tolist() == [at is None for at in ARRIVALS_MS]
    assert recording.send_ns.tolist() == [20 * MS * n for n in range(len(ARRIVALS_MS))]
    assert recording.delay_ns.tolist() == DELAYS


@pytest.mark.parametrize("layer", LAYERS)
def test_link_types(layer):
    recording = read(pcap(LAYERS[layer][0], frames(layer)))
    check(recording)
    where = "[20" if "IPv6" in layer else "10.0.0.1:4000 > 10.0.0.2:5000"
    assert where in recording.notes[0] or "2001:db8::1" in recording.notes[0]
    assert recording.rtp[0] == rtp(0)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("nano", [True, False])
def test_pcap(order, nano):
    check(read(pcap(1, frames("Ethernet"), order, nano)))


NANO_LE, NANO_BE = struct.pack("<HHB3x", 9, 1, 9), struct.pack(">HHB3x", 9, 1, 9)


@pytest.mark.parametrize(
    ("order", "unit_ns", "options"),
    [("<", 1000, b""), (">", 1000, b""), ("<", 1, NANO_LE), (">", 1, NANO_BE + struct.pack(">HH", 0, 0))],
)
def test_pcapng(order, unit_ns, options):
    check(read(pcapng(1, frames("Ethernet"), order, unit_ns, options)))


def test_pcapng_with_binary_ticks_and_an_offset():
    options = struct.pack("<HHB3xHHq", 9, 1, 0x80 | 30, 14, 8, EPOCH_S)
    packets = [((at - EPOCH_S * 10**9 << 30) // 10**9, data) for at, data in frames("Ethernet")]
    recording = read(pcapng(1, packets, "<", 1, options))
    assert recording.delay_ns == pytest.approx(DELAYS, abs=1)


def test_pcapng_of_two_interfaces_and_two_sections():
    """Each interface has its own link type and clock, and each section its own interfaces and byte order."""
    ethernet, raw = frames("Ethernet"), frames("raw IPv4")
    content = section() + interface(1) + interface(101, options=NANO_LE) + block(5, bytes(20))
    content += enhanced(ethernet[0][0] // 1000, ethernet[0][1]) + enhanced(*raw[1], number=1)
    content += section(">") + interface(101, ">")
    content += b"".join(enhanced(at // 1000, data, ">") for at, data in raw[2:])
    check(read(content))


@pytest.mark.parametrize("layer", ["Ethernet", "raw IPv4", "Linux cooked"])
def test_dpkts_own_readers_see_the_same(layer):
    link_type = LAYERS[layer][0]
    for content, reader in (
        (pcap(link_type, frames(layer), nano=True), dpkt.pcap.Reader),
        (pcapng(link_type, frames(layer)), dpkt.pcapng.Reader),
    ):
        seen = list(reader(io.BytesIO(content)))
        assert [data for _, data in seen] == [data for _, data in frames(layer)]
        assert [round(float(at) * 1000) for at, _ in seen] == [at // MS for at, _ in frames(layer)]
        check(read(content))


def test_our_own_captures(tmp_path):
    path = tmp_path / "x.pcap"
    write_pcap(path, [(n * 20 * MS + at * MS, rtp(n)) for n, at in enumerate([3, 7, 1])])
    assert read(path.read_bytes()).delay_ns.tolist() == [2 * MS, 6 * MS, 0]


def test_only_headers_were_kept():
    check(read(pcap(1, frames("Ethernet"), snap=14 + 20 + 8 + 12)))


def test_packets_outside_the_call_are_skipped():
    noise = [
        (0, b""),
        (1, ETHERNET),
        (2, ETHERNET + b"\x08\x06" + bytes(28)),
        (3, ETHERNET + b"\x08\x00" + ipv4(bytes(20), protocol=6)),
        (4, ETHERNET + b"\x08\x00" + ipv4(udp(b"dns" * 9))),
        (5, ETHERNET + b"\x08\x00" + ipv4(rtp(9), fragment=100)),
        (6, ETHERNET + b"\x08\x00" + ipv4(udp(b"\x81\xc9\x00\x01\x00\x00\x00\x63\0\0\0\0"))),
        (7, ETHERNET + b"\x88\xcc" + bytes(20)),
    ]
    packets = [pair for both in zip(frames("Ethernet"), noise, strict=False) for pair in both]
    packets += noise
    check(read(pcap(1, packets)))


def test_packets_without_a_time_are_said_to_be_left_out():
    simple = block(3, struct.pack("<I", 60) + bytes(60))
    recording = read(pcapng(1, frames("Ethernet")) + simple * 2)
    check(recording)
    assert any("2 packets without a time" in note and "counts as lost" in note for note in recording.notes)


def test_a_cut_capture_gives_what_is_there():
    whole = pcap(1, frames("Ethernet"))
    size = (len(whole) - 24) // 5
    for end in range(24 + 2 * size, len(whole) + 1):
        # Of the last packet, the RTP header must be there for it to count.
        inside = (end - 24) % size
        packets = (end - 24) // size + (inside >= 16 + 14 + 20 + 8 + 12)
        recording = read(whole[:end])
        assert int((~recording.lost).sum()) == packets
        assert ("cut" in " ".join(recording.notes)) == (inside > 0)
    blocks = pcapng(1, frames("Ethernet"))
    recording = read(blocks[:-5])
    assert int((~recording.lost).sum()) == 4
    assert "cut" in recording.notes[1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xd4\xc3\xb2\xa1" + bytes(19), ["byte 23", "file header"]),
        (pcap(1, []), ["no RTP stream", "no packets"]),
        (section() + interface(1) + block(3, bytes(60)) * 9, ["9 packets without a time (simple packet"]),
        (pcap(105, [(0, b"wifi" * 30)]), ["link type 105", "1 (Ethernet)"]),
        (pcap(1, [(0, ETHERNET + b"\x08\x00" + ipv4(udp(b"x" * 40)))] * 5), ["no RTP stream"]),
        (b"\x0a\x0d\x0d\x0a" + bytes(20), ["byte 8", "byte-order mark"]),
        (section() + struct.pack("<II", 1, 8) + bytes(9), ["byte 28", "8 bytes"]),
        (section() + struct.pack("<II", 1, 0) + bytes(9), ["byte 28", "0 bytes"]),
        (section() + enhanced(0, b"abcd"), ["byte 28", "interface 0", "not described"]),
        (section() + block(1, b"abcd"), ["byte 28", "interface description of 4 bytes"]),
        (section() + interface(1) + block(6, b"abcd"), ["byte 48", "packet block of 4 bytes"]),
        (
            section() + interface(1) + block(6, struct.pack("<IIIII", 0, 0, 0, 999, 999)),
            ["byte 48", "999 bytes in a block for 0"],
        ),
        (
            section() + interface(1, options=struct.pack("<HHB3x", 9, 1, 0)) + enhanced(2**63, b"abcd"),
            ["byte 56", "after 1970"],
        ),
    ],
)
def test_a_broken_file_is_refused_with_its_place(content, words):
    with pytest.raises(ChannelError) as caught:
        read(content)
    for word in ["x:", *words]:
        assert word in str(caught.value)


def test_several_streams():
    other = [(at + 1, LAYERS["Ethernet"][1](rtp(n, ssrc=9))) for n, (at, _) in enumerate(frames("Ethernet"))]
    content = pcap(1, sorted(frames("Ethernet") + other))
    with pytest.raises(ChannelError, match=r"2 RTP streams.*--ssrc.*0x00000007 \(5 packets.*0x00000009"):
        read(content)
    check(read(content, ssrc=7))
    assert not np.any(read(content, ssrc=9).lost)
