"""Finds the extensions in an Opus packet's padding (draft-ietf-mlcodec-opus-extension), such as DRED.

The padding is a sequence of extensions. Each starts with a byte of a 7-bit identifier and a flag L:
identifiers 3 to 31 have L bytes of payload, 32 to 127 a length in bytes of up to 255 (L=1) or all that is
left (L=0). Identifier 0 is padding, 1 selects a later frame of the packet, 2 repeats the last extensions'
headers for all later frames.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from testbed.errors import CodecError

MAX_EXTENSIONS = 480
"""Most extensions in a packet: ten for each of 48 frames. Repeats of empty ones take time, but no bytes."""

_PADDING, _SEPARATOR, _REPEAT, _FIRST_LONG = 0, 1, 2, 32


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension.

    Attributes
    ----------
    identifier
        3 to 127.
    frame
        The packet's Opus frame that it belongs to, from 0.
    start
        Its start in the padding, header included.
    payload_start
        Start of its payload.
    end
        Its end.
    """

    identifier: int
    frame: int
    start: int
    payload_start: int
    end: int


def extensions(padding: bytes, frames: int) -> Iterator[Extension]:
    """Yield the extensions of a packet's padding in the order sent.

    Parameters
    ----------
    padding
        The packet's padding without its length.
    frames
        Opus frames in the packet.

    Raises
    ------
    CodecError
        If an extension exceeds the padding or belongs to a missing frame, or if there are more than
        `MAX_EXTENSIONS`.
    """
    for count, extension in enumerate(_walk(padding, frames)):
        if count == MAX_EXTENSIONS:
            raise CodecError(f"Opus packet of more than {MAX_EXTENSIONS} extensions")
        yield extension


def _walk(padding: bytes, frames: int) -> Iterator[Extension]:
    position, frame = 0, 0
    repeatable: list[int] = []  # header bytes since the last separator
    short_after_long = 0  # payload bytes of short extensions after the last long one
    while position < len(padding):
        start, header = position, padding[position]
        identifier, flag = header >> 1, header & 1
        payload_start, position = _payload(padding, start + 1, header, reserved=0)
        if identifier == _SEPARATOR:
            step = padding[payload_start] if flag else 1
            if step == 0:
                continue
            frame += step
            if frame >= frames:
                raise CodecError(f"Opus extension at byte {start} is for frame {frame} of {frames}")
            repeatable, short_after_long = [], 0
        elif identifier == _REPEAT:
            longs = [index for index, kept in enumerate(repeatable) if kept >> 1 >= _FIRST_LONG]
            for later in range(frame + 1, frames):
                for index, kept in enumerate(repeatable):
                    # Without L, the very last long payload takes all that the short ones after it leave.
                    takes_rest = flag == 0 and later == frames - 1 and longs and index == longs[-1]
                    repeated = kept & ~1 if takes_rest else kept
                    start = position
                    payload_start, position = _payload(padding, start, repeated, short_after_long)
                    yield Extension(repeated >> 1, later, start, payload_start, position)
            repeatable = []
            if flag == 0:
                frame += 1
                if frame >= frames:
                    return
        elif identifier != _PADDING:
            repeatable.append(header)
            short_after_long = 0 if identifier >= _FIRST_LONG else short_after_long + flag
            yield Extension(identifier, frame, start, payload_start, position)


def _payload(padding: bytes, position: int, header: int, reserved: int) -> tuple[int, int]:
    """Return start and end of an extension's payload; `position` follows its header byte."""
    identifier, flag = header >> 1, header & 1
    left = len(padding) - position
    if identifier == _REPEAT or (identifier == _PADDING and flag):
        return position, position
    if _PADDING < identifier < _FIRST_LONG:
        length, position_after = flag, position
    elif flag == 0:
        length, position_after = left - reserved, position
    else:
        length, position_after = 0, position
        while True:
            if position_after >= len(padding):
                raise CodecError(f"Opus extension {identifier} ends inside its length")
            lacing = padding[position_after]
            position_after += 1
            length += lacing
            if lacing < 255:
                break
    end = position_after + length
    if length < 0 or end > len(padding):
        raise CodecError(f"Opus extension {identifier} needs {length} bytes where {left} are left")
    return position_after, end
