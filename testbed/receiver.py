"""The receiving side of a call: each frame is played from the best data received when it is due."""

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray

from testbed.channels.packet import Packet
from testbed.codecs.encoding import DRED_LIMIT_SAMPLES, EncodedFrame
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.recovery import Action, Recovery, recover
from testbed.codecs.rtp import red
from testbed.codecs.rtp.packet import CLOCK_HZ, OPUS_PAYLOAD_TYPE, RED_PAYLOAD_TYPE, RtpPacket
from testbed.errors import CodecError
from testbed.pauses import Arrival, pauses_between
from testbed.playout.policy import Playout
from testbed.sender import FIRST_TIMESTAMP, MEDIA_SSRC
from testbed.timeline import NEVER


class Receiver:
    """Collects frames from packets and decides, frame by frame, what each is played from.

    A frame that is missing is played from a RED copy of it, or from what `testbed.codecs.recovery.recover`
    makes of the next packet at hand: its LBRR, its DRED, or concealment.

    Where the sender omits pauses, a missing frame is a pause if the packets before and after it say so
    (`testbed.pauses`). Before a later packet arrives, it counts as a pause unless the packet before it has
    voice. A pause is filled without networks, and nothing is repaired in it.

    Parameters
    ----------
    count, settings
        How many frames the call has, and how they are encoded.
    frames
        The frames encoded so far: the sender has analysed the content of each payload.
    playout
        When a frame must play.
    dred_reach_samples
        How much of a packet's DRED the engine reads, of what it holds the newest.
    may_pause
        Whether the sender omits pauses, as agreed in SDP (``usedtx``, RFC 7587, 6.1).

    Attributes
    ----------
    payloads
        By frame, the Opus packet that arrived first for it, as primary or as copy, or None.
    arrived_ns
        By frame, when it first arrived as a primary, or `NEVER`.
    recovered_by, source_frame, played_ns
        The decisions; see `testbed.timeline.Timeline`.
    actions, sources
        What the decoder does for each frame; see `testbed.codecs.engines.engine.Job`.
    """

    def __init__(
        self,
        env: simpy.Environment,
        count: int,
        settings: EncoderSettings,
        frames: Sequence[EncodedFrame],
        playout: Playout,
        dred_reach_samples: int = DRED_LIMIT_SAMPLES,
        may_pause: bool = False,
    ) -> None:
        self.payloads: list[bytes | None] = [None] * count
        self.arrived_ns = np.full(count, NEVER, np.int64)
        self.recovered_by = np.full(count, Recovery.PLC, np.uint8)
        self.source_frame = np.full(count, NEVER, np.int32)
        self.played_ns = np.zeros(count, np.int64)
        self.actions = np.full(count, Action.CONCEAL, np.uint8)
        self.sources = np.full(count, NEVER, np.int32)
        self._at_hand_ns: list[int | None] = [None] * count
        self._carrier = [NEVER] * count
        self._newest = NEVER
        self._arrivals: dict[int, Arrival] = {}
        self._may_pause = may_pause
        self._decoded: EncodedFrame | None = None
        self._env = env
        self._playout = playout
        self._frames = frames
        self._dred_reach_samples = dred_reach_samples
        self._frame_ns = settings.frame_ms * 1_000_000
        self._frame_ticks = settings.frame_ms * CLOCK_HZ // 1000
        self._frame_samples = settings.frame_samples

    def put(self, packet: Packet) -> None:
        """Take a packet as it arrives."""
        data = RtpPacket.parse(packet.payload)
        if data.ssrc != MEDIA_SSRC:
            raise CodecError(
                f"RTP packet of a stream with ssrc {data.ssrc:#010x}; ours is {MEDIA_SSRC:#010x}"
            )
        now_ns = int(self._env.now)
        frame = self._frame_of(data.timestamp)
        primary = data.payload
        if data.payload_type == RED_PAYLOAD_TYPE:
            copies, _, primary = red.parse(data.payload)
            for copy in copies:
                self._take(frame - copy.timestamp_offset // self._frame_ticks, frame, copy.data, now_ns)
        elif data.payload_type != OPUS_PAYLOAD_TYPE:
            raise CodecError(f"RTP payload type {data.payload_type} is neither Opus nor RED")
        self._take(frame, frame, primary, now_ns)
        if self.arrived_ns[frame] == NEVER:
            self.arrived_ns[frame] = now_ns
            self._arrivals[frame] = Arrival(frame, data.sequence, data.marker)

    def run(self) -> Generator[simpy.Event, Any, None]:
        """Play each frame when it is due."""
        for frame in range(len(self.payloads)):
            due_ns = self._playout.due_ns(self._sent_ns(frame), None)
            if due_ns is None:
                return
            # What arrives in the very nanosecond is in time, so decide in the next one.
            yield self._env.timeout(max(0, due_ns + 1 - int(self._env.now)))
            self._decide(frame, due_ns)
            self.played_ns[frame] = due_ns

    def play_rest(self, last_sent_ns: int) -> None:
        """Play the remaining frames at the end of the call, when nothing more can arrive.

        Parameters
        ----------
        last_sent_ns
            When the call's last packet was sent; the call ends then, or with the last arrival.
        """
        ready_ns = 0
        copies_ns = max((at_ns for at_ns in self._at_hand_ns if at_ns is not None), default=0)
        end_ns = max(last_sent_ns, int(self.arrived_ns.max()), copies_ns)
        arrived = [(frame, at_ns) for frame, at_ns in enumerate(self.arrived_ns.tolist()) if at_ns != NEVER]
        fastest_ns = min((at_ns - self._sent_ns(frame) for frame, at_ns in arrived), default=0)
        for frame in range(len(self.payloads)):
            if self._playout.due_ns(self._sent_ns(frame), None) is not None:
                continue
            due_ns = self._playout.due_ns(self._sent_ns(frame), fastest_ns)
            self._decide(frame, end_ns if due_ns is None else due_ns)
            ready_ns = max(ready_ns, self._ready_ns(frame, end_ns)) if due_ns is None else due_ns
            self.played_ns[frame] = ready_ns

    def late(self) -> NDArray[np.bool_]:
        """Return, by frame, whether its packet came, but after the frame had to play."""
        late: NDArray[np.bool_] = (self.arrived_ns != NEVER) & (self.arrived_ns > self.played_ns)
        return late

    def _ready_ns(self, frame: int, end_ns: int) -> int:
        """Return when it was known what to play: when that came, or for a concealed frame what follows it."""
        if self.recovered_by[frame] == Recovery.PRIMARY:
            return int(self.arrived_ns[frame])
        source = int(self.sources[frame])
        known_by = self._following(frame, end_ns) if source == NEVER else source
        at_hand_ns = None if known_by is None else self._at_hand_ns[known_by]
        return end_ns if at_hand_ns is None else at_hand_ns

    def _sent_ns(self, frame: int) -> int:
        """Return when a frame's packet is sent: as soon as the frame is complete."""
        return (frame + 1) * self._frame_ns

    def _frame_of(self, timestamp: int) -> int:
        frame, rest = divmod((timestamp - FIRST_TIMESTAMP) & 0xFFFFFFFF, self._frame_ticks)
        if rest or frame >= len(self.payloads):
            raise CodecError(f"RTP timestamp {timestamp} is no frame of this call")
        return frame

    def _take(self, frame: int, carrier: int, payload: bytes, now_ns: int) -> None:
        if self._at_hand_ns[frame] is None:
            self._at_hand_ns[frame] = now_ns
            self.payloads[frame] = payload
            self._carrier[frame] = carrier
            self._newest = max(self._newest, frame)

    def _is_at_hand(self, frame: int, now_ns: int) -> bool:
        arrived_ns = self._at_hand_ns[frame]
        return arrived_ns is not None and arrived_ns <= now_ns

    def _following(self, frame: int, now_ns: int) -> int | None:
        """Return the next frame after `frame` that is at hand."""
        later_frames = range(frame + 1, self._newest + 1)
        return next((later for later in later_frames if self._is_at_hand(later, now_ns)), None)

    def _decide(self, frame: int, now_ns: int) -> None:
        """Choose what a frame is played from, given what is at hand at `now_ns`."""
        if self._is_at_hand(frame, now_ns):
            on_time = NEVER < self.arrived_ns[frame] <= now_ns
            self._settle(frame, Recovery.PRIMARY if on_time else Recovery.RED, frame, Action.DECODE)
            if not self._frames[frame].is_dtx:
                self._decoded = self._frames[frame]
            return
        following = self._following(frame, now_ns)
        if self._may_pause and self._is_pause(frame, now_ns):
            self.actions[frame] = Action.FILL_PAUSE
        elif following is not None:
            recovery, action = recover(
                self._decoded,
                self._frames[following],
                following - frame,
                self._frame_samples,
                self._dred_reach_samples,
            )
            if action != Action.CONCEAL:
                self._settle(frame, recovery, following, action)

    def _is_pause(self, frame: int, now_ns: int) -> bool:
        """Whether a frame that is missing at `now_ns` counts as a pause."""
        arrived = np.flatnonzero((self.arrived_ns != NEVER) & (self.arrived_ns <= now_ns))
        place = int(np.searchsorted(arrived, frame))
        if place == 0:
            return False
        before = int(arrived[place - 1])
        if place == len(arrived):
            return not self._frames[before].has_voice
        after = int(arrived[place])
        missing = [other for other in range(before + 1, after) if not self._is_at_hand(other, now_ns)]
        return frame in pauses_between(self._arrivals[before], self._arrivals[after], missing)

    def _settle(self, frame: int, recovery: Recovery, source: int, action: Action) -> None:
        self.recovered_by[frame] = recovery
        self.sources[frame] = source
        self.source_frame[frame] = frame if recovery == Recovery.PRIMARY else self._carrier[source]
        self.actions[frame] = action
