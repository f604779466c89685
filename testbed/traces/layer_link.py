"""Link layers of captured packets: Ethernet, Linux cooked, PPP, and the tags and labels before IP."""

import struct

from testbed.traces.layer import Frame, Reader, UnreadError

_WORD = struct.Struct("!H")
_SLL = struct.Struct("!HHH8sH")
_SLL2 = struct.Struct("!HHIHBB8s")
_PPPOE = struct.Struct("!BBHH")
_OUTGOING = 4
_BITS_OF_VLAN = 0xFFF
_LOOPBACK_IPV6 = (10, 24, 28, 30)
"""AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, and macOS; AF_INET is 2 everywhere."""
_ETHERTYPES = {
    0x0800: "IPv4",
    0x86DD: "IPv6",
    0x8100: "VLAN",
    0x88A8: "VLAN",
    0x9100: "VLAN",
    0x9200: "VLAN",
    0x8847: "MPLS",
    0x8848: "MPLS",
    0x8864: "PPPoE",
    0x88E7: "802.1ah",
}
_OTHER_ETHERTYPES = {
    0x0806: "ARP",
    0x8863: "PPPoE discovery",
    0x88CC: "LLDP",
    0x88E5: "MACsec (encrypted)",
    0x8137: "IPX",
    0x888E: "EAPOL",
}
_PPP_PROTOCOLS = {0x0021: "IPv4", 0x0057: "IPv6", 0x0281: "MPLS", 0x0283: "MPLS"}


def by_ethertype(number: int) -> str:
    """Return the layer of an EtherType.

    Raises
    ------
    UnreadError
        It is not one that is read; the message names it.
    """
    if number in _ETHERTYPES:
        return _ETHERTYPES[number]
    raise UnreadError(_OTHER_ETHERTYPES.get(number, f"EtherType 0x{number:04x}"))


def _ethernet(data: bytes, frame: Frame) -> tuple[str, bytes]:
    (kind,) = _WORD.unpack_from(data, 12)
    if kind >= 0x0600:
        return by_ethertype(kind), data[14:]
    return _llc(data[14:], frame)


def _llc(data: bytes, _: Frame) -> tuple[str, bytes]:
    """Read IEEE 802.2, of which only SNAP (RFC 1042) carries IP."""
    if data[:6] == b"\xaa\xaa\x03\0\0\0":
        return by_ethertype(_WORD.unpack_from(data, 6)[0]), data[8:]
    raise UnreadError("802.2 without IP")


def _vlan(data: bytes, frame: Frame) -> tuple[str, bytes]:
    tag, kind = struct.unpack_from("!HH", data)
    frame.point += (f"VLAN {tag & _BITS_OF_VLAN}",)
    return (by_ethertype(kind), data[4:]) if kind >= 0x0600 else _llc(data[4:], frame)


def _backbone(data: bytes, _: Frame) -> tuple[str, bytes]:
    return "Ethernet", data[4:]


def _cooked(data: bytes, frame: Frame) -> tuple[str, bytes]:
    direction, _, _, _, kind = _SLL.unpack_from(data)
    if direction == _OUTGOING:
        frame.point += ("outgoing",)
    return _of_cooked(kind, data[_SLL.size :], frame)


def _cooked_2(data: bytes, frame: Frame) -> tuple[str, bytes]:
    kind, _, interface, _, direction, _, _ = _SLL2.unpack_from(data)
    frame.point += (f"interface {interface}",)
    if direction == _OUTGOING:
        frame.point += ("outgoing",)
    return _of_cooked(kind, data[_SLL2.size :], frame)


def _of_cooked(kind: int, data: bytes, frame: Frame) -> tuple[str, bytes]:
    return _llc(data, frame) if kind == 4 else (by_ethertype(kind), data)


def _pktap(data: bytes, frame: Frame) -> tuple[str, bytes]:
    """Read Apple's PKTAP header, which names the interface and its link type."""
    size, _, link_type, interface = struct.unpack_from("<III24s", data)
    if size < 36 or link_type not in LINK_TYPES:
        raise UnreadError(f"PKTAP of link type {link_type}")
    frame.point += (f"interface {interface.split(bytes(1))[0].decode('ascii', 'replace')!r}",)
    return LINK_TYPES[link_type], data[size:]


