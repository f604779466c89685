"""One call: one clip over one realization of the channel with one scheme, from packets to sound."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from testbed.channels.clock import MOST_EVENTS, Clock
from testbed.channels.packet import MEDIA_FLOW, Packet
from testbed.channels.stage import Out, StageParameters, chain
from testbed.codecs.encoded_frame import DRED_LIMIT_SAMPLES, EncodedFrame
from testbed.codecs.encoding import LiveEncoder
from testbed.codecs.engines.engine import Engine, Job, decode_one
from testbed.codecs.recovery import Recovery
from testbed.codecs.rtp.packet import WIRE_HEADER_BYTES, RtpPacket
from testbed.control import Loop, VoiceControl
from testbed.feedback_loop import Decision, FeedbackSender
from testbed.playout.policy import Playout
from testbed.receiver import Receiver
from testbed.sender import MEDIA_SSRC, Sender, Source
from testbed.timeline import NEVER, Timeline

RECEIVER_SSRC = 0x4C495354


@dataclass(frozen=True)
class Simulation:
    """What the network and the receiver made of a source; nothing is decoded yet.

    Attributes
    ----------
    frames
        Every frame, sent or not.
    sent
        Every packet in sending order; `Packet.payload` is the RTP packet's bytes.
    header_bytes
        RTP with its extensions, UDP and IPv4 of each packet.
    decisions
        The controller's targets, where the loop is closed.
    lookahead_samples
        The codec's delay at 16 kHz.
    job
        What the engine has to do for the timeline to be heard.
    seconds_encode, seconds_simulate
        Processor time that libopus took to encode within the call, and that the rest took.
    """

    timeline: Timeline
    frames: tuple[EncodedFrame, ...] = field(repr=False)
    sent: tuple[Packet, ...] = field(repr=False)
    header_bytes: int
    decisions: tuple[Decision, ...] = field(repr=False)
    lookahead_samples: int
    job: Job = field(repr=False)
    seconds_encode: float
    seconds_simulate: float

    @property
    def packet_loss(self) -> float:
        """Share of the packets sent that the network took."""
        return sum(cause != "" for cause in self.timeline.dropped_by) / len(self.sent)


class CallEnds:
    """One call's two ends: what sends, and what takes its packets as they arrive and reports on them.

    Attributes
    ----------
    sender
        What was sent.
    control
        The sender's half of the loop, where it is closed.
    """

    def __init__(
        self,
        env: Clock,
        source: Source,
        distances: tuple[int, ...],
        forward: Out,
        back: Out | None,
        loop: Loop | None,
        flow: str = MEDIA_FLOW,
        ssrc: int = MEDIA_SSRC,
        start_ns: int = 0,
        omits_pauses: bool = False,
    ) -> None:
        self.control: VoiceControl | None = None
        self._reporting: FeedbackSender | None = None
        if loop is not None and back is not None:
            assert isinstance(source, LiveEncoder), (
                "a closed loop tells the encoder what to do between frames"
            )
            self.control = VoiceControl(env, loop, source, ssrc)
            self._reporting = FeedbackSender(env, loop.reporting, RECEIVER_SSRC, ssrc, flow, back)
            length_ns = len(source) * source.settings.frame_ms * 1_000_000
            env.process(self._reporting.run(start_ns + length_ns))
        self.sender = Sender(env, source, distances, forward, self.control, flow, ssrc, omits_pauses)
        env.process(self.sender.run(start_ns))

    def on_arrival(self, packet: Packet) -> None:
        """Take notice of a packet that arrived, if this is what reports are made of."""
        if self._reporting is not None:
            data = RtpPacket.parse(packet.payload)
            self._reporting.on_packet(packet, data.sequence, data.timestamp)

    def on_report(self, packet: Packet) -> None:
        """Take a report that came back."""
        assert self.control is not None
        self.control.end.put(packet)


def simulate(
    source: Source,
    distances: tuple[int, ...],
    stages: Sequence[StageParameters],
    rngs: Sequence[np.random.Generator],
    playout: Playout,
    decoder_complexity: int,
    folder: Path,
    loop: Loop | None = None,
    others: Sequence[tuple[Source, int]] = (),
    most_events: int = MOST_EVENTS,
    dred_reach_samples: int = DRED_LIMIT_SAMPLES,
    omits_pauses: bool = False,
) -> Simulation:
    """Send a source through a channel and decide what each frame is played from.

    Parameters
    ----------
    source
        Where the frames come from.
    distances
        How many frames back the RED copies in each packet lie.
    stages, rngs
        The channel's stages in the order in which a packet meets them, and the random stream of each.
    playout
        When a frame must play.
    decoder_complexity
        Passed on to the job.
    folder
        What file names of stages are relative to.
    loop
        What the receiver reports and the sender makes of it; None: nothing feeds back. With one, `source`
        must be a `LiveEncoder`.
    others
        Further calls of the same scheme that meet the same channel, each with when it begins in nanoseconds.
        Nobody listens to them.
    most_events
        How many events the simulation may have.
    dred_reach_samples
        Depth of a packet's DRED that the engine reads; default: libopus's limit.
    omits_pauses
        Whether packets of silence, of at most two bytes, are not sent; the receiver knows this.

    Raises
    ------
    ChannelError
        The budget of events is used up.
    """
    started = time.process_time()
    env = Clock(most_events)
    dropped_by = [""] * len(source)

    def drop(packet: Packet, cause: str) -> None:
        if packet.flow == MEDIA_FLOW:
            dropped_by[sender.primaries[packet.sequence]] = cause

    def deliver(packet: Packet) -> None:
        if packet.flow == MEDIA_FLOW:
            receiver.put(packet)
        parties[packet.flow].on_arrival(packet)

    def report_back(packet: Packet) -> None:
        parties[packet.flow].on_report(packet)

    forward = chain(stages, env, rngs, deliver, drop, folder)
    back = None
    if loop is not None:
        back = chain(loop.reverse, env, loop.rngs, report_back, lambda packet, cause: None, folder)
    parties = {
        MEDIA_FLOW: CallEnds(env, source, distances, forward, back, loop, omits_pauses=omits_pauses),
    }
    for index, (other, start_ns) in enumerate(others, start=1):
        flow = f"call {index + 1}"
        parties[flow] = CallEnds(
            env, other, distances, forward, back, loop, flow, MEDIA_SSRC + index, start_ns, omits_pauses
        )
    sender, control = parties[MEDIA_FLOW].sender, parties[MEDIA_FLOW].control
    receiver = Receiver(env, len(source), source.settings, playout, dred_reach_samples, omits_pauses)
    env.process(receiver.run())
    env.run()
    receiver.play_rest(sender.sent[-1].sent_ns)
    sent_ns = np.full(len(source), NEVER, np.int64)
    sent_ns[sender.primaries] = [packet.sent_ns for packet in sender.sent]
    size_bytes = np.zeros(len(source), np.int32)
    size_bytes[sender.primaries] = [packet.size_bytes for packet in sender.sent]
    timeline = Timeline(
        sent_ns=sent_ns,
        arrived_ns=receiver.arrived_ns,
        # Of a packet that was doubled, one copy may be dropped and the other arrive.
        dropped_by=tuple(
            cause if arrived_ns == NEVER else ""
            for cause, arrived_ns in zip(dropped_by, receiver.arrived_ns.tolist(), strict=True)
        ),
        played_ns=receiver.played_ns,
        recovered_by=np.where(sent_ns == NEVER, np.uint8(Recovery.DTX), receiver.recovered_by),
        source_frame=receiver.source_frame,
        late=receiver.late(),
        size_bytes=size_bytes,
    )
    job = Job(
        sent=tuple(frame.payload for frame in sender.frames),
        payloads=receiver.payloads,
        actions=receiver.actions,
        sources=receiver.sources,
        frame_samples=source.settings.frame_samples,
        decoder_complexity=decoder_complexity,
    )
    seconds_encode = 0.0 if loop is None else source.seconds
    return Simulation(
        timeline=timeline,
        frames=tuple(sender.frames),
        sent=tuple(sender.sent),
        header_bytes=WIRE_HEADER_BYTES if control is None else control.header_bytes,
        decisions=() if control is None else tuple(control.end.decisions),
        lookahead_samples=source.lookahead_samples,
        job=job,
        seconds_encode=seconds_encode,
        seconds_simulate=time.process_time() - started - seconds_encode,
    )


def listen(simulation: Simulation, samples: int, engine: Engine) -> NDArray[np.int16]:
    """Return what a listener hears of a call; see `aligned`."""
    return aligned(decode_one(engine, simulation.job), simulation.lookahead_samples, samples)


def aligned(pcm: NDArray[np.int16], lookahead_samples: int, samples: int) -> NDArray[np.int16]:
    """Return decoded sound aligned with the clip: the codec's delay is removed.

    Parameters
    ----------
    pcm
        What an engine made of a simulation's job.
    lookahead_samples
        The codec's delay.
    samples
        Length of the clip at 16 kHz.
    """
    return pcm[lookahead_samples : lookahead_samples + samples]
