"""Common parts of RTCP packets: the 4-byte header (RFC 3550, section 6.4.1), NTP time, 16-bit sequences."""

import struct
from dataclasses import dataclass

from testbed.errors import CodecError

HEADER_BYTES = 4
SENDER_REPORT_TYPE = 200
RECEIVER_REPORT_TYPE = 201
TRANSPORT_FEEDBACK_TYPE = 205
"""RTPFB of RFC 4585, section 6.2: the header's 5-bit count holds the message format."""

NTP_SECONDS_AT_ZERO = 3_913_056_000
"""NTP time at which simulated time begins, so that no report has the timestamp 0, which means "none"."""

_HEADER = struct.Struct("!BBH")
_VERSION_BITS = 0x80
_PADDING_BIT = 0x20


@dataclass(frozen=True, slots=True)
class RtcpPart:
    """One packet of a compound packet, with its length checked and its padding removed.

    Attributes
    ----------
    count
        The header's 5-bit field: report count or feedback message type.
    packet_type
        The header's packet type, 0 to 255.
    body
        The bytes after the header, without padding.
    """

    count: int
    packet_type: int
    body: bytes


def serialize_part(count: int, packet_type: int, body: bytes) -> bytes:
    """Put a header before a body of whole 32-bit words.

    Raises
    ------
    CodecError
        If the body is not a whole number of words, or too long for the 16-bit length.
    """
    words, rest = divmod(len(body), 4)
    if rest or words > 0xFFFF:
        raise CodecError(
            f"RTCP body of {len(body)} bytes: must be a whole number of 32-bit words, at most {0xFFFF}"
        )
    if not 0 <= count <= 31 or not 0 <= packet_type <= 255:
        raise CodecError(f"RTCP count {count} or packet type {packet_type}: must be 0 to 31, and 0 to 255")
    return _HEADER.pack(_VERSION_BITS | count, packet_type, words) + body


def split(data: bytes) -> list[RtcpPart]:
    """Split a compound packet; one that does not begin with a report is valid, too (RFC 5506).

    Raises
    ------
    CodecError
        If the data are empty or not RTCP version 2, or a length points beyond them.
    """
    if not data:
        raise CodecError("RTCP packet of 0 bytes: a header alone has 4")
    parts: list[RtcpPart] = []
    position = 0
    while position < len(data):
        left = len(data) - position
        if left < HEADER_BYTES:
            raise CodecError(f"RTCP packet {len(parts)} of a compound has {left} bytes: a header alone has 4")
        first, packet_type, words = _HEADER.unpack_from(data, position)
        if first >> 6 != 2:
            raise CodecError(f"RTCP version {first >> 6}: only version 2 is known")
        start, end = position + HEADER_BYTES, position + HEADER_BYTES + 4 * words
        if end > len(data):
            raise CodecError(
                f"RTCP packet {len(parts)} of a compound announces {words} words after its header where "
                f"{left - HEADER_BYTES} bytes are left"
            )
        position = end
        if first & _PADDING_BIT:
            padding = data[end - 1] if words else 0
            if padding == 0 or padding > end - start:
                raise CodecError(
                    f"RTCP padding of {padding} bytes where at most {end - start} can be, and at least 1"
                )
            end -= padding
        parts.append(RtcpPart(first & 0x1F, packet_type, data[start:end]))
    return parts


def ntp64(time_ns: int) -> int:
    """Return simulated time as a 64-bit NTP timestamp: 32 bits of seconds, 32 of fraction."""
    return (NTP_SECONDS_AT_ZERO << 32) + (time_ns << 32) // 1_000_000_000 & 0xFFFF_FFFF_FFFF_FFFF


def ntp32(time_ns: int) -> int:
    """Return the middle 32 bits of the NTP timestamp: units of 1/65536 s, modulo 18.2 hours."""
    return ntp64(time_ns) >> 16 & 0xFFFF_FFFF


def unwrap(value: int, near: int, bits: int = 16) -> int:
    """Return the number nearest to `near` that equals `value` modulo ``2**bits``."""
    size = 1 << bits
    return near + ((value - near + size // 2) % size) - size // 2
