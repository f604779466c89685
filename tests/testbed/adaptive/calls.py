"""Hand-made calls: RTP packets at given times, played by the adaptive receiver with libopus."""

from collections.abc import Sequence
from typing import Any

from testbed.adaptive.depacketizer import MediaClock
from testbed.adaptive.played import EditKind, Played
from testbed.adaptive.receiver import AdaptiveReceiver
from testbed.codecs.encoded_frame import EncodedFrame
from testbed.codecs.rtp import red
from testbed.codecs.rtp.packet import OPUS_PAYLOAD_TYPE, RED_PAYLOAD_TYPE, RtpPacket
from testbed.playout.adaptive import AdaptivePlayout

MS = 1_000_000
SAMPLES_PER_MS = 16
Arrivals = list[tuple[int, bytes]]


def rtp(
    frames: Sequence[EncodedFrame],
    number: int,
    copies: Sequence[int] = (),
    *,
    frame_ms: int = 20,
    first_sequence: int = 0,
    first_timestamp: int = 0,
    ssrc: int = 1,
    marker: bool = False,
) -> bytes:
    """Return the RTP packet of a frame, with RED copies of the frames so many before it."""
    kind, payload, ticks = OPUS_PAYLOAD_TYPE, frames[number].payload, 48 * frame_ms
    if copies:
        blocks = [
            red.RedBlock(OPUS_PAYLOAD_TYPE, back * ticks, frames[number - back].payload)
            for back in sorted(copies, reverse=True)
            if back <= number
        ]
        kind, payload = RED_PAYLOAD_TYPE, red.serialize(blocks, OPUS_PAYLOAD_TYPE, payload)
    timestamp = (first_timestamp + number * ticks) & 0xFFFFFFFF
    sequence = (first_sequence + number) & 0xFFFF
    return RtpPacket(kind, sequence, timestamp, ssrc, payload, marker).serialize()


def sent(
    frames: Sequence[EncodedFrame],
    lost: Sequence[int] = (),
    late_ms: dict[int, float] | None = None,
    frame_ms: int = 20,
    **given: Any,
) -> Arrivals:
    """Return the packets of a call in the order of arrival: some are lost, and some late."""
    late_ms = late_ms or {}
    arrivals = [
        (
            round(((number + 1) * frame_ms + late_ms.get(number, 0)) * MS),
            rtp(frames, number, frame_ms=frame_ms, **given),
        )
        for number in range(len(frames))
        if number not in lost
    ]
    return sorted(arrivals, key=lambda arrival: arrival[0])


def play(
    arrivals: Arrivals,
    frames: int,
    frame_ms: int = 20,
    first_timestamp: int = 0,
    may_pause: bool = False,
    complexity: int = 0,
    **playout: Any,
) -> Played:
    """Return what is played; its length is always that of the media and its edits."""
    policy = AdaptivePlayout.model_validate({"policy": "adaptive", **playout})
    clock = MediaClock(first_timestamp, frames, frame_ms * SAMPLES_PER_MS)
    receiver = AdaptiveReceiver(policy, clock, complexity, policy.concealer, may_pause)
    played = receiver.play(arrivals)
    assert len(played.pcm) == clock.samples + sum(edit.inserted for edit in played.edits)
    places = [edit.media_sample for edit in played.edits]
    assert places == sorted(places)
    return played


def inserted_ms(played: Played, kind: EditKind) -> float:
    """Return the length of all edits of a kind."""
    return sum(edit.samples for edit in played.edits if edit.kind == kind) / SAMPLES_PER_MS
