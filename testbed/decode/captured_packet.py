"""One captured RTP packet with Opus, placed on the media clock of its call."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from testbed.codecs.rtp import red
from testbed.codecs.rtp.packet import OPUS_PAYLOAD_TYPE, RED_PAYLOAD_TYPE, RtpPacket
from testbed.codecs.rtp.red import RedBlock
from testbed.decode.captured_frames import Span
from testbed.media_frames import TICKS_PER_SAMPLE
from testbed.sender import FIRST_TIMESTAMP, MEDIA_SSRC


class Copy(NamedTuple):
    """An Opus packet at its place on the media clock."""

    span: Span
    data: bytes

    def later(self, samples: int) -> "Copy":
        """Return it so much later."""
        return Copy((self.span[0] + samples, self.span[1] + samples), self.data)


@dataclass(frozen=True)
class CapturedPacket:
    """One RTP packet with Opus.

    Attributes
    ----------
    number
        Its sequence number without wraps, counting only the packets with Opus.
    arrived_ns
        Time of arrival.
    marker
        Its marker bit.
    wire_bytes
        Its size with UDP and IPv4.
    primary, copies
        What it carries: its own frame, and RED copies of earlier ones.
    """

    number: int
    arrived_ns: int
    marker: bool
    wire_bytes: int
    primary: Copy
    copies: Sequence[Copy] = ()

    @property
    def samples(self) -> int:
        """Length of its own frame at 16 kHz."""
        return self.primary.span[1] - self.primary.span[0]

    def rtp(self) -> bytes:
        """Return it with the testbed's payload types, on the call's media clock."""
        timestamp = (FIRST_TIMESTAMP + self.primary.span[0] * TICKS_PER_SAMPLE) & 0xFFFFFFFF
        kind, payload = OPUS_PAYLOAD_TYPE, self.primary.data
        if self.copies:
            blocks = [
                RedBlock(
                    OPUS_PAYLOAD_TYPE, (self.primary.span[0] - copy.span[0]) * TICKS_PER_SAMPLE, copy.data
                )
                for copy in self.copies
            ]
            kind, payload = RED_PAYLOAD_TYPE, red.serialize(blocks, OPUS_PAYLOAD_TYPE, payload)
        packet = RtpPacket(kind, self.number & 0xFFFF, timestamp, MEDIA_SSRC, payload, self.marker)
        return packet.serialize()
