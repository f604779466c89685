"""One call: one clip over one realization of the channel with one scheme, from packets to sound."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from numpy.typing import NDArray

from testbed.adaptive.call_end import AdaptiveEnd
from testbed.adaptive.played import EditKind, Heard, Played
from testbed.channels.clock import MOST_EVENTS, Clock
from testbed.channels.packet import MEDIA_FLOW, Packet
from testbed.channels.realization import Realization
from testbed.channels.stage import Out
from testbed.codecs.concealers import Concealer, PlacedConcealer
from testbed.codecs.dred.network_folder import LIBOPUS, DredNetwork
from testbed.codecs.encoded_frame import DRED_LIMIT_SAMPLES, EncodedFrame
from testbed.codecs.encoding import LiveEncoder
from testbed.codecs.engines.engine import Engine, Job, decode_one
from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.codecs.recovery import Recovery
from testbed.codecs.rtp.packet import WIRE_HEADER_BYTES
from testbed.codecs.vocoders import FARGAN
from testbed.control import Loop, VoiceControl
from testbed.errors import CodecError
from testbed.feedback_loop import FeedbackSender, TargetDecision
from testbed.frame_delays import FrameDelays
from testbed.media_frames import EqualFrames
from testbed.playout.adaptive import AdaptivePlayout
from testbed.playout.offline import Offline
from testbed.playout.policy import Playout, ScheduledPlayout
from testbed.receiver import Receiver
from testbed.sender import MEDIA_SSRC, FrameSource, Sender
from testbed.timeline import NEVER, Timeline

RECEIVER_SSRC = 0x4C495354


@dataclass(frozen=True)
class Simulation:
    """A simulated call: timeline, packets, and the job for the engine or, of an adaptive receiver, the sound.

    Attributes
    ----------
    frames
        All frames, sent or not.
    sent
        All packets in order of sending; `Packet.payload` holds the RTP bytes.
    header_bytes
        Header bytes per packet: RTP with extensions, UDP and IPv4.
    decisions
        The targets of the controller; empty if nothing feeds back.
    frame_ms
        Duration of a frame.
    lookahead_samples
        The codec's delay at 16 kHz.
    is_played
        Whether frames have a time of playing: an offline receiver, and the ceiling, have none.
    sound
        The decoding of the timeline, or what an adaptive receiver played.
    seconds_encode, seconds_decode, seconds_simulate
        Processor time of libopus for encoding within the call, of an adaptive receiver, and of the rest.
    """

    timeline: Timeline
    frames: tuple[EncodedFrame, ...] = field(repr=False)
    sent: tuple[Packet, ...] = field(repr=False)
    header_bytes: int
    decisions: tuple[TargetDecision, ...] = field(repr=False)
    frame_ms: int
    lookahead_samples: int
    is_played: bool
    sound: Job | Played = field(repr=False)
    seconds_encode: float
    seconds_decode: float
    seconds_simulate: float

    @property
    def job(self) -> Job:
        """The decoding of the timeline."""
        assert isinstance(self.sound, Job), "an adaptive receiver decodes while it plays"
        return self.sound

    @property
    def packet_loss(self) -> float:
        """Share of the packets sent that the network lost."""
        return sum(cause != "" for cause in self.timeline.dropped_by) / len(self.sent)

    @property
    def concealments_ms(self) -> NDArray[np.float64]:
        """Length of each concealment."""
        if isinstance(self.sound, Played):
            samples = [each.samples for each in self.sound.concealments]
            return np.array(samples, np.float64) * 1000 / SAMPLE_RATE_HZ
        return self.timeline.concealments.astype(np.float64) * self.frame_ms

    def edited_ms(self, kind: EditKind) -> float:
        """Return the length of the edits of one kind; an adaptive receiver alone makes any."""
        edits = self.sound.edits if isinstance(self.sound, Played) else ()
        return sum(edit.samples for edit in edits if edit.kind == kind) * 1000 / SAMPLE_RATE_HZ

    @property
    def delays(self) -> FrameDelays:
        """Delays of the frames that were sent."""
        lookahead_ms = 1000 * self.lookahead_samples / SAMPLE_RATE_HZ
        return FrameDelays.of(self.timeline, self.frame_ms, lookahead_ms, self.is_played)


@dataclass(frozen=True)
class CallSettings:
    """Settings of the two ends of a call, besides those of the encoder.

    Attributes
    ----------
    distances
        Distances of the RED copies in each packet from its frame, in frames.
    playout
        The playout policy.
    decoder_complexity
        The decoder's complexity, 0 to 10.
    concealer
        Who conceals.
    vocoder
        Name of the vocoder of the receiver's networks.
    network
        The receiver's network of DRED.
    dred_reach_samples
        Depth of a packet's DRED that the engine reads; default: libopus's limit.
    omits_pauses
        Whether packets of at most two bytes, which hold no sound, are not sent; both ends know this.
    """

    distances: tuple[int, ...]
    playout: Playout
    decoder_complexity: int
    concealer: Concealer | PlacedConcealer = "codec"
    vocoder: str = FARGAN
    network: DredNetwork = LIBOPUS
    dred_reach_samples: int = DRED_LIMIT_SAMPLES
    omits_pauses: bool = False


class CallEnds:
    """The two ends of one call: the sender, and the feedback of the receiver if the loop is closed.

    Parameters
    ----------
    env, source, settings, loop
        See `simulate`.
    forward, back
        Entrances of the channel and of the reverse channel.
    number
        Number of the call on the channel, from 0; it determines the flow's name and SSRC.
    start_ns
        Start of the call.

    Attributes
    ----------
    flow
        Name of the flow of its packets.
    sender
        The sender.
    control
        The sender's half of the loop; None if nothing feeds back.
    """

    def __init__(
        self,
        env: Clock,
        source: FrameSource,
        settings: CallSettings,
        forward: Out,
        back: Out | None,
        loop: Loop | None,
        number: int,
        start_ns: int,
    ) -> None:
        self.flow = MEDIA_FLOW if number == 0 else f"call {number + 1}"
        self.control: VoiceControl | None = None
        self._reporting: FeedbackSender | None = None
        ssrc = MEDIA_SSRC + number
        if loop is not None and back is not None:
            assert isinstance(source, LiveEncoder), "a closed loop changes the encoder between frames"
            self.control = VoiceControl(env, loop, source, ssrc)
            self._reporting = FeedbackSender(env, loop.reporting, RECEIVER_SSRC, ssrc, self.flow, back)
            length_ns = len(source) * source.settings.frame_ms * 1_000_000
            env.process(self._reporting.run(start_ns + length_ns))
        self.sender = Sender(
            env, source, settings.distances, forward, self.control, self.flow, ssrc, settings.omits_pauses
        )
        env.process(self.sender.run(start_ns))

    def on_arrival(self, packet: Packet) -> None:
        """Take a packet at the receiver."""
        if self._reporting is not None:
            self._reporting.on_packet(packet)

    def on_report(self, packet: Packet) -> None:
        """Take a report at the sender."""
        assert self.control is not None
        self.control.end.put(packet)


def simulate(
    source: FrameSource,
    settings: CallSettings,
    channel: Realization,
    loop: Loop | None = None,
    others: Sequence[tuple[FrameSource, int]] = (),
    most_events: int = MOST_EVENTS,
) -> Simulation:
    """Send a source through a channel and decide what each frame is played from.

    Parameters
    ----------
    source
        Source of the encoded frames.
    settings
        Settings of the two ends.
    channel
        Stages that packets meet.
    loop
        Feedback of the receiver and reaction of the sender; None: nothing feeds back. With a loop, `source`
        must be a `LiveEncoder`.
    others
        Further calls of the same scheme on the same channel, each with its start in nanoseconds. They are not
        received.
    most_events
        Largest number of events of the simulation.

    Raises
    ------
    ChannelError
        The budget of events is used up.
    """
    started = time.process_time()
    env = Clock(most_events)
    ends: dict[str, CallEnds] = {}
    dropped_by = [""] * len(source)

    def drop(packet: Packet, cause: str) -> None:
        if packet.flow == MEDIA_FLOW:
            dropped_by[ends[MEDIA_FLOW].sender.primaries[packet.sequence]] = cause

    def deliver(packet: Packet) -> None:
        if packet.flow == MEDIA_FLOW:
            receiver.put(packet)
        ends[packet.flow].on_arrival(packet)

    def report_back(packet: Packet) -> None:
        ends[packet.flow].on_report(packet)

    forward = channel.build(env, deliver, drop)
    back = None if loop is None else loop.reverse.build(env, report_back, lambda packet, cause: None)
    for number, (each, start_ns) in enumerate([(source, 0), *others]):
        its_ends = CallEnds(env, each, settings, forward, back, loop, number, start_ns)
        ends[its_ends.flow] = its_ends
    receiver = _receiver(env, source, settings)
    if isinstance(receiver, Receiver):
        env.process(receiver.run())
    env.run()
    sender, control = ends[MEDIA_FLOW].sender, ends[MEDIA_FLOW].control
    seconds_encode = 0.0 if loop is None else source.seconds
    seconds_decode = 0.0
    sound: Job | Played
    if isinstance(receiver, AdaptiveEnd):
        playing = time.process_time()
        sound = receiver.play()
        seconds_decode = time.process_time() - playing
    else:
        receiver.play_rest(sender.sent[-1].sent_ns)
        sound = Job(
            sent=tuple(frame.payload for frame in sender.frames),
            payloads=receiver.payloads,
            actions=np.array(receiver.actions, np.uint8),
            sources=np.array(receiver.sources, np.int32),
            frame_samples=source.settings.frame_samples,
            decoder_complexity=settings.decoder_complexity,
            concealer=settings.concealer,
            vocoder=settings.vocoder,
            network=settings.network,
        )
    return Simulation(
        timeline=_timeline(sender, receiver, dropped_by),
        frames=tuple(sender.frames),
        sent=tuple(sender.sent),
        header_bytes=WIRE_HEADER_BYTES if control is None else control.header_bytes,
        decisions=() if control is None else tuple(control.end.decisions),
        frame_ms=source.settings.frame_ms,
        lookahead_samples=source.lookahead_samples,
        is_played=not isinstance(settings.playout, Offline),
        sound=sound,
        seconds_encode=seconds_encode,
        seconds_decode=seconds_decode,
        seconds_simulate=time.process_time() - started - seconds_encode - seconds_decode,
    )


def _receiver(env: Clock, source: FrameSource, settings: CallSettings) -> Receiver | AdaptiveEnd:
    """Return the receiver that the playout policy needs."""
    if isinstance(settings.playout, AdaptivePlayout):
        if isinstance(settings.concealer, PlacedConcealer):
            raise CodecError(f"an adaptive receiver cannot use the {settings.concealer}")
        return AdaptiveEnd(
            env,
            settings.playout,
            len(source),
            source.settings.frame_samples,
            settings.decoder_complexity,
            settings.concealer,
            settings.omits_pauses,
        )
    return Receiver(
        env,
        EqualFrames(len(source), source.settings),
        cast(ScheduledPlayout, settings.playout),
        settings.dred_reach_samples,
        settings.omits_pauses,
        settings.network,
    )


def _timeline(sender: Sender, receiver: Receiver | AdaptiveEnd, dropped_by: Sequence[str]) -> Timeline:
    """Return the timeline of a call; `dropped_by` has the cause per frame, or ``""``."""
    sent_ns = np.full(len(dropped_by), NEVER, np.int64)
    sent_ns[sender.primaries] = [packet.sent_ns for packet in sender.sent]
    size_bytes = np.zeros(len(dropped_by), np.int32)
    size_bytes[sender.primaries] = [packet.size_bytes for packet in sender.sent]
    return Timeline(
        sent_ns=sent_ns,
        arrived_ns=np.array(receiver.arrived_ns, np.int64),
        # Of a packet that was duplicated, one copy may be dropped and the other arrive.
        dropped_by=tuple(
            cause if arrived_ns == NEVER else ""
            for cause, arrived_ns in zip(dropped_by, receiver.arrived_ns, strict=True)
        ),
        played_ns=np.array(receiver.played_ns, np.int64),
        recovered_by=np.where(
            sent_ns == NEVER, np.uint8(Recovery.DTX), np.array(receiver.recovered_by, np.uint8)
        ),
        source_frame=np.array(receiver.source_frame, np.int32),
        size_bytes=size_bytes,
    )


def listen(simulation: Simulation, samples: int, engine: Engine) -> Heard:
    """Return the sound of a call, decoded if need be; see `aligned`."""
    if isinstance(simulation.sound, Played):
        return simulation.sound.heard(simulation.lookahead_samples, samples)
    return Heard(aligned(decode_one(engine, simulation.sound), simulation.lookahead_samples, samples))


def aligned(pcm: NDArray[np.int16], lookahead_samples: int, samples: int) -> NDArray[np.int16]:
    """Return decoded sound aligned with the clip: the codec's delay is removed.

    Parameters
    ----------
    pcm
        Decoded sound of a simulation.
    lookahead_samples
        The codec's delay.
    samples
        Length of the clip at 16 kHz.
    """
    return pcm[lookahead_samples : lookahead_samples + samples]
