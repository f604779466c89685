"""RTP in every encapsulation is found, as Wireshark finds it; what is no RTP is named; nothing is misread."""

import struct
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.errors import ChannelError
from testbed.randomness import generator
from testbed.traces.capture import PCAP, datagrams
from testbed.traces.contents import Contents
from testbed.traces.dissector import LINK_TYPES, datagram
from testbed.traces.format import StreamChoice
from testbed.traces.layer import Frame, UnreadError

from .wrapped import (
    MS,
    WRAPPINGS,
    channel,
    ethernet,
    gre,
    gtp,
    inner,
    ipv4,
    ipv6,
    outer,
    pcap,
    pcapng,
    rtp,
    sll,
    stun,
    turn,
    udp,
    vlan,
)

KEPT = [n for n in range(40) if n % 8 != 3]
"""Of 40 packets 5 are lost."""
WAYS = ("192.0.2.1:5004 > 192.0.2.2:5006", "[2001:db8::1]:5004 > [2001:db8::2]:5006")


def read(content):
    return PCAP.read(content, "x", StreamChoice())


def packed(wrap, numbers=KEPT):
    return [(20 * MS * n, wrap(rtp(n))) for n in numbers]


@pytest.mark.parametrize("name", WRAPPINGS)
def test_rtp_is_read_out_of(name):
    link_type, wrap = WRAPPINGS[name]
    recording = read(pcap(link_type, packed(wrap)))
    assert [n for n in range(40) if not recording.lost[n]] == KEPT
    assert recording.rtp[0] == rtp(0)
    assert not recording.delay_ns[~recording.lost].any()
    way = "192.0.2.1:3478 > 192.0.2.2:50000" if "TURN" in name else WAYS["IPv6" in name or "6in4" in name]
    assert (way in recording.notes[0]) or any(other in recording.notes[0] for other in WAYS)


def test_wireshark_reads_the_same(tmp_path, tshark):
    """All encapsulations in one file, each on an interface of its own."""
    path = tmp_path / "all.pcapng"
    frames = [(MS * n, n, wrap(rtp(n))) for n, (_, wrap) in enumerate(WRAPPINGS.values())]
    path.write_bytes(pcapng([link_type for link_type, _ in WRAPPINGS.values()], frames))
    command = [
        tshark,
        "-r",
        path,
        "-d",
        "udp.port==5004,rtp",
        "-T",
        "fields",
        "-e",
        "rtp.seq",
        "-e",
        "data.data",
    ]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    for n, (name, told) in enumerate(zip(WRAPPINGS, done.stdout.split("\n"), strict=False)):
        if name == "MPLS pseudowire":
            continue  # Whether there is a control word is a preference of Wireshark's.
        assert told.split("\t") in ([str(n), ""], ["", rtp(n).hex()]), name
    assert len(done.stdout.split("\n")) == len(WRAPPINGS) + 1


