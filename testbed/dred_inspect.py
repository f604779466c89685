"""What DRED the packets of a file carry: a capture of RTP, or a bitstream of ``opus_demo``."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from testbed.codecs import opus_packet, red, rtp
from testbed.codecs.dred import packet, payload
from testbed.errors import CodecError, ScenarioError
from testbed.traces import capture

MAX_FILE_BYTES = 1 << 28
_MAX_PACKET_BYTES = 1 << 16
_CAPTURES = (
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\xc3\xd4",
    b"\x4d\x3c\xb2\xa1",
    b"\xa1\xb2\x3c\x4d",
    b"\x0a\x0d\x0d\x0a",
)
_HEAD = struct.Struct(">II")
TITLES = (
    "packet",
    "bytes",
    "DRED bytes",
    "version",
    "offset ms",
    "depth ms",
    "reaches ms",
    "q0",
    "dQ",
    "qmax",
)


@dataclass(frozen=True)
class Found:
    """The DRED of one packet.

    Attributes
    ----------
    index
        The packet's place in the file, from 0.
    packet_bytes, dred_bytes
        Size of the Opus packet, and how much of it there is for DRED, framing included.
    header
        What the payload says first.
    end_ms
        How long before the packet's first sample the redundancy ends; below 0: it goes on into the packet.
    depth_ms
        How much sound it holds.
    """

    index: int
    packet_bytes: int
    dred_bytes: int
    header: payload.DredHeader
    end_ms: float
    depth_ms: int

    def row(self) -> tuple[str, ...]:
        """Return the words under `TITLES`."""
        header = self.header
        sizes = (self.index, self.packet_bytes, self.dred_bytes, header.version)
        times = (f"{self.end_ms:g}", self.depth_ms, f"{max(0, self.depth_ms + self.end_ms):g}")
        words = (*sizes, *times, header.q0, header.dq, header.qmax)
        return tuple(str(word) for word in words)


@dataclass(frozen=True)
class Inspection:
    """All of a file: the DRED found, the number of Opus packets, and of those that could not be read."""

    found: list[Found]
    packets: int
    damaged: int

    def summary(self) -> str:
        """Return a line of totals."""
        with_dred = len(self.found)
        line = f"{with_dred} of {self.packets} packets carry DRED"
        if self.found:
            dred_bytes = sum(each.dred_bytes for each in self.found)
            line += f", {dred_bytes / with_dred:.1f} bytes each"
            depths = [each.depth_ms for each in self.found]
            line += f", {min(depths)} to {max(depths)} ms deep, {sum(depths) / len(depths):.0f} on average"
        if self.damaged:
            line += f"; {self.damaged} could not be read as Opus"
        return line


def inspect(path: Path) -> Inspection:
    """Look at every packet of a file.

    Raises
    ------
    ScenarioError
        If the file is neither a capture nor a bitstream of ``opus_demo``, is cut, or is larger than 256 MiB.
    """
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ScenarioError(f"{path}: larger than {MAX_FILE_BYTES >> 20} MiB")
    content = path.read_bytes()
    opus_packets = _captured if content.startswith(_CAPTURES) else _bitstream
    found: list[Found] = []
    packets = damaged = 0
    for index, data in enumerate(opus_packets(content, path)):
        packets += 1
        try:
            each = _look(index, data)
        except CodecError:
            damaged += 1
            continue
        if each is not None:
            found.append(each)
    return Inspection(found, packets, damaged)


def _look(index: int, data: bytes) -> Found | None:
    carried = packet.find(data)
    if carried is None:
        return None
    whole = payload.parse(carried.payload)
    return Found(
        index,
        len(data),
        opus_packet.split(data).dred_bytes,
        whole.header,
        whole.header.end_ms - carried.frame * carried.frame_ms,
        whole.depth_ms,
    )


def _captured(content: bytes, path: Path) -> Iterator[bytes]:
    """Give the Opus packets of a capture; of RED, its newest."""
    types: set[int] = set()
    count = 0
    for _, datagram in capture.rtp_packets(content, str(path)):
        try:
            found = rtp.RtpPacket.parse(datagram)
            kind, data = found.payload_type, found.payload
            if kind == rtp.RED_PAYLOAD_TYPE:
                _, kind, data = red.parse(data)
        except CodecError:
            continue
        if kind == rtp.OPUS_PAYLOAD_TYPE and data:
            count += 1
            yield data
        else:
            types.add(kind)
    if count == 0:
        seen = f"; payload types are {', '.join(map(str, sorted(types)))}" if types else ""
        raise ScenarioError(
            f"{path}: no RTP of payload type {rtp.OPUS_PAYLOAD_TYPE} (Opus) or {rtp.RED_PAYLOAD_TYPE} (RED)"
            f"{seen}"
        )


def _bitstream(content: bytes, path: Path) -> Iterator[bytes]:
    """Give the packets of a bitstream of ``opus_demo``; empty ones were not sent."""
    position = 0
    while position < len(content):
        if position + _HEAD.size > len(content):
            raise ScenarioError(f"{path}: cut off in the head of the packet at byte {position}")
        size, _ = _HEAD.unpack_from(content, position)
        start = position + _HEAD.size
        if size > _MAX_PACKET_BYTES or (position == 0 and start + size > len(content)):
            raise ScenarioError(
                f"{path}: neither a capture nor a bitstream of opus_demo: at byte {position} a packet of "
                f"{size} bytes"
            )
        if start + size > len(content):
            raise ScenarioError(f"{path}: cut off in the packet at byte {position}")
        if size:
            yield content[start : start + size]
        position = start + size
    if not content:
        raise ScenarioError(f"{path}: an empty file")
