"""Frame erasure patterns of ITU-T G.192, and their byte-oriented variant.

A pattern has a 16-bit word for each frame, 0x6B21 for a good one and 0x6B20 for one to erase (G.192, annex B;
the tools of G.191 write the machine's byte order, so both are read). The byte-oriented variant of G.191's
`gen-patt` and `eid-xor` keeps the words' lower bytes, 0x21 and 0x20.
"""

import numpy as np
from numpy.typing import NDArray

from testbed.channels.recordings.parts import MAX_PACKETS, LossTrace
from testbed.errors import ChannelError

GOOD, ERASED = 0x6B21, 0x6B20
_SOFT_BITS = (0x007F, 0x0081)
_LARGEST_FRAME = 20_000
_ORDERS = {b"\x21\x6b": "<", b"\x20\x6b": "<", b"\x6b\x21": ">", b"\x6b\x20": ">"}


def parse_words(content: bytes, where: str) -> LossTrace:
    """Return the trace of 16-bit words; the first shows the byte order, `where` names the file in errors."""
    order = _ORDERS.get(content[:2])
    if order is None:
        if content[:2] in (b"\x7f\x00", b"\x81\x00", b"\x00\x7f", b"\x00\x81"):
            raise ChannelError(f"{where}: is a pattern of bit errors; packets need one of frame erasures")
        raise ChannelError(f"{where}: should begin with a word 0x6B21 (good) or 0x6B20 (erased)")
    if len(content) % 2:
        raise ChannelError(f"{where}: byte {len(content) - 1}: ends inside a 16-bit word")
    words = np.frombuffer(content, f"{order}u2")
    if len(words) > 2 and words[1] <= _LARGEST_FRAME and words[2] in (*_SOFT_BITS, 0):
        raise ChannelError(
            f"{where}: is a bitstream of G.192 (each frame a sync word, its length and its soft bits), "
            "not an error pattern"
        )
    return _trace(words, GOOD, where)


def parse_bytes(content: bytes, where: str) -> LossTrace:
    """Return the trace of one byte per frame."""
    if not content:
        raise ChannelError(f"{where}: is empty: expected a byte 0x21 (good) or 0x20 (erased) for each frame")
    return _trace(np.frombuffer(content, np.uint8), GOOD & 0xFF, where)


def _trace(values: NDArray[np.unsignedinteger], good: int, where: str) -> LossTrace:
    if len(values) > MAX_PACKETS:
        raise ChannelError(f"{where}: has more than {MAX_PACKETS} frames")
    wrong = (values != good) & (values != good - 1)
    if wrong.any():
        place = int(np.argmax(wrong))
        value = int(values[place])
        hint = " (a soft bit: a bitstream, not an error pattern)" if value in _SOFT_BITS else ""
        raise ChannelError(
            f"{where}: byte {place * values.itemsize}: 0x{value:X} is neither 0x{good:X} (good) "
            f"nor 0x{good - 1:X} (erased){hint}"
        )
    return LossTrace((values != good).astype(np.uint8).tobytes())
