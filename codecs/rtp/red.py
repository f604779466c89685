"""Redundant audio data (RFC 2198): several encoded frames in one RTP payload, the newest last.

Every redundant block has a 4-byte header: its payload type (7 bits), its timestamp offset before the
primary (14 bits of the RTP clock) and its length (10 bits). The primary has a header of one byte and takes
the rest.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from testbed.codecs.rtp.packet import CLOCK_HZ
from testbed.errors import CodecError

BLOCK_HEADER_BYTES = 4
PRIMARY_HEADER_BYTES = 1
MAX_TIMESTAMP_OFFSET = (1 << 14) - 1
MAX_BLOCK_BYTES = (1 << 10) - 1
MAX_PAYLOAD_TYPE = (1 << 7) - 1
MAX_DISTANCE_MS: float = 1000 * MAX_TIMESTAMP_OFFSET / CLOCK_HZ
"""Longest distance of a redundant block from its packet, on the 48 kHz clock: 341.3 ms."""

_WORD = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class RedBlock:
    """One redundant block.

    Attributes
    ----------
    payload_type
        Payload type of `data`, 0 to 127.
    timestamp_offset
        RTP timestamp of the packet minus the block's, 0 to 16383.
    data
        At most 1023 bytes; may be empty.
    """

    payload_type: int
    timestamp_offset: int
    data: bytes


def serialize(redundant: Sequence[RedBlock], primary_type: int, primary: bytes) -> bytes:
    """Return a RED payload with redundant blocks and the primary.

    Parameters
    ----------
    redundant
        Blocks in the order in which they are sent (by custom, oldest first).
    primary_type
        Payload type of the primary, 0 to 127.
    primary
        The newest frame, of any length.

    Raises
    ------
    CodecError
        If a field does not fit into its bits.
    """
    parts = []
    for index, block in enumerate(redundant):
        _check_block(index, block)
        word = 1 << 31 | block.payload_type << 24 | block.timestamp_offset << 10 | len(block.data)
        parts.append(_WORD.pack(word))
    if not 0 <= primary_type <= MAX_PAYLOAD_TYPE:
        raise CodecError(f"RED primary: payload type {primary_type} must be 0 to {MAX_PAYLOAD_TYPE}")
    parts.append(bytes((primary_type,)))
    parts.extend(block.data for block in redundant)
    parts.append(primary)
    return b"".join(parts)


def parse(payload: bytes) -> tuple[list[RedBlock], int, bytes]:
    """Read a RED payload.

    Returns
    -------
    tuple
        The redundant blocks in the order sent, the primary's payload type, and the primary.

    Raises
    ------
    CodecError
        If the payload ends inside a header or a block.
    """
    headers: list[tuple[int, int, int]] = []
    position = 0
    while position < len(payload) and payload[position] & 0x80:
        if position + BLOCK_HEADER_BYTES > len(payload):
            raise CodecError(
                f"RED payload of {len(payload)} bytes ends inside the header of block {len(headers)}"
            )
        (word,) = _WORD.unpack_from(payload, position)
        headers.append((word >> 24 & 0x7F, word >> 10 & MAX_TIMESTAMP_OFFSET, word & MAX_BLOCK_BYTES))
        position += BLOCK_HEADER_BYTES
    if position >= len(payload):
        raise CodecError(
            f"RED payload of {len(payload)} bytes has no primary header after {len(headers)} blocks"
        )
    primary_type = payload[position]
    position += PRIMARY_HEADER_BYTES
    blocks = []
    for index, (payload_type, timestamp_offset, length) in enumerate(headers):
        if position + length > len(payload):
            raise CodecError(
                f"RED block {index} announces {length} bytes where {len(payload) - position} are left"
            )
        blocks.append(RedBlock(payload_type, timestamp_offset, payload[position : position + length]))
        position += length
    return blocks, primary_type, payload[position:]


def _check_block(index: int, block: RedBlock) -> None:
    if not 0 <= block.payload_type <= MAX_PAYLOAD_TYPE:
        raise CodecError(
            f"RED block {index}: payload type {block.payload_type} must be 0 to {MAX_PAYLOAD_TYPE}"
        )
    if not 0 <= block.timestamp_offset <= MAX_TIMESTAMP_OFFSET:
        raise CodecError(
            f"RED block {index}: timestamp offset {block.timestamp_offset} does not fit into 14 bits; at "
            f"most {MAX_TIMESTAMP_OFFSET}: {MAX_DISTANCE_MS:.1f} ms of the {CLOCK_HZ // 1000} kHz clock"
        )
    if len(block.data) > MAX_BLOCK_BYTES:
        raise CodecError(
            f"RED block {index}: {len(block.data)} bytes do not fit into its 10-bit length; at most "
            f"{MAX_BLOCK_BYTES}"
        )
