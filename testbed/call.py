"""One call: one clip over one realization of the channel with one scheme, from packets to sound."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from testbed.channels.clock import MOST_EVENTS, Clock
from testbed.channels.packet import Packet
from testbed.channels.stage import StageParameters, chain
from testbed.codecs.encoding import EncodedFrame, LiveEncoder
from testbed.codecs.engine import Engine, Job
from testbed.codecs.rtp import WIRE_HEADER_BYTES
from testbed.control import Loop, VoiceControl
from testbed.feedback_loop import Decision, ReportingEnd
from testbed.playout.policy import Playout
from testbed.receiver import Receiver
from testbed.sender import MEDIA_SSRC, Sender, Source
from testbed.timeline import Timeline

RECEIVER_SSRC = 0x4C495354


@dataclass(frozen=True)
class Simulation:
    """What the network and the receiver made of a source; nothing is decoded yet.

    Attributes
    ----------
    frames
        Every frame that was sent.
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
    frames: tuple[EncodedFrame, ...]
    sent: tuple[Packet, ...]
    header_bytes: int
    decisions: tuple[Decision, ...]
    lookahead_samples: int
    job: Job
    seconds_encode: float
    seconds_simulate: float

    @property
    def packet_loss(self) -> float:
        """Share of the packets sent that the network took."""
        return sum(cause != "" for cause in self.timeline.dropped_by) / len(self.sent)


def simulate(
    source: Source,
    distances: tuple[int, ...],
    stages: Sequence[StageParameters],
    rngs: Sequence[np.random.Generator],
    playout: Playout,
    decoder_complexity: int,
    folder: Path,
    loop: Loop | None = None,
    most_events: int = MOST_EVENTS,
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
    most_events
        How many events the simulation may have.

    Raises
    ------
    ChannelError
        The budget of events is used up.
    """
    started = time.process_time()
    env = Clock(most_events)
    dropped_by = [""] * len(source)

    def drop(packet: Packet, cause: str) -> None:
        dropped_by[packet.sequence] = cause

    def deliver(packet: Packet) -> None:
        data = receiver.put(packet)
        if reporting is not None:
            reporting.on_packet(packet, data.sequence, data.timestamp)

    control = reporting = None
    if loop is not None:
        assert isinstance(source, LiveEncoder), "a closed loop tells the encoder what to do between frames"
        control = VoiceControl(env, loop, source)
        back = chain(loop.reverse, env, loop.rngs, control.end.put, lambda packet, cause: None, folder)
        reporting = ReportingEnd(env, loop.reporting, RECEIVER_SSRC, MEDIA_SSRC, "feedback", back)
        env.process(reporting.run(len(source) * source.settings.frame_ms * 1_000_000))
    sender = Sender(env, source, distances, chain(stages, env, rngs, deliver, drop, folder), control)
    receiver = Receiver(env, len(source), source.settings, sender.frames, playout)
    env.process(sender.run())
    env.process(receiver.run())
    env.run()
    receiver.play_rest()
    timeline = Timeline(
        sent_ns=np.array([packet.sent_ns for packet in sender.sent], np.int64),
        arrived_ns=receiver.arrived_ns,
        dropped_by=tuple(dropped_by),
        played_ns=receiver.played_ns,
        recovered_by=receiver.recovered_by,
        source_frame=receiver.source_frame,
        late=receiver.late(),
        size_bytes=np.array([packet.size_bytes for packet in sender.sent], np.int32),
    )
    job = Job(
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
    """Return what a listener hears, aligned with the clip: the codec's delay is removed.

    Parameters
    ----------
    samples
        Length of the clip at 16 kHz.
    """
    (pcm,) = engine.decode([simulation.job])
    skip = simulation.lookahead_samples
    return pcm[skip : skip + samples]