OTHERS = {
    "ARP": ethernet(bytes(28), 0x0806),
    "LLDP": ethernet(bytes(28), 0x88CC),
    "MACsec (encrypted)": ethernet(bytes(40), 0x88E5),
    "802.2 without IP": ethernet(b"\x42\x42\x03" + bytes(40), 43),
    "EtherType 0x9999": ethernet(bytes(40), 0x9999),
    "PPPoE discovery": ethernet(bytes(40), 0x8863),
    "PPP protocol 0xc021": ethernet(b"\x11\0\0\1\0\6\xc0\x21" + bytes(4), 0x8864),
    "PPP protocol 0x00fd (compressed or encrypted)": gre(b"\0\xfd" + bytes(30), 0x880B, 0x2001, bytes(4)),
    "TCP": ethernet(ipv4(bytes(12) + b"\x50" + bytes(7) + b"GET / HTTP/1.1", 6)),
    "TCP that looks like framed RTP (RFC 4571)": ethernet(
        ipv4(bytes(12) + b"\x50" + bytes(7) + (struct.pack(">H", len(rtp(1))) + rtp(1)) * 2, 6)
    ),
    "TCP that looks like RTP inside RTSP (RFC 7826, section 14)": ethernet(
        ipv4(bytes(12) + b"\x50" + bytes(7) + b"$\0" + struct.pack(">H", len(rtp(1))) + rtp(1), 6)
    ),
    "TCP that looks like TURN ChannelData (RFC 8656, section 12.4)": ethernet(
        ipv4(bytes(12) + b"\x50" + bytes(7) + b"\x40\1" + struct.pack(">H", len(rtp(1))) + rtp(1), 6)
    ),
    "ICMP": ethernet(ipv4(b"\3\3" + bytes(6) + inner(rtp(1)), 1)),
    "ICMPv6": ethernet(ipv6(b"\1\4" + bytes(6) + ipv6(udp(rtp(1))), 58), 0x86DD),
    "SCTP": ethernet(ipv4(bytes(40), 132)),
    "IPsec ESP (encrypted)": ethernet(ipv4(bytes(40), 50)),
    "IPsec in UDP (encrypted)": ethernet(ipv4(udp(b"\1\2\3\4" * 9, 4500, 4500))),
    "IP protocol 253": ethernet(ipv4(bytes(40), 253)),
    "later fragments of IP packets": ethernet(ipv4(udp(rtp(1)), fragment=100)),
    "GTP-U message 1": gtp(b"", kind=1),
    "GRE of version 2": gre(bytes(40), flags=2),
    "GRE with source routes": gre(bytes(40), flags=0x4000),
    "L2TP control messages": outer(b"\xc8\2" + bytes(40), 1701),
    "STUN": turn(stun(0x0001, [(0x0006, b"user")])),
    "DTLS": ethernet(ipv4(udp(b"\x16\xfe\xfd" + bytes(60)))),
    "ZRTP": ethernet(ipv4(udp(b"\x10\0\0\1ZRTP" + bytes(60)))),
    "RTCP": ethernet(ipv4(udp(b"\x81\xc9\0\7" + bytes(28)))),
    "DNS": ethernet(ipv4(udp(bytes(40), 40_000, 53))),
    "UDP from port 1234 to 5678": ethernet(ipv4(udp(b"nothing that is known", 1234, 5678))),
    "UDP without content": ethernet(ipv4(udp(b""))),
    "malformed UDP": ethernet(ipv4(struct.pack(">HHHH", 1, 2, 3, 0) + rtp(1))),
    "malformed IPv4": ethernet(b"\x42" + inner(rtp(1))[1:]),
    "malformed VLAN": ethernet(b"\0", 0x8100),
}


@pytest.mark.parametrize("name", OTHERS)
def test_packets_that_are_not_rtp_are_named(name):
    with pytest.raises(ChannelError) as caught:
        read(pcap(1, [(MS * n, OTHERS[name]) for n in range(500)]))
    assert str(caught.value) == f"x: holds no RTP stream over UDP, but 500 {name}"


def test_the_most_is_named_first_and_not_without_end():
    many = [(n, ethernet(ipv4(udp(b"?" * 30, 1000 + n, 9)))) for n in range(3000)]
    mixed = [(n, OTHERS["TCP"]) for n in range(5000)] + [(n, OTHERS["ARP"]) for n in range(20)] + many
    with pytest.raises(ChannelError, match=r"but 5000 TCP, .*others$") as caught:
        read(pcap(1, mixed))
    assert len(str(caught.value)) < 500


def test_other_packets_do_not_hide_a_call():
    noise = [(20 * MS * n + MS, frame) for n, frame in enumerate(OTHERS.values())]
    recording = read(pcap(1, sorted(packed(WRAPPINGS["Ethernet"][1]) + noise)))
    assert [n for n in range(40) if not recording.lost[n]] == KEPT
    assert any("1 later fragments of IP packets are left out" in note for note in recording.notes)


def test_payloads_that_were_cut_are_told():
    frames = packed(WRAPPINGS["GRE"][1])
    headers = len(frames[0][1]) - len(b"some speech")
    recording = read(pcap(1, frames, cut=headers))
    assert [n for n in range(40) if not recording.lost[n]] == KEPT
    assert (
        "the capture cut 35 of 35 packets: their RTP headers are whole, their payloads are not"
        in recording.notes
    )
    for cut in (headers - 1, 60, 30, 14, 10, 0):
        with pytest.raises(
            ChannelError, match=r"35 packets cut before the end of their RTP header.*tcpdump -s 0"
        ):
            read(pcap(1, frames, cut=cut))


@pytest.mark.parametrize("name", ["GTP-U", "TURN ChannelData", "TURN Send indication", "IP in IP"])
def test_cut_is_what_was_captured_of_the_innermost(name):
    link_type, wrap = WRAPPINGS[name]
    whole = wrap(rtp(1))
    end = whole.index(rtp(1)) + len(rtp(1))
    for cut in (3, 2, 1, 0):
        frame = Frame()
        data = datagram(link_type, whole[: end - cut], frame, is_cut=cut > 0)
        assert (len(data), frame.size_bytes) == (len(rtp(1)) - cut, len(rtp(1)))


