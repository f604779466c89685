"""What DRED the packets of a file carry: a capture of RTP, or a bitstream of ``opus_demo``."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from testbed.channels.recording_kind import kind_by_magic
from testbed.channels.trace_file import read_content
from testbed.codecs import red, rtp
from testbed.codecs.dred import packet, payload
from testbed.errors import CodecError, ScenarioError
from testbed.traces import capture

_MAX_PACKET_BYTES = 1 << 16
_HEAD = struct.Struct(">II")
_TITLES = (
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
        From 0. In a bitstream, ``opus_demo``'s number of the frame: those not sent count. In a capture, the
        packet's place among the Opus packets.
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


class Inspection:
    """A file whose packets are looked at one by one: iterating gives the DRED found, and keeps none of it.

    Parameters
    ----------
    path
        A capture or a bitstream.
    payload_type
        Opus's RTP payload type in a capture, also inside RED, whose own is 63.

    Attributes
    ----------
    packets, damaged
        How many Opus packets were seen in the last iteration, and how many of them could not be read.
    """

    def __init__(self, path: Path, payload_type: int = rtp.OPUS_PAYLOAD_TYPE) -> None:
        self._path = path
        self._payload_type = payload_type
        self._start()

    def _start(self) -> None:
        self.packets = self.damaged = 0
        self._with_dred = self._dred_bytes = 0
        self._depth_ms = self._deepest_ms = 0
        self._shallowest_ms = payload.CHUNK_MS * payload.MAX_CHUNKS

    def __iter__(self) -> Iterator[Found]:
        """Look at every packet of the file.

        Raises
        ------
        ChannelError
            If the file cannot be read, is larger than 64 MiB, or is a broken capture.
        ScenarioError
            If the file is neither a capture with Opus nor a bitstream of ``opus_demo``, or is cut.
        """
        self._start()
        for index, data in self._opus_packets():
            self.packets += 1
            try:
                found = _look(index, data)
            except CodecError:
                self.damaged += 1
                continue
            if found is not None:
                self._add(found)
                yield found

    def lines(self) -> Iterator[str]:
        """Give a table of the DRED found, line by line, and a line of totals; raises as iterating does."""
        for found in self:
            if self._with_dred == 1:
                yield _aligned(_TITLES)
            yield _aligned(_row(found))
        yield self.summary()

    def summary(self) -> str:
        """Return a line of totals of the last iteration."""
        count = self._with_dred
        line = f"{count} of {self.packets} packets carry DRED"
        if count:
            line += f", {self._dred_bytes / count:.1f} bytes each"
            line += f", {self._shallowest_ms} to {self._deepest_ms} ms deep"
            line += f", {self._depth_ms / count:.0f} on average"
        if self.damaged:
            line += f"; {self.damaged} could not be read as Opus"
        return line

    def _opus_packets(self) -> Iterator[tuple[int, bytes]]:
        content = read_content(self._path)
        if kind_by_magic(content) == "pcap":
            return _captured(content, self._path, self._payload_type)
        return _bitstream(content, self._path)

    def _add(self, found: Found) -> None:
        self._with_dred += 1
        self._dred_bytes += found.dred_bytes
        self._depth_ms += found.depth_ms
        self._deepest_ms = max(self._deepest_ms, found.depth_ms)
        self._shallowest_ms = min(self._shallowest_ms, found.depth_ms)


def _row(found: Found) -> tuple[str, ...]:
    header = found.header
    sizes = (found.index, found.packet_bytes, found.dred_bytes, header.version)
    times = (f"{found.end_ms:g}", found.depth_ms, f"{max(0, found.depth_ms + found.end_ms):g}")
    words = (*sizes, *times, header.q0, header.dq, header.qmax)
    return tuple(str(word) for word in words)


def _aligned(words: tuple[str, ...]) -> str:
    """Return words in columns as wide as their titles, which numbers are not."""
    pairs = zip(words, _TITLES, strict=True)
    return "  ".join(word.ljust(len(title)) for word, title in pairs).rstrip()


def _look(index: int, data: bytes) -> Found | None:
    carried = packet.find(data)
    if carried is None:
        return None
    whole = payload.parse(carried.payload)
    return Found(
        index,
        len(data),
        carried.dred_bytes,
        whole.header,
        whole.header.end_ms - carried.frame * carried.frame_ms,
        whole.depth_ms,
    )


def _captured(content: bytes, path: Path, payload_type: int) -> Iterator[tuple[int, bytes]]:
    """Give the Opus packets of a capture, numbered; of RED, its newest."""
    types: set[int] = set()
    count = 0
    for _, datagram in capture.rtp_packets(content, str(path)):
        try:
            found = rtp.RtpPacket.parse(datagram)
            kind, data = found.payload_type, found.payload
            if kind == rtp.RED_PAYLOAD_TYPE and kind != payload_type:
                _, kind, data = red.parse(data)
        except CodecError:
            continue
        if kind == payload_type and data:
            yield count, data
            count += 1
        else:
            types.add(kind)
    if count == 0:
        message = f"{path}: no RTP of payload type {payload_type} (Opus) or {rtp.RED_PAYLOAD_TYPE} (RED)"
        if types:
            message += f"; payload types are {', '.join(map(str, sorted(types)))}: say --payload-type"
        raise ScenarioError(message)


def _bitstream(content: bytes, path: Path) -> Iterator[tuple[int, bytes]]:
    """Give a bitstream's packets, numbered as the frames of ``opus_demo``; empty ones were not sent."""
    position = frame = 0
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
            yield frame, content[start : start + size]
        position = start + size
        frame += 1
    if not content:
        raise ScenarioError(f"{path}: an empty file")
