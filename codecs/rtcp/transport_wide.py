"""Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3).

A message covers consecutive sequence numbers. For each it holds whether the packet arrived, and when: the
difference to the previous arrival in units of 250 us, in one byte if it fits, else in two with sign.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from testbed.codecs.rtcp.header import TRANSPORT_FEEDBACK_TYPE, serialize_part
from testbed.errors import CodecError

MESSAGE_TYPE = 15
TICK_NS = 250_000
REFERENCE_TICKS = 256
"""Ticks in one unit, 64 ms, of the reference time."""
REFERENCE_BITS = 24
MAX_STATUSES = 0xFFFF

NOT_RECEIVED, SMALL_DELTA, LARGE_DELTA = 0, 1, 2
_FIXED = struct.Struct("!IIHHI")
_MAX_RUN = 0x1FFF


@dataclass(frozen=True, slots=True)
class TransportFeedback:
    """One message.

    Attributes
    ----------
    sender_ssrc, media_ssrc
        SSRC of the reporting receiver, and of a stream that the report is about.
    base_sequence
        Sequence number of the first packet, 0 to 65535.
    reference
        Reference time in units of 64 ms, modulo 2**24.
    feedback_count
        Counts the messages modulo 256, so that a lost one is noticed.
    arrivals
        For each packet from `base_sequence` on, its arrival in ticks of 250 us after the reference time, or
        None if it had not arrived. Each differs from the previous one by at most 16 bits with sign.
    """

    sender_ssrc: int
    media_ssrc: int
    base_sequence: int
    reference: int
    feedback_count: int
    arrivals: tuple[int | None, ...]

    def serialize(self) -> bytes:
        """Return the packet's bytes, with zeros up to a whole word.

        Raises
        ------
        CodecError
            If there are no or too many packets, or a field or difference does not fit into its bits.
        """
        if not 1 <= len(self.arrivals) <= MAX_STATUSES:
            raise CodecError(
                f"transport-wide feedback on {len(self.arrivals)} packets: must be 1 to {MAX_STATUSES}"
            )
        symbols, deltas, before = [], [], 0
        for ticks in self.arrivals:
            if ticks is None:
                symbols.append(NOT_RECEIVED)
                continue
            delta, before = ticks - before, ticks
            if 0 <= delta <= 0xFF:
                symbols.append(SMALL_DELTA)
                deltas.append(struct.pack("!B", delta))
            elif -0x8000 <= delta <= 0x7FFF:
                symbols.append(LARGE_DELTA)
                deltas.append(struct.pack("!h", delta))
            else:
                raise CodecError(
                    f"transport-wide feedback: arrivals {delta * TICK_NS / 1e6:g} ms apart do not fit into "
                    "one message: at most 8191.75 ms"
                )
        if not 0 <= self.reference < 1 << REFERENCE_BITS or not 0 <= self.feedback_count <= 0xFF:
            raise CodecError(
                f"transport-wide feedback: reference time {self.reference} or feedback count "
                f"{self.feedback_count} does not fit into 24 and 8 bits"
            )
        try:
            fixed = _FIXED.pack(
                self.sender_ssrc,
                self.media_ssrc,
                self.base_sequence,
                len(self.arrivals),
                self.reference << 8 | self.feedback_count,
            )
        except struct.error:
            raise CodecError(
                f"transport-wide feedback: ssrc {self.sender_ssrc}, ssrc {self.media_ssrc} or base sequence "
                f"{self.base_sequence} does not fit into 32, 32 and 16 bits"
            ) from None
        body = fixed + b"".join((*_chunks(symbols), *deltas))
        return serialize_part(MESSAGE_TYPE, TRANSPORT_FEEDBACK_TYPE, body + bytes(-len(body) % 4))

    @classmethod
    def parse(cls, body: bytes) -> "TransportFeedback":
        """Read a message's body.

        Raises
        ------
        CodecError
            If it ends inside its chunks or differences, or uses the reserved packet status.
        """
        if len(body) < _FIXED.size:
            raise CodecError(
                f"transport-wide feedback of {len(body)} bytes: the fixed part has {_FIXED.size}"
            )
        sender_ssrc, media_ssrc, base, count, word = _FIXED.unpack_from(body)
        symbols, position = _parse_chunks(body, count)
        arrivals: list[int | None] = []
        ticks = 0
        for symbol in symbols:
            if symbol == NOT_RECEIVED:
                arrivals.append(None)
                continue
            size = 1 if symbol == SMALL_DELTA else 2
            if position + size > len(body):
                raise CodecError(
                    f"transport-wide feedback of {len(body)} bytes ends before arrival {len(arrivals)} of "
                    f"{count}"
                )
            ticks += int.from_bytes(body[position : position + size], "big", signed=size == 2)
            position += size
            arrivals.append(ticks)
        return cls(sender_ssrc, media_ssrc, base, word >> 8, word & 0xFF, tuple(arrivals))


def _chunks(symbols: Sequence[int]) -> list[bytes]:
    """Return the packet status chunks (sections 3.1.2 to 3.1.4); a greedy choice keeps them short."""
    words = []
    position = 0
    while position < len(symbols):
        symbol = symbols[position]
        limit = min(len(symbols), position + _MAX_RUN)
        end = position + 1
        while end < limit and symbols[end] == symbol:
            end += 1
        ones = symbols[position : position + 14]
        per_vector = 7 if LARGE_DELTA in ones else 14
        if end - position >= per_vector or end == len(symbols):
            words.append(symbol << 13 | end - position)
            position = end
            continue
        bits = 14 // per_vector
        word = 1 << 15 | (bits - 1) << 14
        for index, each in enumerate(symbols[position : position + per_vector]):
            word |= each << 14 - bits * (index + 1)
        words.append(word)
        position += per_vector
    return [struct.pack("!H", word) for word in words]


def _parse_chunks(body: bytes, count: int) -> tuple[list[int], int]:
    """Return the first `count` packet statuses and the end of the chunks."""
    symbols: list[int] = []
    position = _FIXED.size
    while len(symbols) < count:
        if position + 2 > len(body):
            raise CodecError(
                f"transport-wide feedback of {len(body)} bytes ends after {len(symbols)} of {count} statuses"
            )
        word = int.from_bytes(body[position : position + 2], "big")
        position += 2
        if not word >> 15:
            if word & _MAX_RUN == 0:
                raise CodecError("transport-wide feedback with a run of 0 packets")
            symbols += [word >> 13] * min(word & _MAX_RUN, count - len(symbols))
        elif word >> 14 & 1:
            symbols += [word >> shift & 3 for shift in range(12, -1, -2)]
        else:
            symbols += [word >> shift & 1 for shift in range(13, -1, -1)]
    del symbols[count:]
    if 3 in symbols:
        raise CodecError(
            f"transport-wide feedback: packet {symbols.index(3)} has the reserved status 3; 0 to 2 are known"
        )
    return symbols, position
