"""rtpdump, the format of the RTP tools (rtpdump(1), "dump" format): RTP packets and times of arrival.

A line ``#!rtpplay1.0 address/port`` (NetEq's tools: ``#!RTPencode1.0``), a header (start of the recording in
seconds and microseconds, address, port, padding: 16 bytes), and for each packet its length with this header,
the length that it had on the wire (0 for RTCP), the milliseconds since the start, and its bytes. All numbers
are big-endian.
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path

from testbed.channels.recordings.parts import MAX_PACKETS, shown
from testbed.errors import ChannelError
from testbed.files import written_whole
from testbed.pcap import RECEIVER, RTP_PORT, SENDER
from testbed.traces.contents import Contents
from testbed.traces.datagram import Datagram
from testbed.traces.format import Format, StreamChoice
from testbed.traces.layer import Frame
from testbed.traces.recording import Recording
from testbed.traces.rtp_packets import received, recording_from

MAGIC = b"#!rtpplay1.0 "
_FIRST_LINE = re.compile(rb"#!(?:rtpplay|RTPencode)1\.0 ([!-~]{1,100})/([0-9]{1,5})\n")
_FILE = struct.Struct("!IIIHH")
_PACKET = struct.Struct("!HHI")
_FRAME = Frame()
"""The frame of every packet: a dump has no layers."""


def read(content: bytes, where: str, choice: StreamChoice) -> Recording:
    """Read the RTP stream of a dump; a truncated one up to its end, with a note."""
    contents = Contents()
    return recording_from(datagrams(content, where, contents), choice, where, contents)


def datagrams(content: bytes, where: str, contents: Contents) -> Iterator[Datagram]:
    """Yield the RTP of a dump; `contents` counts it.

    Raises
    ------
    ChannelError
        The dump is broken, or has more than 5 million packets.
    """
    first = _FIRST_LINE.match(content)
    if not first:
        line = shown(content.split(b"\n", 1)[0])
        raise ChannelError(f"{where}:1: {line} should be '#!rtpplay1.0 address/port'")
    position = first.end() + _FILE.size
    if len(content) < position:
        raise ChannelError(f"{where}: byte {len(content)}: ends inside the header")
    count = 0
    while position < len(content):
        if position + _PACKET.size > len(content):
            contents.notes.append(f"byte {position}: the dump ends inside a packet's header: it was cut")
            return
        length, on_the_wire, offset_ms = _PACKET.unpack_from(content, position)
        if length < _PACKET.size:
            raise ChannelError(
                f"{where}: byte {position}: a packet of {length} bytes is shorter than its own header of 8"
            )
        if count == MAX_PACKETS:
            raise ChannelError(f"{where}: byte {position}: has more than {MAX_PACKETS} packets")
        count += 1
        if position + length > len(content):
            contents.notes.append(f"byte {position}: the dump ends inside a packet: it was cut")
        data = content[position + _PACKET.size : position + length]
        position += length
        if not on_the_wire:
            contents.count_other("RTCP")
            continue
        found = Datagram(offset_ms * 1_000_000, "dump", data, on_the_wire)
        contents.count_rtp(found, _FRAME)
        yield found


def write(path: Path, recording: Recording) -> None:
    """Write the packets that arrived, in the order of arrival.

    Raises
    ------
    ChannelError
        The recording has no times, or is longer than the format can hold (49 days).
    """
    # The whole dump is built first, so that no file appears if a time does not fit.
    parts = [MAGIC + f"{'.'.join(map(str, SENDER))}/{RTP_PORT}\n".encode()]
    parts.append(_FILE.pack(0, 0, int.from_bytes(RECEIVER, "big"), RTP_PORT, 0))
    for time_ns, rtp in received(recording):
        time_ms = round(time_ns / 1e6)
        if time_ms >= 2**32 or len(rtp) > 0xFFFF - _PACKET.size:
            raise ChannelError(f"{path}: rtpdump cannot hold {len(rtp)} bytes that arrive at {time_ms} ms")
        parts += [_PACKET.pack(_PACKET.size + len(rtp), len(rtp), time_ms), rtp]
    with written_whole(path) as temporary:
        temporary.write_bytes(b"".join(parts))


RTPDUMP = Format(
    name="rtpdump",
    about="the RTP tools' dump of packets received, times in whole ms",
    suffixes=(".rtp", ".rtpdump"),
    keeps="times",
    read=read,
    write=write,
    two_clocks=True,
)
