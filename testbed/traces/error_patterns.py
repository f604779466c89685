"""Frame erasure patterns as ITU-T G.192 has them, and their byte-oriented variant.

A pattern has a 16-bit word for each frame, 0x6B21 for a good one and 0x6B20 for one to erase (G.192, annex B;
the tools of G.191 write the machine's byte order, so both are read, and little-endian is written). The
byte-oriented variant of G.191's `gen-patt` and `eid-xor` keeps the words' lower bytes, 0x21 and 0x20.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from testbed.channels.trace_file import MAX_PACKETS
from testbed.errors import ChannelError
from testbed.files import written_whole
from testbed.traces.format import Choice, Format
from testbed.traces.recording import Recording

GOOD, ERASED = 0x6B21, 0x6B20
_SOFT_BITS = (0x007F, 0x0081)


def _order(content: bytes) -> str | None:
    return {b"\x21\x6b": "<", b"\x20\x6b": "<", b"\x6b\x21": ">", b"\x6b\x20": ">"}.get(content[:2])


def read_words(content: bytes, where: str, _: Choice) -> Recording:
    """Read 16-bit words of either byte order, told by the first."""
    order = _order(content)
    if order is None:
        if content[:2] in (b"\x7f\x00", b"\x81\x00", b"\x00\x7f", b"\x00\x81"):
            raise ChannelError(f"{where}: is a pattern of bit errors; packets need one of frame erasures")
        raise ChannelError(f"{where}: should begin with a word 0x6B21 (good) or 0x6B20 (erased)")
    if len(content) % 2:
        raise ChannelError(f"{where}: byte {len(content) - 1}: ends inside a 16-bit word")
    return _recording(np.frombuffer(content, f"{order}u2"), GOOD, where)


def read_bytes(content: bytes, where: str, _: Choice) -> Recording:
    """Read one byte a frame."""
    if not content:
        raise ChannelError(f"{where}: is empty: expected a byte 0x21 (good) or 0x20 (erased) for each frame")
    return _recording(np.frombuffer(content, np.uint8), GOOD & 0xFF, where)


def _recording(values: NDArray[np.unsignedinteger], good: int, where: str) -> Recording:
    if len(values) > MAX_PACKETS:
        raise ChannelError(f"{where}: has more than {MAX_PACKETS} frames")
    wrong = (values != good) & (values != good - 1)
    if wrong.any():
        place = int(np.argmax(wrong))
        value = int(values[place])
        hint = " (a soft bit: frames with their bits are no error pattern)" if value in _SOFT_BITS else ""
        raise ChannelError(
            f"{where}: byte {place * values.itemsize}: 0x{value:X} is neither 0x{good:X} (good) "
            f"nor 0x{good - 1:X} (erased){hint}"
        )
    return Recording(values != good)


def write_words(path: Path, recording: Recording) -> None:
    """Write a little-endian word a packet."""
    _write(path, np.where(recording.lost, ERASED, GOOD).astype("<u2").tobytes())


def write_bytes(path: Path, recording: Recording) -> None:
    """Write a byte a packet."""
    _write(path, np.where(recording.lost, ERASED & 0xFF, GOOD & 0xFF).astype(np.uint8).tobytes())


def _write(path: Path, content: bytes) -> None:
    with written_whole(path) as temporary:
        temporary.write_bytes(content)


WORDS = Format(
    name="g192",
    about="ITU-T G.192 error pattern: a 16-bit word for each packet, 0x6B21 good, 0x6B20 lost",
    suffixes=(".g192",),
    keeps="losses",
    recognises=lambda content: _order(content) is not None,
    read=read_words,
    write=write_words,
)
BYTES = Format(
    name="g192_bytes",
    about="its byte-oriented variant: 0x21 good, 0x20 lost",
    suffixes=(".ep", ".g192b"),
    keeps="losses",
    recognises=lambda content: b"\x21" in content and not content[:4096].strip(b"\x20\x21"),
    read=read_bytes,
    write=write_bytes,
)
