"""The sound of a captured call, as a receiver with a fixed delay or without a deadline plays it."""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray

from testbed.channels.packet import Packet
from testbed.codecs.engines.engine import Job, decode_one
from testbed.codecs.engines.libopus import FrameDecoder, LibopusEngine
from testbed.codecs.opus.codec import MAX_PACKET_SAMPLES
from testbed.codecs.pcm import Pcm16, int16_from_24_bit
from testbed.codecs.recovery import Action, Recovery
from testbed.codecs.schemes.part import Concealer
from testbed.decode.captured_call import CapturedCall
from testbed.errors import ScenarioError
from testbed.playout.fixed import FixedPlayout
from testbed.playout.offline import Offline
from testbed.playout.policy import Playout
from testbed.receiver import Receiver
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
        Its frames. Times count from the beginning of the first frame; the fastest packet takes none.
    frame_samples
        Length of each frame at 16 kHz.
    is_played
        Whether frames have a time of playing.
    stretched_ms, accelerated_ms
        Time that was inserted and removed by stretching the sound.
    """

    pcm: Pcm16 = field(repr=False)
    timeline: Timeline
    frame_samples: NDArray[np.int64] = field(repr=False)
    is_played: bool
    stretched_ms: float = 0.0
    accelerated_ms: float = 0.0


def render(call: CapturedCall, playout: Playout, decoding: Decoding) -> Rendering:
    """Play a captured call.

    Raises
    ------
    ScenarioError
        The policy needs what a capture does not show, or the concealer cannot conceal this call.
    """
    if isinstance(playout, FixedPlayout) and playout.buffer_ms is None:
        raise ScenarioError(
            "a capture does not show when its packets were sent: give the fixed playout a buffer_ms, "
            "counted from the fastest packet, not a delay_ms"
        )
    env = simpy.Environment()
    receiver = Receiver(env, call.clock, playout, may_pause=call.omits_pauses)
    env.process(_arriving(env, call, receiver))
    env.run()
    receiver.play_rest(call.clock.sent_ns(len(call.clock) - 1))
    samples = np.array([end - start for start, end in call.clock.spans], np.int64)
    recovered_by = np.array(receiver.recovered_by, np.uint8)
    return Rendering(
        pcm=_sound(call, receiver, samples, decoding),
        timeline=timeline_of(
            call,
            np.array(receiver.arrived_ns, np.int64),
            np.array(receiver.played_ns, np.int64),
            recovered_by,
            np.array(receiver.source_frame, np.int32),
        ),
        frame_samples=samples,
        is_played=not isinstance(playout, Offline),
    )


def timeline_of(
    call: CapturedCall,
    arrived_ns: NDArray[np.int64],
    played_ns: NDArray[np.int64],
    recovered_by: NDArray[np.uint8],
    source_frame: NDArray[np.int32],
) -> Timeline:
    """Return the timeline of a captured call; see `testbed.timeline.Timeline`."""
    is_pause = np.zeros(len(call.clock), np.bool_)
    is_pause[call.pauses] = True
    size_bytes = np.zeros(len(call.clock), np.int32)
    for packet in call.packets:
        size_bytes[call.clock.frame_at(packet.primary.span[0])] = packet.wire_bytes
    is_lost = (arrived_ns == NEVER) & ~is_pause
    return Timeline(
        sent_ns=np.where(is_pause, NEVER, [call.clock.sent_ns(frame) for frame in range(len(call.clock))]),
        arrived_ns=arrived_ns,
        dropped_by=tuple("network" if lost else "" for lost in is_lost.tolist()),
        played_ns=played_ns,
        recovered_by=np.where(is_pause, np.uint8(Recovery.DTX), recovered_by),
        source_frame=source_frame,
        size_bytes=size_bytes,
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
    spans, pcm = call.clock.spans, np.zeros(int(samples.sum()), np.int16)
    with FrameDecoder(decoding.complexity) as decoder:
        for (start, end), action, source in zip(spans, receiver.actions, receiver.sources, strict=True):
            is_made_up = action in (Action.CONCEAL, Action.FILL_PAUSE)
            payload = None if is_made_up else payloads[source]
            offset = 0 if is_made_up else spans[source][0] - start
            for begin in range(start, end, MAX_PACKET_SAMPLES):
                out = np.zeros(min(end - begin, MAX_PACKET_SAMPLES), np.int32)
                decoder.play(action, source, payload, offset, out)
                pcm[begin : begin + len(out)] = int16_from_24_bit(out)
    return pcm
