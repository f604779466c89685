"""RTCP sender and receiver reports (RFC 3550, sections 6.4.1 and 6.4.2), written and read."""

import struct
from dataclasses import dataclass

from testbed.codecs.rtcp.header import RECEIVER_REPORT_TYPE, SENDER_REPORT_TYPE, serialize_part
from testbed.errors import CodecError

MAX_BLOCKS = 31
_BLOCK = struct.Struct("!IIIIII")
_SENDER = struct.Struct("!IQIII")
_SSRC = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """Reception statistics of one stream.

    Attributes
    ----------
    ssrc
        The stream.
    fraction_lost
        Share of packets lost since the previous report, in 1/256, 0 to 255.
    cumulative_lost
        Packets expected less packets received since the beginning, 24 bits with sign; below 0 where
        duplicates outnumber losses.
    highest_sequence
        Extended highest sequence number: the number of wraps above the 16 bits of the number itself.
    jitter
        Interarrival jitter in units of the RTP clock (section 6.4.1 and appendix A.8).
    last_sr
        Middle 32 bits of the NTP time in the last sender report; 0 if none came.
    delay_since_last_sr
        Between that sender report and this one, in 1/65536 s.
    """

    ssrc: int
    fraction_lost: int
    cumulative_lost: int
    highest_sequence: int
    jitter: int
    last_sr: int = 0
    delay_since_last_sr: int = 0

    def serialize(self) -> bytes:
        """Return the block's 24 bytes.

        Raises
        ------
        CodecError
            If a field does not fit into its bits.
        """
        if not 0 <= self.fraction_lost <= 0xFF or not -(1 << 23) <= self.cumulative_lost < 1 << 23:
            raise CodecError(
                f"RTCP report block: fraction lost {self.fraction_lost} or cumulative loss "
                f"{self.cumulative_lost} does not fit into 8 bits and 24 bits with sign"
            )
        loss = self.fraction_lost << 24 | self.cumulative_lost & 0xFF_FFFF
        try:
            return _BLOCK.pack(
                self.ssrc, loss, self.highest_sequence, self.jitter, self.last_sr, self.delay_since_last_sr
            )
        except struct.error:
            raise CodecError(f"RTCP report block: a field of {self} does not fit into 32 bits") from None

    @classmethod
    def parse(cls, data: bytes, position: int = 0) -> "ReportBlock":
        """Read the block that starts at `position`; its 24 bytes must be there."""
        ssrc, loss, highest, jitter, last_sr, delay = _BLOCK.unpack_from(data, position)
        cumulative = (loss & 0xFF_FFFF) - ((loss & 0x80_0000) << 1)
        return cls(ssrc, loss >> 24, cumulative, highest, jitter, last_sr, delay)


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """A receiver report: the SSRC of the receiver, and blocks on at most 31 streams."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()

    def serialize(self) -> bytes:
        """Return the packet's bytes; raises `CodecError` if something does not fit."""
        return serialize_part(
            len(self.blocks), RECEIVER_REPORT_TYPE, _ssrc(self.ssrc) + _blocks_bytes(self.blocks)
        )

    @classmethod
    def parse(cls, count: int, body: bytes) -> "ReceiverReport":
        """Read a report's body; profile-specific extensions after the blocks are skipped.

        Raises
        ------
        CodecError
            If the body ends before the blocks that are announced.
        """
        if len(body) < _SSRC.size:
            raise CodecError(f"RTCP receiver report of {len(body)} bytes has no room for an ssrc")
        return cls(_SSRC.unpack_from(body)[0], _parse_blocks(count, body, _SSRC.size))


@dataclass(frozen=True, slots=True)
class SenderReport:
    """A sender report.

    Attributes
    ----------
    ssrc
        The sender's stream.
    ntp
        Wall clock as a 64-bit NTP timestamp.
    rtp_timestamp
        The same instant in units of the stream's RTP clock.
    packets, octets
        Packets and octets sent since the beginning, modulo 2**32; octets are payload alone.
    blocks
        Reports on streams that the sender receives.
    """

    ssrc: int
    ntp: int
    rtp_timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()

    def serialize(self) -> bytes:
        """Return the packet's bytes; raises `CodecError` if something does not fit."""
        try:
            fixed = _SENDER.pack(self.ssrc, self.ntp, self.rtp_timestamp, self.packets, self.octets)
        except struct.error:
            raise CodecError(f"RTCP sender report: a field of {self} does not fit into its bits") from None
        return serialize_part(len(self.blocks), SENDER_REPORT_TYPE, fixed + _blocks_bytes(self.blocks))

    @classmethod
    def parse(cls, count: int, body: bytes) -> "SenderReport":
        """Read a report's body.

        Raises
        ------
        CodecError
            If the body ends before the blocks that are announced.
        """
        if len(body) < _SENDER.size:
            raise CodecError(f"RTCP sender report of {len(body)} bytes: {_SENDER.size} come before any block")
        ssrc, ntp, rtp_timestamp, packets, octets = _SENDER.unpack_from(body)
        blocks = _parse_blocks(count, body, _SENDER.size)
        return cls(ssrc, ntp, rtp_timestamp, packets, octets, blocks)


def _ssrc(ssrc: int) -> bytes:
    if not 0 <= ssrc <= 0xFFFF_FFFF:
        raise CodecError(f"RTCP ssrc {ssrc}: must be 0 to 4294967295")
    return _SSRC.pack(ssrc)


def _blocks_bytes(blocks: tuple[ReportBlock, ...]) -> bytes:
    if len(blocks) > MAX_BLOCKS:
        raise CodecError(f"RTCP report with {len(blocks)} blocks: at most {MAX_BLOCKS}")
    return b"".join(block.serialize() for block in blocks)


def _parse_blocks(count: int, body: bytes, start: int) -> tuple[ReportBlock, ...]:
    if start + count * _BLOCK.size > len(body):
        raise CodecError(f"RTCP report announces {count} blocks in {len(body) - start} bytes")
    return tuple(ReportBlock.parse(body, start + index * _BLOCK.size) for index in range(count))
