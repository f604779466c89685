"""RTP in every encapsulation, packed field by field after what defines it; and captures of it."""

import struct

from testbed.codecs.rtp.packet import RtpPacket

MS = 1_000_000
SOURCE, DESTINATION = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))
SOURCE_6 = bytes.fromhex("20010db8000000000000000000000001")
DESTINATION_6 = bytes.fromhex("20010db8000000000000000000000002")
MACS = bytes.fromhex("0200000000020200000000 01".replace(" ", ""))
COOKIE = b"\x21\x12\xa4\x42"


def rtp(number, ssrc=7, payload=b"some speech", kind=111):
    return RtpPacket(kind, number & 0xFFFF, 960 * number, ssrc, payload).serialize()


def udp(payload, source=5004, destination=5006):
    return struct.pack(">HHHH", source, destination, 8 + len(payload), 0) + payload


def ipv4(payload, protocol=17, ttl=64, options=b"", fragment=0, ends=SOURCE + DESTINATION):
    length = 20 + len(options) + len(payload)
    first = 0x45 + len(options) // 4
    head = struct.pack(">BBHHHBBH", first, 0, length, 1, fragment, ttl, protocol, 0)
    return head + ends + options + payload


def ipv6(payload, following=17):
    head = struct.pack(">IHBB", 6 << 28, len(payload), following, 64)
    return head + SOURCE_6 + DESTINATION_6 + payload


def ethernet(payload, kind=0x0800):
    return MACS + struct.pack(">H", kind) + payload


def inner(data):
    return ipv4(udp(data))


def outer(data, port=None, protocol=17):
    """IPv4 between the ends of a tunnel, over UDP if there is a port."""
    inside = data if port is None else udp(data, 40_000, port)
    return ethernet(ipv4(inside, protocol, ends=bytes((198, 51, 100, 1, 198, 51, 100, 2))))


def gre(data, kind=0x0800, flags=0, words=b""):
    return outer(struct.pack(">HH", flags, kind) + words + data, protocol=47)


def gtp(data, flags=0x30, options=b"", kind=255):
    return outer(struct.pack(">BBHI", flags, kind, len(options) + len(data), 1) + options + data, 2152)


def stun(kind, attributes):
    body = b"".join(
        struct.pack(">HH", number, len(value)) + value + bytes(-len(value) % 4)
        for number, value in attributes
    )
    return struct.pack(">HH", kind, len(body)) + COOKIE + bytes(range(12)) + body


def turn(payload):
    return ethernet(ipv4(udp(payload, 3478, 50_000)))


def channel(data, number=0x4000):
    return struct.pack(">HH", number, len(data)) + data


def sll(data, kind=0x0800, direction=0):
    return struct.pack(">HHH8sH", direction, 1, 6, MACS[:6], kind) + data


def sll2(data, kind=0x0800, interface=2, direction=0):
    return struct.pack(">HHIHBB8s", kind, 0, interface, 1, direction, 6, MACS[:6]) + data


def pktap(data):
    """XNU's struct pktap_header, of 108 bytes."""
    names = struct.pack("<24sIIII16s", b"en0", 0, 2, 14, 0, b"pid, command") + bytes(40)
    return struct.pack("<III", 12 + len(names), 1, 1) + names + data


def vlan(data, tag, kind=0x0800):
    return struct.pack(">HH", tag, kind) + data


def label(number, last):
    return struct.pack(">I", number << 12 | last << 8 | 64)


