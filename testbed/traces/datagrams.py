"""What UDP carried, out of a captured frame: Ethernet, Linux cooked, loopback or raw IP, IPv4 or IPv6."""

import struct
from ipaddress import ip_address
from typing import Any

import dpkt

LINK_TYPES = {
    0: "BSD loopback",
    1: "Ethernet",
    12: "raw IP",
    14: "raw IP",
    101: "raw IP",
    113: "Linux cooked",
    228: "IPv4",
    229: "IPv6",
    276: "Linux cooked, version 2",
}
"""Link types that are known; see "link-layer header types" of tcpdump's documentation."""

_PARSERS = {0: dpkt.loopback.Loopback, 1: dpkt.ethernet.Ethernet, 113: dpkt.sll.SLL, 276: dpkt.sll2.SLL2}
_MALFORMED = (dpkt.Error, struct.error, ValueError, TypeError, LookupError, AttributeError, OverflowError)
"""What dpkt raises at frames that are not what they claim to be."""


def datagram(link_type: int, frame: bytes) -> tuple[str, bytes, int] | None:
    """Return a datagram's way, its bytes and how many it had; None if the frame holds no UDP.

    Parameters
    ----------
    link_type
        One of `LINK_TYPES`.
    frame
        What was captured of it, from its link-layer header on.
    """
    try:
        packet: Any = _PARSERS[link_type](frame) if link_type in _PARSERS else _internet(frame)
        while not isinstance(packet, dpkt.ip.IP | dpkt.ip6.IP6):
            if not isinstance(packet, dpkt.Packet):
                return None
            packet = packet.data
        udp = packet.data
        if not isinstance(udp, dpkt.udp.UDP):
            return None
        way = f"{ip_address(packet.src)}:{udp.sport} > {ip_address(packet.dst)}:{udp.dport}"
        # What follows the datagram in the frame is padding.
        size_bytes = max(0, udp.ulen - 8)
        return way, bytes(udp.data)[:size_bytes], size_bytes
    except _MALFORMED:
        return None


def _internet(packet: bytes) -> Any:
    return dpkt.ip6.IP6(packet) if packet[:1] and packet[0] >> 4 == 6 else dpkt.ip.IP(packet)
