"""Streams of small packets for an adaptive receiver, and a decoder that costs nothing and keeps a record."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from testbed.adaptive.depacketizer import MediaClock
from testbed.adaptive.packet_buffer import BufferedPacket
from testbed.codecs.pcm import Pcm16
from testbed.codecs.recovery import Recovery
from testbed.codecs.rtp import red
from testbed.codecs.rtp.packet import OPUS_PAYLOAD_TYPE, RED_PAYLOAD_TYPE, RtpPacket
from tests.testbed.receiver.packets import frame

MS = 1_000_000
PER_MS = 16
TICKS_PER_SAMPLE = 3
_SOUND = (np.arange(1 << 16) * 7919 % 199 - 99).astype(np.int16)
"""Sound by media time, too quiet to be speech, so every stretch is possible."""


def sound_at(media: NDArray[np.int64]) -> Pcm16:
    """Return what the decoder makes of media times."""
    return _SOUND[media % len(_SOUND)]


class QuietDecoder:
    """Stands for libopus.

    Attributes
    ----------
    decoded
        What the last one decoded, in order.
    """

    decoded: ClassVar[list[BufferedPacket]] = []

    def __init__(self, complexity: int, conceals: bool) -> None:
        QuietDecoder.decoded = []

    def reset(self) -> None:
        pass

    def decode(self, packet: BufferedPacket) -> tuple[Pcm16, Recovery]:
        QuietDecoder.decoded.append(packet)
        return sound_at(np.arange(packet.start, packet.end)), packet.source

    def conceal(self, samples: int) -> Pcm16:
        return np.zeros(samples, np.int16)

    fill_pause = conceal


def opus(frame_ms: int, number: int) -> bytes:
    """Return a CELT packet of its own for each number: one frame, or two or three of 20 ms."""
    content = number.to_bytes(4, "big")
    return {
        10: b"\xb0" + content,
        20: b"\xb8" + content,
        40: b"\xb9" + content,
        60: b"\xbb\x03" + content * 3,
    }[frame_ms]


@dataclass
class Stream:
    """RTP packets of a call, one after the other.

    Attributes
    ----------
    first_timestamp
        RTP timestamp of the call's first sample.
    ssrc, sequence
        Of the next packet.
    samples
        Media time of the next packet.
    """

    first_timestamp: int = 0
    ssrc: int = 1
    sequence: int = 0
    samples: int = 0
    _sent: list[tuple[int, bytes]] = field(default_factory=list)

    def send(self, content: bytes, frame_ms: int = 20, copies: Sequence[int] = ()) -> bytes:
        """Return the next packet, with RED copies of those so many packets before."""
        blocks = []
        for back in sorted(copies, reverse=True):
            if back <= len(self._sent):
                start, copied = self._sent[-back]
                offset = (self.samples - start) * TICKS_PER_SAMPLE
                if offset <= red.MAX_TIMESTAMP_OFFSET:
                    blocks.append(red.RedBlock(OPUS_PAYLOAD_TYPE, offset, copied))
        kind, body = OPUS_PAYLOAD_TYPE, content
        if blocks:
            kind, body = RED_PAYLOAD_TYPE, red.serialize(blocks, OPUS_PAYLOAD_TYPE, content)
        timestamp = (self.first_timestamp + self.samples * TICKS_PER_SAMPLE) & 0xFFFFFFFF
        packet = RtpPacket(kind, self.sequence & 0xFFFF, timestamp, self.ssrc, body).serialize()
        self._sent.append((self.samples, content))
        self.sequence += 1
        self.samples += frame_ms * PER_MS
        return packet


def clock(stream: Stream, frame_ms: int = 20) -> MediaClock:
    """Return the frames of what a stream has sent."""
    return MediaClock(stream.first_timestamp, stream.samples // (frame_ms * PER_MS), frame_ms * PER_MS)


def steady(frames: int, delays_ms: Sequence[float]) -> tuple[MediaClock, list[tuple[int, bytes]]]:
    """Return packets of 20 ms in the order of arrival, with delays that are repeated."""
    stream = Stream()
    arrivals = [
        (round((number * 20 + delays_ms[number % len(delays_ms)]) * MS), stream.send(opus(20, number)))
        for number in range(frames)
    ]
    return clock(stream), sorted(arrivals, key=lambda arrival: arrival[0])


def at_random(generator: random.Random) -> tuple[MediaClock, list[tuple[int, bytes]]]:
    """Return a short call with all that networks and senders do to a receiver."""
    stream = Stream(generator.choice((0, 1 << 20, (1 << 32) - 3000)), sequence=generator.choice((0, 0xFFFC)))
    loss = generator.choice((0, 0, 0.1, 0.4))
    jitter_ms = generator.choice((0, 10, 60, 300))
    copies = generator.choice(((), (), (1,), (1, 2), (3,)))
    sizes = generator.choice(((20,), (20,), (10,), (60,), (10, 20, 40, 60)))
    lbrr, dred_ms = generator.choice(((False, 0), (False, 0), (True, 0), (False, 60), (True, 160)))
    dtx = generator.choice((0, 0, 0.2))
    sent_ms, burst_ms = 0.0, 0.0
    arrivals: list[tuple[int, bytes]] = []
    while stream.samples < 100 * PER_MS or stream.samples % 320:
        if generator.random() < 0.02:
            stream.ssrc += 1
        sent_ms = stream.samples / PER_MS
        frame_ms = generator.choice(sizes)
        if generator.random() < dtx:
            frame_ms, content = 20, b"\xb8"
        elif lbrr or dred_ms:
            frame_ms = min(frame_ms, 20)
            content = frame(stream.sequence, frame_ms=frame_ms, lbrr=lbrr, dred_ms=dred_ms).payload
        else:
            content = opus(frame_ms, stream.sequence & 0xFFFF)
        packet = stream.send(content, frame_ms, copies)
        burst_ms = max(0.0, burst_ms - 20) if generator.random() < 0.9 else generator.choice((40.0, 150.0))
        for _ in range(1 + (generator.random() < 0.05)):
            if generator.random() >= loss:
                delay_ms = burst_ms + generator.uniform(0, jitter_ms)
                arrivals.append((round((sent_ms + delay_ms) * MS), packet))
    return clock(stream), sorted(arrivals, key=lambda arrival: arrival[0])