PEER = (0x0012, b"\0\1\x33\x55" + bytes(4))
VXLAN, GENEVE = b"\x08\0\0\0\0\0\5\0", b"\0\0\x65\x58\0\0\5\0"
EXTENSION = b"\x11\0\1\4\0\0\0\0"
SNAP = b"\xaa\xaa\x03\0\0\0\x08\0"
WRAPPINGS = {
    "Ethernet": (1, lambda d: ethernet(inner(d))),
    "Ethernet with IPv6": (1, lambda d: ethernet(ipv6(udp(d)), 0x86DD)),
    "802.3 with SNAP": (1, lambda d: ethernet(SNAP + inner(d), 8 + len(inner(d)))),
    "VLAN": (1, lambda d: ethernet(vlan(inner(d), 5), 0x8100)),
    "QinQ": (1, lambda d: ethernet(vlan(vlan(inner(d), 6, 0x0800), 5, 0x8100), 0x88A8)),
    "802.1ah": (1, lambda d: ethernet(b"\0\0\0\5" + ethernet(inner(d)), 0x88E7)),
    "MPLS": (1, lambda d: ethernet(label(17, 0) + label(18, 1) + inner(d), 0x8847)),
    "MPLS with IPv6": (1, lambda d: ethernet(label(18, 1) + ipv6(udp(d)), 0x8847)),
    "MPLS pseudowire": (1, lambda d: ethernet(label(18, 1) + bytes(4) + ethernet(inner(d)), 0x8847)),
    "PPPoE": (
        1,
        lambda d: ethernet(struct.pack(">BBHHH", 0x11, 0, 3, 2 + len(inner(d)), 0x0021) + inner(d), 0x8864),
    ),
    "PPP": (9, lambda d: b"\x00\x21" + inner(d)),
    "PPP in HDLC": (50, lambda d: b"\xff\x03\x00\x57" + ipv6(udp(d))),
    "PPP, compressed protocol": (9, lambda d: b"\x21" + inner(d)),
    "Cisco HDLC": (104, lambda d: b"\x0f\0\x08\0" + inner(d)),
    "Linux cooked": (113, lambda d: sll(inner(d))),
    "Linux cooked with VLAN": (113, lambda d: sll(vlan(inner(d), 200), 0x8100)),
    "Linux cooked 2": (276, lambda d: sll2(inner(d))),
    "Linux cooked 2 with VLAN": (276, lambda d: sll2(vlan(inner(d), 200), 0x8100)),
    "Linux cooked 2 with IPv6": (276, lambda d: sll2(ipv6(udp(d)), 0x86DD)),
    "PKTAP": (258, lambda d: pktap(ethernet(inner(d)))),
    "loopback": (0, lambda d: struct.pack("<I", 2) + inner(d)),
    "loopback of OpenBSD": (108, lambda d: struct.pack(">I", 24) + ipv6(udp(d))),
    "raw IP": (101, inner),
    "raw IPv6": (101, lambda d: ipv6(udp(d))),
    "IPv4": (228, inner),
    "IPv6": (229, lambda d: ipv6(udp(d))),
    "IPv4 options": (101, lambda d: ipv4(udp(d), options=b"\x01\x01\x01\0")),
    "IPv6 hop-by-hop and destination options": (
        101,
        lambda d: ipv6(b"\x3c" + EXTENSION[1:] + EXTENSION + udp(d), 0),
    ),
    "IPv6 routing": (101, lambda d: ipv6(b"\x11\2\0\0\0\0\0\0" + DESTINATION_6 + udp(d), 43)),
    "IPv6 atomic fragment": (101, lambda d: ipv6(b"\x11\0\0\0\0\0\0\1" + udp(d), 44)),
    "IPsec AH": (101, lambda d: ipv4(b"\x11\4\0\0" + bytes(20) + udp(d), 51)),
    "IP in IP": (1, lambda d: outer(inner(d), protocol=4)),
    "6in4": (1, lambda d: outer(ipv6(udp(d)), protocol=41)),
    "4in6": (1, lambda d: ethernet(ipv6(inner(d), 4), 0x86DD)),
    "EtherIP": (1, lambda d: outer(b"\x30\0" + ethernet(inner(d)), protocol=97)),
    "GRE": (1, lambda d: gre(inner(d))),
    "GRE with checksum, key and sequence": (1, lambda d: gre(inner(d), flags=0xB000, words=bytes(12))),
    "GRE with key, IPv6": (1, lambda d: gre(ipv6(udp(d)), 0x86DD, 0x2000, bytes(4))),
    "GRE, bridged": (1, lambda d: gre(ethernet(vlan(inner(d), 9), 0x8100), 0x6558)),
    "GRE of PPTP": (
        1,
        lambda d: gre(
            b"\xff\x03\0\x21" + inner(d), 0x880B, 0x3081, struct.pack(">HHII", 4 + len(inner(d)), 1, 2, 3)
        ),
    ),
    "ERSPAN I": (1, lambda d: gre(ethernet(inner(d)), 0x88BE)),
    "ERSPAN II": (
        1,
        lambda d: gre(b"\x10\5\0\1\0\0\0\0" + ethernet(inner(d)), 0x88BE, 0x1000, bytes(4)),
    ),
    "ERSPAN III": (
        1,
        lambda d: gre(b"\x20\5\0\1" + bytes(8) + ethernet(inner(d)), 0x22EB, 0x1000, bytes(4)),
    ),
    "ERSPAN III with subheader": (
        1,
        lambda d: gre(
            b"\x20\5\0\1" + bytes(7) + b"\1" + bytes(8) + ethernet(inner(d)), 0x22EB, 0x1000, bytes(4)
        ),
    ),
    "GTP-U": (1, lambda d: gtp(inner(d))),
    "GTP-U with a sequence number": (1, lambda d: gtp(inner(d), 0x32, b"\0\1\0\0")),
    "GTP-U of 5G": (1, lambda d: gtp(inner(d), 0x34, b"\0\0\0\x85\1\x10\1\0")),
    "GTP-U with IPv6": (1, lambda d: gtp(ipv6(udp(d)))),
    "VXLAN": (1, lambda d: outer(VXLAN + ethernet(inner(d)), 4789)),
    "VXLAN-GPE": (1, lambda d: outer(b"\x0c\0\0\1\0\0\5\0" + inner(d), 4790)),
    "Geneve": (1, lambda d: outer(GENEVE + ethernet(inner(d)), 6081)),
    "Geneve with options": (
        1,
        lambda d: outer(b"\2" + GENEVE[1:] + b"\1\1\1\1\0\0\0\0" + ethernet(inner(d)), 6081),
    ),
    "L2TP": (
        1,
        lambda d: outer(
            b"\x40\2" + struct.pack(">HHH", 10 + len(inner(d)), 1, 2) + b"\0\x21" + inner(d), 1701
        ),
    ),
    "Teredo": (1, lambda d: outer(ipv6(udp(d)), 3544)),
    "TZSP": (1, lambda d: outer(b"\1\0\0\1\1" + ethernet(inner(d)), 37008)),
    "GTP-U in GRE in VLAN": (
        1,
        lambda d: ethernet(vlan(gre(gtp(inner(d))[14:])[14:], 7), 0x8100),
    ),
    "TURN ChannelData": (1, lambda d: turn(channel(d))),
    "TURN ChannelData, padded": (1, lambda d: turn(channel(d, 0x4FFF) + bytes(-len(d) % 4))),
    "TURN Send indication": (1, lambda d: turn(stun(0x0016, [PEER, (0x0013, d)]))),
    "TURN Data indication": (1, lambda d: turn(stun(0x0017, [PEER, (0x8022, b"server"), (0x0013, d)]))),
}
"""By name: a link type, and what makes a frame of an RTP packet."""


def pcap(link_type, frames, cut=None):
    """A capture of (time in ns, frame)."""
    parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, link_type)]
    for time_ns, frame in frames:
        seconds, rest = divmod(time_ns, 10**9)
        parts += [struct.pack("<IIII", seconds, rest, len(frame[:cut]), len(frame)), frame[:cut]]
    return b"".join(parts)


def block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))


def pcapng(link_types, frames):
    """A capture on several interfaces, of (time in ns, number of the interface, frame)."""
    parts = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    parts += [block(1, struct.pack("<HHIHHB3xHH", number, 0, 0, 9, 1, 9, 0, 0)) for number in link_types]
    for time_ns, interface, frame in frames:
        head = struct.pack("<IIIII", interface, time_ns >> 32, time_ns & 0xFFFFFFFF, len(frame), len(frame))
        parts.append(block(6, head + frame))
    return b"".join(parts)
