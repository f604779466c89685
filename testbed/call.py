"""One call: one clip over one realization of the channel with one scheme, from packets to sound."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from testbed.channels.clock import Clock
from testbed.channels.packet import Packet
from testbed.channels.stage import StageParameters, chain
from testbed.codecs.encoding import Encoding
from testbed.codecs.engine import Engine, Job
from testbed.playout.policy import Playout
from testbed.receiver import Receiver
from testbed.sender import Sender, Source
from testbed.timeline import Timeline


@dataclass(frozen=True)
class Simulation:
    """What the network and the receiver made of a source; nothing is decoded yet.

    Attributes
    ----------
    sent
        Every packet in sending order; `Packet.payload` is the RTP packet's bytes.
    job
        What the engine has to do for the timeline to be heard.
    seconds
        Processor time that the simulation took.
    """

    timeline: Timeline
    sent: tuple[Packet, ...]
    job: Job
    seconds: float

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
    """
    started = time.process_time()
    env = Clock()
    dropped_by = [""] * len(source)

    def drop(packet: Packet, cause: str) -> None:
        dropped_by[packet.sequence] = cause

    def deliver(packet: Packet) -> None:
        receiver.put(packet)

    sender = Sender(env, source, distances, chain(stages, env, rngs, deliver, drop, folder))
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
    return Simulation(timeline, tuple(sender.sent), job, time.process_time() - started)


def listen(simulation: Simulation, encoding: Encoding, samples: int, engine: Engine) -> NDArray[np.int16]:
    """Return what a listener hears, aligned with the clip: the codec's delay is removed.

    Parameters
    ----------
    samples
        Length of the clip at 16 kHz.
    """
    (pcm,) = engine.decode([simulation.job])
    skip = encoding.lookahead_samples
    return pcm[skip : skip + samples]
