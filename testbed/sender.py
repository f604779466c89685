"""The sender of a call: one RTP packet per frame at the pace of the media clock."""

from collections.abc import Generator
from functools import lru_cache
from typing import Any, Protocol

import simpy

from testbed.channels.clock import Clock
from testbed.channels.packet import MEDIA_FLOW, Packet
from testbed.channels.stage import Out
from testbed.codecs.encoded_frame import EncodedFrame
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.rtp import red
from testbed.codecs.rtp.packet import (
    CLOCK_HZ,
    IPV4_HEADER_BYTES,
    OPUS_PAYLOAD_TYPE,
    RED_PAYLOAD_TYPE,
    UDP_HEADER_BYTES,
    RtpPacket,
)
from testbed.codecs.rtp.red import RedBlock

FIRST_TIMESTAMP = 0
MEDIA_SSRC = 0x53504348
MAX_UNSENT_BYTES = 2
"""Opus packets up to this size need not be sent (RFC 7587, 3.1.3)."""


class FrameSource(Protocol):
    """Source of encoded frames: an encoded clip, or a live encoder."""

    @property
    def settings(self) -> EncoderSettings:
        """Settings of the encoder."""

    @property
    def lookahead_samples(self) -> int:
        """The codec's delay at 16 kHz."""

    @property
    def seconds(self) -> float:
        """Processor time of libopus so far."""

    def __len__(self) -> int:
        """Return the number of frames."""

    def frame(self, index: int) -> EncodedFrame:
        """Return a frame; called once per frame, in order."""


class Control(Protocol):
    """The closed loop at the sender; see `testbed.control`."""

    def before_frame(self) -> tuple[int, ...]:
        """Set the encoder's bitrate for the next frame; return the distances of its packet's RED copies."""

    def stamp(self, rtp: bytes, sequence: int) -> bytes:
        """Return an RTP packet with the header extension that the feedback format needs."""

    def on_sent(self, packet: Packet) -> None:
        """Take a packet that was sent."""


class Sender:
    """Packetizes a source: one packet per frame, with RED copies of older frames.

    Sequence numbers count packets sent, timestamps count frames.

    Parameters
    ----------
    omits_pauses
        Whether packets of at most `MAX_UNSENT_BYTES` are neither sent nor copied.

    Attributes
    ----------
    distances
        Distances of the RED copies in the next packet, in frames, farthest first.
    frames
        All frames so far, sent or not.
    sent
        All packets in order of sending; `Packet.payload` holds the RTP bytes.
    primaries
        Number of the primary frame of each packet.
    """

    def __init__(
        self,
        env: Clock,
        source: FrameSource,
        distances: tuple[int, ...],
        out: Out,
        control: Control | None = None,
        flow: str = MEDIA_FLOW,
        ssrc: int = MEDIA_SSRC,
        omits_pauses: bool = False,
    ) -> None:
        self.distances = distances
        self.frames: list[EncodedFrame] = []
        self.sent: list[Packet] = []
        self.primaries: list[int] = []
        self._omits_pauses = omits_pauses
        self._env = env
        self._source = source
        self._count = len(source)
        self._frame_ms = source.settings.frame_ms
        self._out = out
        self._control = control
        self._flow = flow
        self._ssrc = ssrc

    def run(self, start_ns: int = 0) -> Generator[simpy.Event, Any, None]:
        """Send frame ``n`` after its last sample: ``n + 1`` frame intervals after the start."""
        yield self._env.timeout(start_ns)
        self._env.later(self._frame_ms * 1_000_000, self.send, 0)

    def send(self, frame: int) -> None:
        """Send a frame, and each later one a frame interval after the one before it."""
        if self._control is not None:
            self.distances = self._control.before_frame()
        self.frames.append(self._source.frame(frame))
        if not self._is_omitted(frame):
            packet = self._packet(frame, self._frame_ms * CLOCK_HZ // 1000)
            self.sent.append(packet)
            self.primaries.append(frame)
            if self._control is not None:
                self._control.on_sent(packet)
            self._out(packet)
        if frame + 1 < self._count:
            self._env.later(self._frame_ms * 1_000_000, self.send, frame + 1)

    def _is_omitted(self, frame: int) -> bool:
        return self._omits_pauses and len(self.frames[frame].payload) <= MAX_UNSENT_BYTES

    def _packet(self, frame: int, frame_ticks: int) -> Packet:
        sequence = len(self.sent)
        payload, payload_type = self.frames[frame].payload, OPUS_PAYLOAD_TYPE
        if self.distances:
            copies = [
                RedBlock(OPUS_PAYLOAD_TYPE, distance * frame_ticks, self.frames[frame - distance].payload)
                for distance in self.distances
                if distance <= frame and not self._is_omitted(frame - distance)
            ]
            payload, payload_type = red.serialize(copies, OPUS_PAYLOAD_TYPE, payload), RED_PAYLOAD_TYPE
        timestamp = (FIRST_TIMESTAMP + frame * frame_ticks) & 0xFFFFFFFF
        is_marked = frame == 0 or self._is_omitted(frame - 1)
        data = _serialized(payload_type, sequence & 0xFFFF, timestamp, self._ssrc, payload, is_marked)
        if self._control is not None:
            data = self._control.stamp(data, sequence)
        size_bytes = len(data) + UDP_HEADER_BYTES + IPV4_HEADER_BYTES
        return Packet(size_bytes, int(self._env.now), sequence, self._flow, data)


@lru_cache(maxsize=1 << 12)
def _serialized(
    payload_type: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, marker: bool
) -> bytes:
    """Return an RTP packet; every realization sends the same ones."""
    return RtpPacket(payload_type, sequence, timestamp, ssrc, payload, marker).serialize()
