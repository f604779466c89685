"""Congestion control feedback (RFC 8888, section 3.1): arrivals of each stream before a report timestamp."""

import struct
from dataclasses import dataclass

from testbed.codecs.rtcp.header import TRANSPORT_FEEDBACK_TYPE, serialize_part
from testbed.errors import CodecError

MESSAGE_TYPE = 11
OFFSETS_PER_SECOND = 1024
MAX_OFFSET = 0x1FFD
OFFSET_TOO_LONG = 0x1FFE
"""Arrived more than 8189/1024 s before the report timestamp."""
OFFSET_UNKNOWN = 0x1FFF
"""Arrived after the report timestamp, or at a time that is not known."""
MAX_REPORTS = 16_384
_BLOCK = struct.Struct("!IHH")
_WORD = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class ReportedArrival:
    """A packet that arrived.

    Attributes
    ----------
    offset
        Time from the arrival to the report timestamp, in 1/1024 s, 0 to 8189, or one of the two special
        values.
    ecn
        The two ECN bits of the IP header; 0: not ECN-capable.
    """

    offset: int
    ecn: int = 0


@dataclass(frozen=True, slots=True)
class StreamReport:
    """Arrivals of the packets of one stream.

    Attributes
    ----------
    ssrc
        The stream.
    begin_sequence
        RTP sequence number of the first packet of the report.
    arrivals
        For each packet from there on, None if it had not arrived; at most 16384.
    """

    ssrc: int
    begin_sequence: int
    arrivals: tuple[ReportedArrival | None, ...]

    def serialize(self) -> bytes:
        """Return the block's bytes, a whole number of words; raises `CodecError` if a field does not fit."""
        if len(self.arrivals) > MAX_REPORTS:
            raise CodecError(f"CCFB on {len(self.arrivals)} packets of one stream: at most {MAX_REPORTS}")
        if not 0 <= self.ssrc <= 0xFFFF_FFFF or not 0 <= self.begin_sequence <= 0xFFFF:
            raise CodecError(
                f"CCFB ssrc {self.ssrc} or begin sequence {self.begin_sequence} does not fit into 32 and 16 "
                "bits"
            )
        words = []
        for arrival in self.arrivals:
            if arrival is None:
                words.append(0)
                continue
            if not 0 <= arrival.offset <= OFFSET_UNKNOWN or not 0 <= arrival.ecn <= 3:
                raise CodecError(f"CCFB arrival {arrival}: does not fit into 13 bits of offset and 2 of ECN")
            words.append(1 << 15 | arrival.ecn << 13 | arrival.offset)
        padding = bytes(2 * (len(words) % 2))
        head = _BLOCK.pack(self.ssrc, self.begin_sequence, len(words))
        return head + struct.pack(f"!{len(words)}H", *words) + padding


@dataclass(frozen=True, slots=True)
class CongestionFeedback:
    """One message.

    Attributes
    ----------
    sender_ssrc
        SSRC of the reporting receiver.
    streams
        Arrivals, by stream.
    report_timestamp
        Time of the report: the middle 32 bits of an NTP timestamp.
    """

    sender_ssrc: int
    streams: tuple[StreamReport, ...]
    report_timestamp: int

    def serialize(self) -> bytes:
        """Return the packet's bytes; raises `CodecError` if something does not fit."""
        blocks = b"".join(stream.serialize() for stream in self.streams)
        try:
            body = _WORD.pack(self.sender_ssrc) + blocks + _WORD.pack(self.report_timestamp)
        except struct.error:
            raise CodecError(
                f"CCFB ssrc {self.sender_ssrc} or timestamp {self.report_timestamp} does not fit into 32 bits"
            ) from None
        return serialize_part(MESSAGE_TYPE, TRANSPORT_FEEDBACK_TYPE, body)

    @classmethod
    def parse(cls, body: bytes) -> "CongestionFeedback":
        """Read a message's body.

        Raises
        ------
        CodecError
            If it ends inside a stream's block, or a block announces more packets than are allowed.
        """
        if len(body) < 2 * _WORD.size:
            raise CodecError(f"CCFB of {len(body)} bytes has no room for an ssrc and a timestamp")
        end = len(body) - _WORD.size
        streams: list[StreamReport] = []
        position = _WORD.size
        while position < end:
            if position + _BLOCK.size > end:
                raise CodecError(f"CCFB ends inside the header of stream {len(streams)}")
            ssrc, begin, count = _BLOCK.unpack_from(body, position)
            position += _BLOCK.size
            if count > MAX_REPORTS or position + 2 * count > end:
                raise CodecError(
                    f"CCFB stream {len(streams)} announces {count} packets in {end - position} bytes; at "
                    f"most {MAX_REPORTS} are allowed"
                )
            words = struct.unpack_from(f"!{count}H", body, position)
            position += 2 * (count + count % 2)
            streams.append(StreamReport(ssrc, begin, tuple(map(_arrival, words))))
        return cls(_WORD.unpack_from(body)[0], tuple(streams), _WORD.unpack_from(body, end)[0])


def _arrival(word: int) -> ReportedArrival | None:
    return ReportedArrival(word & 0x1FFF, word >> 13 & 3) if word >> 15 else None
