"""The sound of a captured call, as a receiver plays it: adaptive, of a fixed delay, or without a deadline."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import simpy
from numpy.typing import NDArray

from testbed.adaptive.depacketizer import MediaClock
from testbed.adaptive.played import EditKind
from testbed.adaptive.receiver import AdaptiveReceiver
from testbed.channels.packet import Packet
from testbed.codecs.concealers import Concealer
from testbed.codecs.engines.engine import Job, decode_one
from testbed.codecs.engines.libopus import FrameDecoder, LibopusEngine
from testbed.codecs.opus.codec import MAX_PACKET_SAMPLES
from testbed.codecs.pcm import SAMPLE_RATE_HZ, Pcm16, int16_from_24_bit
from testbed.codecs.recovery import Action, Recovery
from testbed.decode.captured_call import CapturedCall
from testbed.errors import ScenarioError
from testbed.playout.adaptive import AdaptivePlayout
from testbed.playout.fixed import FixedPlayout
from testbed.playout.offline import Offline
from testbed.playout.policy import Playout, ScheduledPlayout
from testbed.receiver import Receiver
from testbed.sender import FIRST_TIMESTAMP
from testbed.timeline import NEVER, Timeline


@dataclass(frozen=True)
class Decoding:
    """The receiver of a captured call, besides its playout policy.

    Attributes
    ----------
    complexity
        Of `testbed.codecs.opus.codec.Decoder`.
    concealer
        Who conceals; None: whom the playout policy names, else the codec.
    """

    complexity: int = 10
    concealer: Concealer | None = None


@dataclass(frozen=True)
class Rendering:
    """A captured call as it was played.

    Attributes
    ----------
    pcm
        The sound, codec delay included, mono at 16 kHz.
    timeline
        Its frames. Times count from the beginning of the first frame.
    frame_samples
        Length of each frame at 16 kHz.
    is_played
        Whether frames have a time of playing.
    edited_ms
        Difference between played time and media time, by its cause; only an adaptive receiver has any.
    """

    pcm: Pcm16 = field(repr=False)
    timeline: Timeline
    frame_samples: NDArray[np.int64] = field(repr=False)
    is_played: bool
    edited_ms: Mapping[EditKind, float] = field(default_factory=dict)


def render(call: CapturedCall, playout: Playout, decoding: Decoding) -> Rendering:
    """Play a captured call.

    Raises
    ------
    ScenarioError
        The policy needs what a capture does not show, or the concealer cannot conceal this call.
    """
    if isinstance(playout, AdaptivePlayout):
        return _adaptive(call, playout, decoding)
    if isinstance(playout, FixedPlayout) and playout.buffer_ms is None:
        raise ScenarioError(
            "a capture does not show when its packets were sent: give the fixed playout a buffer_ms, "
            "counted from the fastest packet, not a delay_ms"
        )
    env = simpy.Environment()
    receiver = Receiver(env, call.frames, cast(ScheduledPlayout, playout), may_pause=call.omits_pauses)
    env.process(_arriving(env, call, receiver))
    env.run()
    receiver.play_rest(call.frames.sent_ns(len(call.frames) - 1))
    samples = np.array([end - start for start, end in call.frames.spans], np.int64)
    return Rendering(
        pcm=_sound(call, receiver, samples, decoding),
        timeline=_timeline(
            call,
            np.ones_like(samples),
            np.array(receiver.played_ns, np.int64),
            np.array(receiver.recovered_by, np.uint8),
            np.array(receiver.source_frame, np.int32),
        ),
        frame_samples=samples,
        is_played=not isinstance(playout, Offline),
    )


def _adaptive(call: CapturedCall, playout: AdaptivePlayout, decoding: Decoding) -> Rendering:
    """Play a call by the adaptive receiver, in frames of one length that divides those of all packets."""
    samples = np.array([end - start for start, end in call.frames.spans], np.int64)
    frame_samples = int(np.gcd.reduce(samples))
    counts = samples // frame_samples
    receiver = AdaptiveReceiver(
        playout,
        MediaClock(FIRST_TIMESTAMP, int(counts.sum()), frame_samples),
        decoding.complexity,
        decoding.concealer or playout.concealer,
        call.omits_pauses,
    )
    played = receiver.play(call.arrivals())
    edited_ms: dict[EditKind, float] = {}
    for kind, _, length in played.edits:
        edited_ms[kind] = edited_ms.get(kind, 0.0) + 1000 * length / SAMPLE_RATE_HZ
    return Rendering(
        pcm=played.pcm,
        timeline=_timeline(call, counts, played.played_ns, played.recovered_by, played.source_frame),
        frame_samples=np.full(int(counts.sum()), frame_samples, np.int64),
        is_played=True,
        edited_ms=edited_ms,
    )


def _timeline(
    call: CapturedCall,
    counts: NDArray[np.int64],
    played_ns: NDArray[np.int64],
    recovered_by: NDArray[np.uint8],
    source_frame: NDArray[np.int32],
) -> Timeline:
    """Return the timeline of a captured call.

    Parameters
    ----------
    counts
        Number of frames of the receiver in each frame of the call.
    played_ns, recovered_by, source_frame
        By frame of the receiver; see `testbed.timeline.Timeline`.
    """
    frames = call.frames
    sent_ns = np.array([frames.sent_ns(frame) for frame in range(len(frames))], np.int64)
    sent_ns[call.pauses] = NEVER
    arrived_ns, size_bytes = np.full(len(frames), NEVER, np.int64), np.zeros(len(frames), np.int32)
    for packet in reversed(call.packets):
        frame = frames.frame_at(packet.primary.span[0])
        arrived_ns[frame], size_bytes[frame] = packet.arrived_ns, packet.wire_bytes
    is_lost = (arrived_ns == NEVER) & (sent_ns != NEVER)
    is_first = np.zeros(int(counts.sum()), np.bool_)
    is_first[np.cumsum(counts) - counts] = True
    is_pause = np.repeat(sent_ns == NEVER, counts)
    return Timeline(
        sent_ns=np.repeat(sent_ns, counts),
        arrived_ns=np.repeat(arrived_ns, counts),
        dropped_by=tuple("network" if lost else "" for lost in np.repeat(is_lost, counts).tolist()),
        played_ns=played_ns,
        recovered_by=np.where(is_pause, np.uint8(Recovery.DTX), recovered_by),
        source_frame=source_frame,
        size_bytes=np.repeat(size_bytes, counts) * is_first,
    )


def _arriving(
    env: simpy.Environment, call: CapturedCall, receiver: Receiver
) -> Generator[simpy.Event, Any, None]:
    """Give a receiver each packet at its time of arrival."""
    for number, (at_ns, rtp) in enumerate(call.arrivals()):
        yield env.timeout(at_ns - int(env.now))
        receiver.put(Packet(len(rtp), at_ns, number, payload=rtp))


def _sound(call: CapturedCall, receiver: Receiver, samples: NDArray[np.int64], decoding: Decoding) -> Pcm16:
    payloads = receiver.payloads
    if len(set(samples.tolist())) == 1:
        job = Job(
            sent=tuple(payload or b"" for payload in payloads),
            payloads=payloads,
            actions=np.array(receiver.actions, np.uint8),
            sources=np.array(receiver.sources, np.int32),
            frame_samples=int(samples[0]),
            decoder_complexity=decoding.complexity,
            concealer=decoding.concealer or "codec",
        )
        return decode_one(LibopusEngine(), job)
    if decoding.concealer == "neteq":
        raise ScenarioError(
            "--concealer neteq with a fixed or offline playout needs packets of one length, and these "
            "differ; an adaptive playout takes all"
        )
    spans, pcm = call.frames.spans, np.zeros(int(samples.sum()), np.int16)
    with FrameDecoder(decoding.complexity) as decoder:
        for (start, end), action, source in zip(spans, receiver.actions, receiver.sources, strict=True):
            is_made_up = action in (Action.CONCEAL, Action.FILL_PAUSE)
            payload = None if is_made_up else payloads[source]
            offset = 0 if is_made_up else spans[source][0] - start
            for begin in range(start, end, MAX_PACKET_SAMPLES):
                out = np.zeros(min(end - begin, MAX_PACKET_SAMPLES), np.int32)
                decoder.play(action, payload, offset, out)
                pcm[begin : begin + len(out)] = int16_from_24_bit(out)
    return pcm
