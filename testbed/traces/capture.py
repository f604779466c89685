"""Packet captures: pcap (libpcap's file format) and pcapng (draft-ietf-opsawg-pcapng), of RTP over UDP.

The containers are read here, block by block: times stay exact, every interface of a pcapng has its own link
type and clock, and an error says at which byte a file is broken. `testbed.traces.dissector` reads
packets.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

from testbed.channels.recordings.parts import MAX_PACKETS
from testbed.errors import ChannelError
from testbed.pcap import write_pcap
from testbed.traces.contents import OF_LINK_TYPE, TIMELESS, Contents
from testbed.traces.datagram import Datagram
from testbed.traces.dissector import LINK_TYPES, datagram, way
from testbed.traces.format import Format, StreamChoice
from testbed.traces.layer import Frame, UnreadError
from testbed.traces.layer_link import OTHER_LINK_TYPES
from testbed.traces.recording import Recording
from testbed.traces.rtp_packets import received, recording_from

_MAGICS = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
_INTERFACE, _OBSOLETE_PACKET, _SIMPLE_PACKET, _PACKET = 1, 2, 3, 6
_SECTION_MAGIC = b"\x0a\x0d\x0d\x0a"
_RESOLUTION, _OFFSET = 9, 14
_CUT = "the capture ends inside a packet: it was cut"

Captured = tuple[int, int, int, bytes, int]
"""Time of capture in ns, number of the interface, link type, captured bytes, and size on the wire."""


def read(content: bytes, where: str, choice: StreamChoice) -> Recording:
    """Read one RTP stream of a capture; a truncated one up to its end, with a note."""
    contents = Contents()
    return recording_from(datagrams(content, where, contents), choice, where, contents)


def rtp_packets(content: bytes, where: str) -> list[tuple[int, bytes]]:
    """Return time in ns and bytes of every UDP datagram that can be RTP."""
    return [(each.time_ns, each.data) for each in datagrams(content, where, Contents())]


def datagrams(content: bytes, where: str, contents: Contents) -> Iterator[Datagram]:
    """Yield the datagrams of a capture that can be RTP; `contents` counts them, and all other packets.

    Raises
    ------
    ChannelError
        The capture is broken, has more than 5 million packets, or only unknown link types.
    """
    captured = _pcapng if content.startswith(_SECTION_MAGIC) else _pcap
    unknown: set[int] = set()
    known = False
    packets = captured(content, where, contents)
    for count, (time_ns, interface, link_type, data, size_bytes) in enumerate(packets):
        if count == MAX_PACKETS:
            raise ChannelError(f"{where}: has more than {MAX_PACKETS} packets")
        if link_type not in LINK_TYPES:
            unknown.add(link_type)
            contents.count_other(f"{OF_LINK_TYPE} {link_type}")
            continue
        known = True
        frame = Frame()
        if interface:
            frame.point = (f"interface {interface}",)
        try:
            payload = datagram(link_type, data, frame, is_cut=size_bytes > len(data))
        except UnreadError as other:
            contents.count_other(str(other), frame)
            continue
        found = Datagram(
            time_ns, way(frame.addresses, frame.ports), payload, frame.size_bytes, ", ".join(frame.point)
        )
        contents.count_rtp(found, frame)
        yield found
    if unknown and not known:
        number = min(unknown)
        name = OTHER_LINK_TYPES.get(number, "see tcpdump's list of link-layer header types")
        known_types = ", ".join(f"{known} ({layer})" for known, layer in LINK_TYPES.items())
        raise ChannelError(f"{where}: captured on link type {number} ({name}); known are {known_types}")


def _pcap(content: bytes, where: str, contents: Contents) -> Iterator[Captured]:
    if content[:4] not in _MAGICS:
        raise ChannelError(f"{where}: byte 0: begins neither as a pcap nor as a pcapng file")
    order, unit_ns = _MAGICS[content[:4]]
    if len(content) < 24:
        raise ChannelError(f"{where}: byte {len(content)}: ends inside the file header of 24 bytes")
    # The upper bits say how long a frame check sequence is.
    link_type = struct.unpack_from(f"{order}I", content, 20)[0] & 0x0FFFFFFF
    header = struct.Struct(f"{order}IIII")
    position = 24
    while position < len(content):
        if position + header.size > len(content):
            contents.notes.append(f"byte {position}: {_CUT}")
            return
        seconds, fraction, captured, size_bytes = header.unpack_from(content, position)
        start = position + header.size
        if start + captured > len(content):
            contents.notes.append(f"byte {position}: {_CUT}")
        data = content[start : start + captured]
        yield seconds * 10**9 + fraction * unit_ns, 0, link_type, data, size_bytes
        position = start + captured


def _pcapng(content: bytes, where: str, contents: Contents) -> Iterator[Captured]:
    position, order = 0, "<"
    interfaces: list[tuple[int, int, int]] = []
    while position < len(content):
        if content[position : position + 4] == _SECTION_MAGIC:
            order = _byte_order(content, position, where)
            interfaces = []
        if position + 12 > len(content):
            contents.notes.append(f"byte {position}: {_CUT}")
            return
        kind, length = struct.unpack_from(f"{order}II", content, position)
        if length < 12 or length % 4:
            raise ChannelError(f"{where}: byte {position}: a pcapng block cannot have {length} bytes")
        if position + length > len(content):
            contents.notes.append(f"byte {position}: {_CUT}")
            return
        body = content[position + 8 : position + length - 4]
        if kind == _INTERFACE:
            interfaces.append(_interface(body, order, f"{where}: byte {position}"))
        elif kind in (_PACKET, _OBSOLETE_PACKET):
            yield _packet(body, kind, order, interfaces, f"{where}: byte {position}")
        elif kind == _SIMPLE_PACKET:
            contents.count_other(TIMELESS)
        position += length


def _byte_order(content: bytes, position: int, where: str) -> str:
    mark = content[position + 8 : position + 12]
    if mark == b"\x4d\x3c\x2b\x1a":
        return "<"
    if mark == b"\x1a\x2b\x3c\x4d":
        return ">"
    raise ChannelError(f"{where}: byte {position + 8}: a pcapng section without its byte-order mark")


def _interface(body: bytes, order: str, here: str) -> tuple[int, int, int]:
    """Return link type, ticks per second and offset in seconds of an interface's clock."""
    if len(body) < 8:
        raise ChannelError(f"{here}: an interface description of {len(body)} bytes")
    (link_type,) = struct.unpack_from(f"{order}H", body)
    ticks, offset_s, position = 10**6, 0, 8
    while position + 4 <= len(body):
        code, length = struct.unpack_from(f"{order}HH", body, position)
        value = body[position + 4 : position + 4 + length]
        if code == 0:
            break
        if code == _RESOLUTION and len(value) == 1:
            ticks = (2 if value[0] & 0x80 else 10) ** (value[0] & 0x7F)
        elif code == _OFFSET and len(value) == 8:
            (offset_s,) = struct.unpack(f"{order}q", value)
        position += 4 + (length + 3) // 4 * 4
    return link_type, ticks, offset_s


