"""The transport-wide sequence number in an RTP header extension.

The extension is defined by draft-holmer-rmcat-transport-wide-cc-extensions-01, section 2. It has the one-byte
form of RFC 8285, section 4.2: 4 bytes of extension header, then id and length in one byte, the number in two,
and one byte of padding.
"""

import struct

from testbed.codecs.rtp.packet import RTP_HEADER_BYTES
from testbed.errors import CodecError

EXTENSION_BYTES = 8
"""Size of the extension in every packet on the wire."""
TRANSPORT_SEQUENCE_ID = 5

_ONE_BYTE_PROFILE = 0xBEDE
_EXTENSION_BIT = 0x10
_HEAD = struct.Struct("!HH")


def with_transport_sequence(rtp: bytes, sequence: int, extension_id: int = TRANSPORT_SEQUENCE_ID) -> bytes:
    """Return an RTP packet with the extension added.

    Parameters
    ----------
    rtp
        A packet without header extension, as `testbed.codecs.rtp.packet.RtpPacket.serialize` writes it.
    sequence
        Counts all packets of the transport, modulo 2**16.
    extension_id
        As negotiated, 1 to 14.

    Raises
    ------
    CodecError
        If the packet has an extension or is too short, or a number does not fit.
    """
    if not 0 <= sequence <= 0xFFFF or not 1 <= extension_id <= 14:
        raise CodecError(
            f"transport-wide sequence {sequence} with extension id {extension_id}: must be 0 to 65535, and "
            "1 to 14"
        )
    start = _extension_start(rtp)
    if rtp[0] & _EXTENSION_BIT:
        raise CodecError("this RTP packet already has a header extension")
    element = struct.pack("!BHB", extension_id << 4 | 1, sequence, 0)
    head = bytes((rtp[0] | _EXTENSION_BIT,)) + rtp[1:start]
    return head + _HEAD.pack(_ONE_BYTE_PROFILE, 1) + element + rtp[start:]


def transport_sequence(rtp: bytes, extension_id: int = TRANSPORT_SEQUENCE_ID) -> int | None:
    """Return the transport-wide sequence number of an RTP packet, or None if it has none.

    Raises
    ------
    CodecError
        If the packet ends inside its header.
    """
    position = _extension_start(rtp)
    if not rtp[0] & _EXTENSION_BIT:
        return None
    if position + _HEAD.size > len(rtp):
        raise CodecError(f"RTP packet of {len(rtp)} bytes ends inside its header extension")
    profile, words = _HEAD.unpack_from(rtp, position)
    position += _HEAD.size
    end = position + 4 * words
    if end > len(rtp):
        raise CodecError(f"RTP header extension of {words} words in a packet of {len(rtp)} bytes")
    if profile != _ONE_BYTE_PROFILE:
        return None
    while position < end:
        identity, length = rtp[position] >> 4, (rtp[position] & 0x0F) + 1
        if identity == 0:
            position += 1
            continue
        if identity == 15:
            return None
        if position + 1 + length > end:
            raise CodecError(f"RTP header extension element {identity} of {length} bytes is cut off")
        if identity == extension_id:
            if length != 2:
                raise CodecError(f"transport-wide sequence number of {length} bytes: must be 2")
            return int.from_bytes(rtp[position + 1 : position + 3], "big")
        position += 1 + length
    return None


def _extension_start(rtp: bytes) -> int:
    if len(rtp) < RTP_HEADER_BYTES or rtp[0] >> 6 != 2:
        raise CodecError(f"{len(rtp)} bytes are not an RTP packet of version 2")
    start = RTP_HEADER_BYTES + 4 * (rtp[0] & 0x0F)
    if start > len(rtp):
        raise CodecError(f"RTP packet of {len(rtp)} bytes announces {rtp[0] & 0x0F} contributing sources")
    return start
