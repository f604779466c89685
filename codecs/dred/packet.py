"""Finds, removes and adds the DRED of an Opus packet: an extension in its padding."""

from testbed.codecs.opus import packet as opus_packet
from testbed.codecs.opus.extensions import extensions
from testbed.codecs.opus.packet import (
    DRED_EXPERIMENTAL_VERSIONS,
    DRED_IDENTIFIER,
    MAX_FRAME_BYTES,
    OWN_VERSIONS,
    CarriedDred,
    OpusPacket,
)
from testbed.errors import CodecError

_EVERY_VERSION = (*DRED_EXPERIMENTAL_VERSIONS, *OWN_VERSIONS)
_HAS_PADDING, _HAS_LENGTHS = 0x40, 0x80


def find(packet: bytes) -> CarriedDred | None:
    """Return the DRED of a packet, if there is any, of libopus's versions or of a network of one's own.

    Raises
    ------
    CodecError
        If the packet is no Opus packet, or its padding is damaged.
    """
    return opus_packet.carried_dred(opus_packet.parse(packet), _EVERY_VERSION)


def remove(packet: bytes) -> bytes:
    """Return the packet without its padding, and so without extensions, in its shortest framing.

    Raises
    ------
    CodecError
        If the packet is no Opus packet.
    """
    return _frame(packet, opus_packet.parse(packet), b"")


def add(packet: bytes, payload: bytes) -> bytes:
    """Return the packet with DRED as its only extension; it replaces all padding.

    Parameters
    ----------
    packet
        An Opus packet of one or more frames; DRED belongs to the first.
    payload
        DRED as `testbed.codecs.dred.payload.write` returns it.

    Raises
    ------
    CodecError
        If the packet is no Opus packet, or carries other extensions, which would be lost.
    """
    taken = opus_packet.parse(packet)
    others = {e.identifier for e in extensions(taken.padding, len(taken.frames))} - {DRED_IDENTIFIER}
    if others:
        raise CodecError(f"a packet with extensions {sorted(others)} cannot take DRED without losing them")
    # A long extension that takes all that is left: its L bit is 0, and no length follows.
    return _frame(packet, taken, bytes([DRED_IDENTIFIER << 1]) + payload)


def _frame(packet: bytes, taken: OpusPacket, padding: bytes) -> bytes:
    """Return the packet with new framing (RFC 6716, section 3.2) around the same frames."""
    toc, frames = packet[0] & 0xFC, taken.frames
    sizes = [len(frame) for frame in frames]
    if max(sizes) > MAX_FRAME_BYTES:
        raise CodecError(f"an Opus frame of {max(sizes)} bytes: at most {MAX_FRAME_BYTES}")
    equal = len(set(sizes)) == 1
    body = b"".join(frames)
    if not padding and len(frames) == 1:
        return bytes([toc]) + body
    if not padding and len(frames) == 2:
        return bytes([toc | 1]) + body if equal else bytes([toc | 2]) + _size(sizes[0]) + body
    count = len(frames) | (_HAS_PADDING if padding else 0) | (0 if equal else _HAS_LENGTHS)
    lengths = b"" if equal else b"".join(_size(size) for size in sizes[:-1])
    return bytes([toc | 3, count]) + _padding_size(len(padding)) + lengths + body + padding


def _size(size: int) -> bytes:
    """Write a frame's size (section 3.2.1)."""
    return bytes([size]) if size < 252 else bytes([252 + size % 4, (size - 252) // 4])


def _padding_size(size: int) -> bytes:
    """Write the size of the padding (section 3.2.5): 254 in each byte of 255."""
    if size == 0:
        return b""
    full = (size - 1) // 254
    return b"\xff" * full + bytes([size - 254 * full])