def _packet(
    body: bytes, kind: int, order: str, interfaces: list[tuple[int, int, int]], here: str
) -> Captured:
    if len(body) < 20:
        raise ChannelError(f"{here}: a packet block of {len(body)} bytes")
    layout = "IIIII" if kind == _PACKET else "HxxIIII"
    number, high, low, captured, size_bytes = struct.unpack_from(order + layout, body)
    if number >= len(interfaces):
        raise ChannelError(f"{here}: a packet of interface {number}, which was not described")
    link_type, ticks, offset_s = interfaces[number]
    if captured > len(body) - 20:
        raise ChannelError(f"{here}: a packet of {captured} bytes in a block for {len(body) - 20}")
    time_ns = offset_s * 10**9 + (high << 32 | low) * 10**9 // ticks
    if not -(2**62) < time_ns < 2**62:
        raise ChannelError(f"{here}: a packet {time_ns / 1e9:.3g} s after 1970")
    return time_ns, number, link_type, body[20 : 20 + captured], size_bytes


def write(path: Path, recording: Recording) -> None:
    """Write the packets that arrived as raw IPv4, in the order of arrival, times exact."""
    write_pcap(path, list(received(recording)))


PCAP = Format(
    name="pcap",
    about="packet capture with RTP; pcapng is read, pcap written",
    suffixes=(".pcap", ".pcapng", ".cap"),
    keeps="times",
    read=read,
    write=write,
    two_clocks=True,
)
