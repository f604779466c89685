"""Ogg (RFC 3533): pages, and the packets of their logical streams."""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from testbed.errors import ChannelError

MAGIC = b"OggS"
NO_PACKET_ENDS = -1
_PAGE = struct.Struct("<4sBBqIIIB")
_CHECKSUM = slice(22, 26)
_CONTINUED, _FIRST, _GOES_ON = 1, 2, 255
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Page(NamedTuple):
    """One page of a logical stream.

    Attributes
    ----------
    serial
        Number of the logical stream.
    is_first
        Whether the stream begins here.
    granule
        The position at the end of the last packet that ends here, or `NO_PACKET_ENDS`.
    packets
        The packets that end here, whole; one whose beginning is missing is left out.
    """

    serial: int
    is_first: bool
    granule: int
    packets: list[bytes]


def pages(content: bytes, where: str, notes: list[str]) -> Iterator[Page]:
    """Yield the pages of a file.

    Parameters
    ----------
    content
        The file's bytes.
    where
        Its name, for errors.
    notes
        Gets a note where a file was cut.

    Raises
    ------
    ChannelError
        Bytes between pages, or a damaged page; the message says at which byte.
    """
    begun: dict[int, bytearray] = {}
    position = 0
    while position < len(content):
        if not MAGIC.startswith(content[position : position + len(MAGIC)]):
            raise ChannelError(f"{where}: byte {position}: no page of Ogg begins here")
        start = position + _PAGE.size
        sizes = content[start : start + content[start - 1]] if start <= len(content) else b""
        body = start + len(sizes)
        end = body + sum(sizes)
        if start > len(content) or len(sizes) < content[start - 1] or end > len(content):
            notes.append(f"byte {position}: the file ends inside a page: it was cut")
            return
        _, version, flags, granule, serial, _, checksum, _ = _PAGE.unpack_from(content, position)
        if version:
            raise ChannelError(f"{where}: byte {position}: a page of Ogg's version {version}; known is 0")
        if _checksum(content[position:end]) != checksum:
            raise ChannelError(f"{where}: byte {position}: a page of Ogg is damaged: its checksum is wrong")
        parts = list(_parts(sizes, content, body))
        waiting = begun.pop(serial, None)
        if flags & _CONTINUED and waiting is not None:
            parts[0] = waiting + parts[0]
        if parts and sizes[-1] == _GOES_ON:
            last = parts.pop()
            if parts or not flags & _CONTINUED or waiting is not None:
                begun[serial] = bytearray(last)
        if flags & _CONTINUED and waiting is None:
            del parts[:1]
        yield Page(serial, bool(flags & _FIRST), granule, list(map(bytes, parts)))
        position = end


def _parts(sizes: bytes, content: bytes, start: int) -> Iterator[bytes | bytearray]:
    """Yield the packets on a page; the last continues on the next page if its last segment has 255 bytes."""
    end = start
    for number, size in enumerate(sizes):
        end += size
        if size < _GOES_ON or number == len(sizes) - 1:
            yield content[start:end]
            start = end


def _checksum(page: bytes) -> int:
    """Return a page's CRC, computed with its own field at 0: zlib's CRC with all bits reversed."""
    blank = page[: _CHECKSUM.start] + bytes(4) + page[_CHECKSUM.stop :]
    mirrored = zlib.crc32(blank.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
