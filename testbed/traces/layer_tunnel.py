"""Tunnels of captured packets: GRE and ERSPAN; over UDP: GTP-U, VXLAN, Geneve, L2TP, Teredo, TZSP."""

import struct
from collections.abc import Callable

from testbed.traces.layer import Frame, Reader, UnreadError
from testbed.traces.layer_link import by_ethertype

_PAIR = struct.Struct("!HH")
_BRIDGED, _ERSPAN_1_OR_2, _ERSPAN_3, _PPP = 0x6558, 0x88BE, 0x22EB, 0x880B
_CHECKSUM, _ROUTING, _KEY, _SEQUENCE, _ACKNOWLEDGEMENT = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080
_G_PDU = 255
_IS_CONTROL, _HAS_LENGTH, _HAS_NUMBERS, _HAS_OFFSET = 0x8000, 0x4000, 0x0800, 0x0200
_NEXT_PROTOCOLS = {1: "IPv4", 2: "IPv6", 3: "Ethernet"}

Inside = tuple[str, bytes]


def _gre(data: bytes, frame: Frame) -> Inside:
    """Read GRE (RFC 2784, 2890), PPTP's version of it (RFC 2637), and ERSPAN."""
    flags, kind = _PAIR.unpack_from(data)
    version = flags & 7
    if version > 1 or flags & _ROUTING:
        raise UnreadError(f"GRE of version {version}" if version > 1 else "GRE with source routes")
    words = bool(flags & _CHECKSUM) + bool(flags & _KEY) + bool(flags & _SEQUENCE)
    words += bool(version and flags & _ACKNOWLEDGEMENT)
    inside = data[4 + 4 * words :]
    if kind in (_ERSPAN_1_OR_2, _ERSPAN_3):
        frame.enter("ERSPAN")
        return "Ethernet", inside[_erspan_bytes(kind, flags, inside) :]
    frame.enter("GRE")
    if kind == _BRIDGED:
        return "Ethernet", inside
    return ("PPP", inside) if kind == _PPP else (by_ethertype(kind), inside)


def _erspan_bytes(kind: int, flags: int, inside: bytes) -> int:
    """Return the size of ERSPAN's header (draft-foschiano-erspan): type I has none, III an optional part."""
    if kind == _ERSPAN_3:
        return 20 if inside[11] & 1 else 12
    return 8 if flags & _SEQUENCE else 0


def _gtp_u(data: bytes, frame: Frame) -> Inside | None:
    """Read GTP-U (3GPP TS 29.281): version 1, with sequence numbers and extension headers."""
    if data[0] >> 3 != 0b00110:
        return None
    if data[1] != _G_PDU:
        raise UnreadError(f"GTP-U message {data[1]}")
    start = 8
    if data[0] & 7:
        following, start = data[11], 12
        while following:
            size = 4 * data[start]
            if size == 0:
                raise UnreadError("malformed GTP-U")
            following, start = data[start + size - 1], start + size
    frame.enter("GTP-U")
    inside = data[start:]
    return ("raw IP" if inside[0] >> 4 in (4, 6) else "Ethernet"), inside


def _vxlan(data: bytes, frame: Frame) -> Inside | None:
    """Read VXLAN (RFC 7348), also with a group policy."""
    if data[0] not in (0x08, 0x88) or data[7]:
        return None
    frame.enter("VXLAN")
    return "Ethernet", data[8:]


def _vxlan_gpe(data: bytes, frame: Frame) -> Inside | None:
    """Read VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe), which names its content."""
    if data[0] & 0xFC != 0x0C or data[3] not in _NEXT_PROTOCOLS:
        return None
    frame.enter("VXLAN")
    return _NEXT_PROTOCOLS[data[3]], data[8:]


def _geneve(data: bytes, frame: Frame) -> Inside | None:
    """Read Geneve (RFC 8926)."""
    kind = int.from_bytes(data[2:4])
    if data[0] >> 6 or data[7]:
        return None
    frame.enter("Geneve")
    inside = data[8 + 4 * (data[0] & 0x3F) :]
    return ("Ethernet" if kind == _BRIDGED else by_ethertype(kind)), inside


def _l2tp(data: bytes, frame: Frame) -> Inside | None:
    """Read L2TP's version 2 (RFC 2661)."""
    (flags,) = struct.unpack_from("!H", data)
    if flags & 0xF != 2:
        return None
    if flags & _IS_CONTROL:
        raise UnreadError("L2TP control messages")
    start = 6 + (2 if flags & _HAS_LENGTH else 0) + (4 if flags & _HAS_NUMBERS else 0)
    if flags & _HAS_OFFSET:
        start += 2 + int.from_bytes(data[start : start + 2])
    frame.enter("L2TP")
    return "PPP", data[start:]


def _teredo(data: bytes, frame: Frame) -> Inside | None:
    """Read Teredo (RFC 4380), with its indications of authentication and origin."""
    if data[:2] == b"\0\1":
        data = data[13 + data[2] + data[3] :]
    if data[:2] == b"\0\0":
        data = data[8:]
    if data[0] >> 4 != 6:
        return None
    frame.enter("Teredo")
    return "IPv6", data


def _tzsp(data: bytes, frame: Frame) -> Inside | None:
    """Read TZSP with Ethernet inside, by which routers mirror packets."""
    if data[0] != 1 or data[2:4] != b"\0\1":
        return None
    position = 4
    while data[position] != 1:
        position += 1 if data[position] == 0 else 2 + data[position + 1]
    frame.enter("TZSP")
    return "Ethernet", data[position + 1 :]


OVER_UDP: dict[int, Callable[[bytes, Frame], Inside | None]] = {
    1701: _l2tp,
    2152: _gtp_u,
    3544: _teredo,
    4789: _vxlan,
    4790: _vxlan_gpe,
    6081: _geneve,
    8472: _vxlan,
    37008: _tzsp,
}
"""Tunnels by UDP port; each returns None for a datagram of another protocol."""
READERS: dict[str, Reader] = {"GRE": _gre}
