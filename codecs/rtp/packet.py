"""RTP packets (RFC 3550, section 5.1), written and read.

Payload types are the two that WebRTC commonly negotiates for Opus (RFC 7587) and for RED (RFC 2198); both run
on a 48 kHz clock, independent of the sampling rate of the speech.
"""

import struct
from dataclasses import dataclass

from testbed.errors import CodecError

RTP_HEADER_BYTES = 12
UDP_HEADER_BYTES = 8
IPV4_HEADER_BYTES = 20
WIRE_HEADER_BYTES = RTP_HEADER_BYTES + UDP_HEADER_BYTES + IPV4_HEADER_BYTES

OPUS_PAYLOAD_TYPE = 111
RED_PAYLOAD_TYPE = 63
CLOCK_HZ = 48_000

_FIXED = struct.Struct("!BBHII")
_EXTENSION = struct.Struct("!HH")
_VERSION_BITS = 0x80


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One RTP packet.

    Attributes
    ----------
    payload_type
        Payload type, 0 to 127.
    sequence
        Counts packets modulo 2**16.
    timestamp
        Media time of the payload's first sample in units of the 48 kHz clock, modulo 2**32.
    ssrc
        The stream's identity, 32 bits.
    payload
        The bytes after the header, without padding.
    marker
        The marker bit; for audio, it marks the first packet after a silence that was not sent (RFC 3551,
        section 4.1).
    """

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False

    def serialize(self) -> bytes:
        """Return the packet's bytes: version 2, no padding, no contributing sources, no header extension.

        Raises
        ------
        CodecError
            If a field does not fit into its bits.
        """
        if not 0 <= self.payload_type <= 127:
            raise CodecError(f"RTP payload type {self.payload_type}: must be 0 to 127")
        second = self.payload_type | 0x80 if self.marker else self.payload_type
        try:
            return _FIXED.pack(_VERSION_BITS, second, self.sequence, self.timestamp, self.ssrc) + self.payload
        except struct.error:
            raise CodecError(
                f"RTP sequence {self.sequence}, timestamp {self.timestamp} or ssrc {self.ssrc} does not fit: "
                "must be 0 to 65535, and 0 to 4294967295 for the other two"
            ) from None

    @classmethod
    def parse(cls, data: bytes) -> "RtpPacket":
        """Read one packet; contributing sources, header extension and padding are checked and skipped.

        Parameters
        ----------
        data
            One UDP datagram's payload.

        Raises
        ------
        CodecError
            If this is not RTP version 2, or a length points beyond the data.
        """
        if len(data) < RTP_HEADER_BYTES:
            raise CodecError(
                f"RTP packet of {len(data)} bytes: the fixed header alone has {RTP_HEADER_BYTES}"
            )
        first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(data)
        if first == _VERSION_BITS:
            start, end = RTP_HEADER_BYTES, len(data)
        else:
            start, end = _payload_bounds(data, first)
        return cls(second & 0x7F, sequence, timestamp, ssrc, data[start:end], second >= 0x80)


def _payload_bounds(data: bytes, first: int) -> tuple[int, int]:
    """Return start and end of the payload, for a header with more than its fixed part."""
    if first >> 6 != 2:
        raise CodecError(f"RTP version {first >> 6}: only version 2 is known")
    start, end = RTP_HEADER_BYTES + 4 * (first & 0x0F), len(data)
    if start > end:
        raise CodecError(f"RTP packet of {end} bytes announces {first & 0x0F} contributing sources")
    if first & 0x10:
        if start + _EXTENSION.size > end:
            raise CodecError(f"RTP packet of {end} bytes ends inside its header extension")
        _, words = _EXTENSION.unpack_from(data, start)
        start += _EXTENSION.size + 4 * words
        if start > end:
            raise CodecError(f"RTP header extension of {words} words in a packet of {end} bytes")
    if first & 0x20:
        padding = data[-1]
        if padding == 0 or start + padding > end:
            raise CodecError(
                f"RTP padding of {padding} bytes where at most {end - start} can be, and at least 1"
            )
        end -= padding
    return start, end