def _loopback(data: bytes, _: Frame) -> tuple[str, bytes]:
    family = min(struct.unpack_from("<I", data)[0], struct.unpack_from(">I", data)[0])
    if family == 2:
        return "IPv4", data[4:]
    if family in _LOOPBACK_IPV6:
        return "IPv6", data[4:]
    raise UnreadError(f"loopback of address family {family}")


def _raw(data: bytes, _: Frame) -> tuple[str, bytes]:
    version = data[0] >> 4
    if version in (4, 6):
        return f"IPv{version}", data
    raise UnreadError(f"IP of version {version}")


def _ppp(data: bytes, _: Frame) -> tuple[str, bytes]:
    """Read PPP (RFC 1661), with HDLC's address (RFC 1662) or without, the protocol in one byte or in two."""
    if data[:2] == b"\xff\x03":
        data = data[2:]
    compressed = data[0] & 1
    number = data[0] if compressed else _WORD.unpack_from(data)[0]
    if number in _PPP_PROTOCOLS:
        return _PPP_PROTOCOLS[number], data[1 if compressed else 2 :]
    raise UnreadError(
        f"PPP protocol 0x{number:04x}" + (" (compressed or encrypted)" if number == 0xFD else "")
    )


def _cisco_hdlc(data: bytes, _: Frame) -> tuple[str, bytes]:
    return by_ethertype(_WORD.unpack_from(data, 2)[0]), data[4:]


def _pppoe(data: bytes, _: Frame) -> tuple[str, bytes]:
    """Read a PPPoE session (RFC 2516)."""
    version, code, _, length = _PPPOE.unpack_from(data)
    if version != 0x11 or code:
        raise UnreadError(f"PPPoE of version 0x{version:02x}, code {code}")
    return "PPP", data[_PPPOE.size : _PPPOE.size + length]


def _mpls(data: bytes, _: Frame) -> tuple[str, bytes]:
    """Read MPLS labels (RFC 3032); the first bits after them identify the content (RFC 4385, section 3)."""
    position = 0
    while not data[position + 2] & 1:
        position += 4
    inside = data[position + 4 :]
    match inside[0] >> 4:
        case 4:
            return "IPv4", inside
        case 6:
            return "IPv6", inside
        case 0:
            return "Ethernet", inside[4:]
        case _:
            return "Ethernet", inside


READERS: dict[str, Reader] = {
    "Ethernet": _ethernet,
    "VLAN": _vlan,
    "802.1ah": _backbone,
    "Linux cooked": _cooked,
    "Linux cooked, version 2": _cooked_2,
    "PKTAP": _pktap,
    "BSD loopback": _loopback,
    "raw IP": _raw,
    "PPP": _ppp,
    "Cisco HDLC": _cisco_hdlc,
    "PPPoE": _pppoe,
    "MPLS": _mpls,
}
LINK_TYPES = {
    0: "BSD loopback",
    1: "Ethernet",
    9: "PPP",
    12: "raw IP",
    14: "raw IP",
    50: "PPP",
    51: "PPPoE",
    101: "raw IP",
    104: "Cisco HDLC",
    108: "BSD loopback",
    113: "Linux cooked",
    228: "IPv4",
    229: "IPv6",
    258: "PKTAP",
    276: "Linux cooked, version 2",
}
"""Layers by link type; see "link-layer header types" of tcpdump's documentation."""
OTHER_LINK_TYPES = {
    105: "Wi-Fi frames",
    119: "Wi-Fi frames with Prism headers",
    127: "Wi-Fi frames with radiotap headers",
    163: "Wi-Fi frames with AVS headers",
    187: "Bluetooth",
    192: "Wi-Fi frames with PPI headers",
    195: "IEEE 802.15.4",
    201: "Bluetooth",
    220: "USB",
    239: "netfilter's log",
    249: "USB",
    252: "Wireshark's exported PDUs",
    253: "netlink",
}
"""Names of link types that are not read."""