def test_first_fragments_count_as_cut():
    frames = [
        (20 * MS * n + part, ethernet(ipv4(udp(rtp(n))[start:end], fragment=field)))
        for n in KEPT
        for part, (start, end, field) in enumerate([(0, 24, 0x2000), (24, None, 3)])
    ]
    recording = read(pcap(1, frames))
    assert [n for n in range(40) if not recording.lost[n]] == KEPT
    assert any(note.startswith("35 packets came in IP fragments") for note in recording.notes)


def test_streams_move_between_points_of_capture():
    """A call goes on over another VLAN and route: its parts are one stream."""
    frames = [
        (20 * MS * n, ethernet(vlan(ipv4(udp(rtp(n)), ttl=64 - n // 20), 5 + n // 20), 0x8100)) for n in KEPT
    ]
    recording = read(pcap(1, frames))
    assert [n for n in range(40) if not recording.lost[n]] == KEPT


@pytest.mark.parametrize(
    ("link_type", "first", "second"),
    [
        (1, ethernet, lambda data: ethernet(vlan(data, 5), 0x8100)),
        (1, ethernet, gre),
        (1, ethernet, lambda data: ethernet(data[:8] + b"\x3f" + data[9:])),
        (113, sll, lambda data: sll(data, direction=4)),
    ],
)
def test_packets_seen_twice_are_two_streams(link_type, first, second):
    """Before and behind a router, inside and outside of a tunnel: each point has the losses up to it."""
    frames = [(20 * MS * n, first(inner(rtp(n)))) for n in range(40)]
    frames += [(20 * MS * n + MS, second(inner(rtp(n)))) for n in KEPT]
    with pytest.raises(ChannelError, match=r"on 2 ways, choose with --way: 1: 40 packets.*; 2: 35 packets"):
        read(pcap(link_type, sorted(frames)))


def test_keys_that_were_agreed_on_are_remembered():
    contents = Contents()
    frames = [(0, OTHERS["DTLS"]), *packed(WRAPPINGS["Ethernet"][1])]
    assert len(list(datagrams(pcap(1, frames), "x", contents))) == 35
    assert contents.keys_between("192.0.2.2:5006 > 192.0.2.1:5004") == "DTLS"
    assert contents.keys_between("192.0.2.2:5006 > 192.0.2.1:5005") == ""


def test_rtp_on_the_ports_of_tunnels_is_rtp():
    for port in (1701, 2152, 3544, 4500, 4789, 4790, 6081, 8472, 37008, 53, 443):
        frames = [(20 * MS * n, ethernet(ipv4(udp(rtp(n), 5004, port)))) for n in KEPT]
        assert len(read(pcap(1, frames))) == 40


def test_layers_without_end_are_given_up():
    deep = inner(rtp(1))
    for _ in range(100):
        deep = ipv4(deep, 4)
    nested = rtp(1)
    for _ in range(100):
        nested = channel(nested)
    for frame in (ethernet(deep), turn(nested), ethernet(vlan(b"", 1, 0x8100) * 100 + bytes(60), 0x8100)):
        with pytest.raises(UnreadError, match="more than 32 layers"):
            datagram(1, frame, Frame(), is_cut=False)


@settings(max_examples=150)
@given(st.sampled_from(sorted(LINK_TYPES)), st.binary(max_size=200), st.booleans())
def test_any_bytes_are_read_or_named(link_type, data, is_cut):
    check_read_or_named(link_type, data, is_cut)


def check_read_or_named(link_type, data, is_cut):
    try:
        payload = datagram(link_type, data, Frame(), is_cut)
    except UnreadError as other:
        assert 0 < len(str(other)) < 80
    else:
        assert payload[0] >> 6 == 2 and len(payload) >= 12 and payload in data


def mutations(count):
    """Frames of every encapsulation, damaged in one to three places, or cut off."""
    rng = generator(1, "layers")
    whole = [(link_type, wrap(rtp(1))) for link_type, wrap in WRAPPINGS.values()]
    for _ in range(count):
        link_type, frame = whole[rng.integers(len(whole))]
        damaged = bytearray(frame)
        for _ in range(rng.integers(1, 4)):
            damaged[rng.integers(len(damaged))] = rng.choice((0, 1, 255, rng.integers(256)))
        yield link_type, bytes(damaged[: rng.integers(1, 2 * len(damaged))])


def test_damaged_frames_are_read_or_named():
    for link_type, frame in mutations(8000):
        check_read_or_named(link_type, frame, is_cut=False)


@pytest.mark.long
def test_many_damaged_frames_are_read_or_named():
    for link_type, frame in mutations(1_000_000):
        check_read_or_named(link_type, frame, is_cut=False)
