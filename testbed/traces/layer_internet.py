"""Internet layers of captured packets: IPv4, IPv6 with extension headers, and IP protocols by number."""

import struct

from testbed.traces.layer import Frame, Reader, UnreadError

_IPV4 = struct.Struct("!BxH2xHBB")
_IPV6 = struct.Struct("!IHBB")
_MORE_FRAGMENTS, _FRAGMENT_OFFSET = 0x2000, 0x1FFF
_PROTOCOLS = {
    0: "IPv6 extension",
    4: "IPv4",
    6: "TCP",
    17: "UDP",
    41: "IPv6",
    43: "IPv6 extension",
    44: "IPv6 fragment",
    47: "GRE",
    51: "IPsec AH",
    60: "IPv6 extension",
    97: "EtherIP",
    135: "IPv6 extension",
    136: "UDP",
    137: "MPLS",
    139: "IPv6 extension",
    140: "IPv6 extension",
}
_TUNNELS = {4: "IP in IP", 41: "IPv6 in IP", 97: "EtherIP", 137: "MPLS in IP"}
_OTHER_PROTOCOLS = {
    1: "ICMP",
    2: "IGMP",
    33: "DCCP",
    50: "IPsec ESP (encrypted)",
    58: "ICMPv6",
    59: "IPv6 without content",
    89: "OSPF",
    103: "PIM",
    112: "VRRP",
    115: "L2TPv3",
    132: "SCTP",
}
LATER_FRAGMENT = "later fragments of IP packets"


def _ipv4(data: bytes, frame: Frame) -> tuple[str, bytes]:
    first, length, fragment, hops, protocol = _IPV4.unpack_from(data)
    header_bytes = 4 * (first & 0xF)
    if first >> 4 != 4 or header_bytes < 20 or 0 < length < header_bytes:
        raise UnreadError("malformed IPv4")
    frame.addresses = data[12:20]
    frame.point += (f"TTL {hops}",)
    if fragment & _FRAGMENT_OFFSET:
        raise UnreadError(LATER_FRAGMENT)
    if fragment & _MORE_FRAGMENTS:
        frame.is_fragment = True
    # Bytes after the IP packet are padding. A length of 0 means segmentation offload (the card fills it in).
    return _inside(protocol, data[header_bytes : length or None], frame)


def _ipv6(data: bytes, frame: Frame) -> tuple[str, bytes]:
    first, length, following, hops = _IPV6.unpack_from(data)
    if first >> 28 != 6:
        raise UnreadError("malformed IPv6")
    frame.addresses = data[8:40]
    frame.point += (f"hop limit {hops}",)
    return _inside(following, data[40 : 40 + length if length else None], frame)


def _extension(data: bytes, frame: Frame) -> tuple[str, bytes]:
    """Read an extension header of IPv6 (RFC 8200, section 4): 8 bytes, and a multiple of 8 more."""
    return _inside(data[0], data[8 + 8 * data[1] :], frame)


def _fragment(data: bytes, frame: Frame) -> tuple[str, bytes]:
    following, offset = struct.unpack_from("!BxH", data)
    if offset & 0xFFF8:
        raise UnreadError(LATER_FRAGMENT)
    if offset & 1:
        frame.is_fragment = True
    return _inside(following, data[8:], frame)


def _authentication(data: bytes, frame: Frame) -> tuple[str, bytes]:
    """Read IPsec's AH (RFC 4302), which does not encrypt: 8 bytes, and a multiple of 4 more."""
    return _inside(data[0], data[8 + 4 * data[1] :], frame)


def _inside(protocol: int, data: bytes, frame: Frame) -> tuple[str, bytes]:
    if protocol in _TUNNELS:
        frame.enter(_TUNNELS[protocol])
    if protocol in _PROTOCOLS:
        return _PROTOCOLS[protocol], data
    raise UnreadError(_OTHER_PROTOCOLS.get(protocol, f"IP protocol {protocol}"))


def _tcp(data: bytes, _: Frame) -> tuple[str, bytes]:
    """Name the content of a TCP segment; RTP inside TCP is not read."""
    content = data[4 * (data[12] >> 4) :]
    length = int.from_bytes(content[:2])
    rest = content[2 + length :]
    if 12 <= length <= len(content) - 2 and content[2] >> 6 == 2 and rest[2:3] in (b"", content[2:3]):
        raise UnreadError("TCP that looks like framed RTP (RFC 4571)")
    if content[:1] == b"$" and len(content) >= 16 and content[4] >> 6 == 2:
        raise UnreadError("TCP that looks like RTP inside RTSP (RFC 7826, section 14)")
    if 0x40 <= (content[0] if content else 0) <= 0x4F and len(content) >= 16 and content[4] >> 6 == 2:
        raise UnreadError("TCP that looks like TURN ChannelData (RFC 8656, section 12.4)")
    raise UnreadError("TCP")


def _etherip(data: bytes, _: Frame) -> tuple[str, bytes]:
    """Read EtherIP (RFC 3378)."""
    if data[0] >> 4 != 3:
        raise UnreadError("malformed EtherIP")
    return "Ethernet", data[2:]


READERS: dict[str, Reader] = {
    "IPv4": _ipv4,
    "IPv6": _ipv6,
    "IPv6 extension": _extension,
    "IPv6 fragment": _fragment,
    "IPsec AH": _authentication,
    "EtherIP": _etherip,
    "TCP": _tcp,
}
