"""RTP streams: the packets of one SSRC on one way (addresses and ports), in the order of arrival."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from testbed.traces.datagram import Datagram

MAX_DROPOUT = 3000
MAX_MISORDER = 100
"""Jumps of the sequence number that are no restart (RFC 3550, appendix A.1)."""

_MOST_SENDERS, _SMALL_STEP, _ENOUGH_PACKETS = 8, 3, 20
_RTCP_TYPES = range(192, 224)
_HEADER = struct.Struct("!BBHII")


@dataclass
class RtpStream:
    """The packets of one SSRC on one way, seen at one point of capture.

    Attributes
    ----------
    ssrc
        The sender.
    way, point
        As in `Datagram`.
    times_ns, sequences, timestamps, packets
        Time of arrival, RTP sequence number and timestamp, and captured bytes of each packet, in the order of
        arrival.
    sizes_bytes
        Size of each on the wire: more than was captured where the capture cut it.
    """

    ssrc: int
    way: str
    point: str = ""
    times_ns: list[int] = field(default_factory=list)
    sequences: list[int] = field(default_factory=list)
    timestamps: list[int] = field(default_factory=list)
    packets: list[bytes] = field(default_factory=list)
    sizes_bytes: list[int] = field(default_factory=list)

    def __str__(self) -> str:
        place = f", {self.point}" if self.point else ""
        return f"0x{self.ssrc:08x} ({len(self.packets)} packets, {self.way}{place})"

    def plausible(self) -> bool:
        """Return True if the sequence numbers mostly advance in small steps; random ones do not."""
        steps = np.diff(np.array(self.sequences, np.int64)).astype(np.int16)
        return len(steps) > 0 and bool(np.mean(np.abs(steps) <= MAX_MISORDER) >= 0.8)

    def is_mixed(self) -> bool:
        """Return True if several sequences alternate: most numbers follow one of the few packets before."""
        numbers = np.array(self.sequences, np.int64)
        follows = np.zeros(len(numbers), np.bool_)
        for back in range(1, _MOST_SENDERS + 1):
            steps = (numbers[back:] - numbers[:-back]).astype(np.int16)
            follows[back:] |= (steps > 0) & (steps <= _SMALL_STEP)
        return len(numbers) >= _ENOUGH_PACKETS and bool(np.mean(follows) >= 0.8)


def streams(datagrams: Iterable[Datagram]) -> list[RtpStream]:
    """Sort packets that look like RTP (and not like RTCP, RFC 5761, section 4) into streams.

    Parameters
    ----------
    datagrams
        In the order of arrival.
    """
    found: dict[tuple[int, str, str], RtpStream] = {}
    for time_ns, way, data, size_bytes, point in datagrams:
        if len(data) < _HEADER.size or data[0] >> 6 != 2 or data[1] in _RTCP_TYPES:
            continue
        _, _, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
        stream = found.setdefault((ssrc, way, point), RtpStream(ssrc, way, point))
        stream.times_ns.append(time_ns)
        stream.sequences.append(sequence)
        stream.timestamps.append(timestamp)
        stream.packets.append(data)
        stream.sizes_bytes.append(size_bytes)
    return list(found.values())
