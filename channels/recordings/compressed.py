"""Compressed recordings: gzip (RFC 1952) is unpacked within bounds, other compressions are refused."""

import zlib

from testbed.errors import ChannelError

_GZIP = b"\x1f\x8b"
_OTHERS = {
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"PK\x03\x04": "zip",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
}
_MAX_MEMBERS = 100_000
_CHUNK_BYTES = 1 << 16


def unpacked(content: bytes, where: str, max_bytes: int) -> bytes:
    """Return the content of a file, unpacked if it is compressed with gzip.

    Parameters
    ----------
    content
        The file's bytes.
    where
        The file's name, for errors.
    max_bytes
        Largest size unpacked.

    Raises
    ------
    ChannelError
        The file is broken, ends early, holds more than `max_bytes`, or has another compression.
    """
    for magic, name in _OTHERS.items():
        if content.startswith(magic):
            raise ChannelError(f"{where}: is compressed with {name}; only gzip can be read: unpack it first")
    if not content.startswith(_GZIP):
        return content
    parts: list[bytes] = []
    position, left = 0, max_bytes
    for _ in range(_MAX_MEMBERS):
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            chunk = content[position : position + _CHUNK_BYTES]
            if not chunk:
                raise ChannelError(
                    f"{where}: the gzip file ends early: it was cut; `zcat` extracts the part that is there"
                )
            try:
                parts.append(member.decompress(chunk, left + 1))
            except zlib.error as error:
                raise ChannelError(f"{where}: is a damaged gzip file: {error}") from None
            left -= len(parts[-1])
            if left < 0:
                raise ChannelError(f"{where}: is larger than {max_bytes // 2**20} MiB when unpacked")
            position += len(chunk) - len(member.unused_data)
        if not content.startswith(_GZIP, position):  # Padding may follow the last member.
            inside = b"".join(parts)
            if inside.startswith(_GZIP):
                raise ChannelError(f"{where}: is compressed with gzip twice: unpack it once, as with `zcat`")
            return inside
    raise ChannelError(f"{where}: has more than {_MAX_MEMBERS} gzip members")
