"""The receiving end of a simulated call with adaptive playout: collects packets, then plays them."""

import numpy as np
import simpy
from numpy.typing import NDArray

from testbed.adaptive.depacketizer import MediaClock
from testbed.adaptive.played import Played
from testbed.channels.packet import Packet
from testbed.codecs.concealers import Concealer
from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.codecs.rtp.packet import CLOCK_HZ, RtpPacket
from testbed.playout.adaptive import AdaptivePlayout
from testbed.sender import FIRST_TIMESTAMP
from testbed.timeline import NEVER


class AdaptiveEnd:
    """Takes packets as they arrive. Arrivals do not depend on playing, so it plays when all have arrived.

    Parameters
    ----------
    playout, decoder_complexity, concealer, may_pause
        See `testbed.adaptive.receiver.AdaptiveReceiver`.
    frames, frame_samples
        Number and length of the frames of the call.

    Attributes
    ----------
    arrived_ns
        By frame, when it first arrived as a primary, or `NEVER`.
    played
        What was played, after `play`.
    """

    played: Played

    def __init__(
        self,
        env: simpy.Environment,
        playout: AdaptivePlayout,
        frames: int,
        frame_samples: int,
        decoder_complexity: int,
        concealer: Concealer,
        may_pause: bool,
    ) -> None:
        self.arrived_ns = [NEVER] * frames
        # Loads compiled kernels.
        from testbed.adaptive.receiver import AdaptiveReceiver

        media = MediaClock(FIRST_TIMESTAMP, frames, frame_samples)
        self._receiver = AdaptiveReceiver(playout, media, decoder_complexity, concealer, may_pause)
        self._env = env
        self._frame_ticks = frame_samples * CLOCK_HZ // SAMPLE_RATE_HZ
        self._arrivals: list[tuple[int, bytes]] = []

    def put(self, packet: Packet) -> None:
        """Take a packet as it arrives."""
        now_ns = int(self._env.now)
        timestamp = RtpPacket.parse(packet.payload).timestamp
        frame = ((timestamp - FIRST_TIMESTAMP) & 0xFFFFFFFF) // self._frame_ticks
        if self.arrived_ns[frame] == NEVER:
            self.arrived_ns[frame] = now_ns
        self._arrivals.append((now_ns, packet.payload))

    def play(self) -> Played:
        """Play the call, and return it."""
        self.played = self._receiver.play(self._arrivals)
        return self.played

    @property
    def played_ns(self) -> NDArray[np.int64]:
        """See `testbed.timeline.Timeline`."""
        return self.played.played_ns

    @property
    def recovered_by(self) -> NDArray[np.uint8]:
        """See `testbed.timeline.Timeline`."""
        return self.played.recovered_by

    @property
    def source_frame(self) -> NDArray[np.int32]:
        """See `testbed.timeline.Timeline`."""
        return self.played.source_frame
