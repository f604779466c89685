"""The sending side of a call: a media clock that puts one RTP packet a frame on the network."""

from collections.abc import Callable, Generator
from typing import Any

import simpy

from testbed.channels.packet import Packet
from testbed.codecs import red
from testbed.codecs.encoding import Encoding
from testbed.codecs.red import RedBlock
from testbed.codecs.rtp import (
    CLOCK_HZ,
    OPUS_PAYLOAD_TYPE,
    RED_PAYLOAD_TYPE,
    WIRE_HEADER_BYTES,
    RtpPacket,
)

FIRST_TIMESTAMP = 0
MEDIA_SSRC = 0x53504348


class Sender:
    """Packetizes an encoding: each frame as its packet's primary, older frames as RED copies where asked.

    Attributes
    ----------
    sent
        Every packet in sending order; `Packet.payload` is the RTP packet's bytes.
    """

    def __init__(
        self,
        env: simpy.Environment,
        encoding: Encoding,
        distances: tuple[int, ...],
        out: Callable[[Packet], None],
    ) -> None:
        self.sent: list[Packet] = []
        self._env = env
        self._encoding = encoding
        self._distances = distances
        self._out = out

    def run(self) -> Generator[simpy.Event, Any, None]:
        """Send frame ``n`` when its last sample has been captured: ``n + 1`` frames into the call."""
        frame_ms = self._encoding.settings.frame_ms
        for frame in range(len(self._encoding)):
            yield self._env.timeout(frame_ms * 1_000_000)
            packet = self._packet(frame, frame_ms * CLOCK_HZ // 1000)
            self.sent.append(packet)
            self._out(packet)

    def _packet(self, frame: int, frame_ticks: int) -> Packet:
        payloads = self._encoding.payloads
        payload, payload_type = payloads[frame], OPUS_PAYLOAD_TYPE
        if self._distances:
            copies = [
                RedBlock(OPUS_PAYLOAD_TYPE, distance * frame_ticks, payloads[frame - distance])
                for distance in self._distances
                if distance <= frame
            ]
            payload, payload_type = red.serialize(copies, OPUS_PAYLOAD_TYPE, payload), RED_PAYLOAD_TYPE
        data = RtpPacket(
            payload_type=payload_type,
            sequence=frame & 0xFFFF,
            timestamp=(FIRST_TIMESTAMP + frame * frame_ticks) & 0xFFFFFFFF,
            ssrc=MEDIA_SSRC,
            payload=payload,
            marker=frame == 0,
        ).serialize()
        size_bytes = len(data) + WIRE_HEADER_BYTES - 12
        return Packet(size_bytes, int(self._env.now), frame, "media", data)
