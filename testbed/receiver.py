"""The receiving side of a call: plays each frame from the best data received by the time it is due."""

from collections.abc import Generator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import simpy

from testbed.channels.packet import Packet
from testbed.codecs.dred.network_folder import LIBOPUS, DredNetwork
from testbed.codecs.encoded_frame import DRED_LIMIT_SAMPLES, EncodedFrame, read
from testbed.codecs.recovery import Action, Recovery, recover
from testbed.codecs.rtp import red
from testbed.codecs.rtp.packet import OPUS_PAYLOAD_TYPE, RED_PAYLOAD_TYPE, RtpPacket
from testbed.errors import CodecError
from testbed.media_frames import MediaFrames
from testbed.pauses import Arrival, pauses_between
from testbed.playout.policy import ScheduledPlayout
from testbed.sender import MEDIA_SSRC
from testbed.timeline import NEVER

# An enum's members are slow to look up, and this is done for every frame.
_PRIMARY, _RED, _DECODE = Recovery.PRIMARY, Recovery.RED, Action.DECODE


class Received(NamedTuple):
    """The first copy of a frame that arrived, as a primary or by RED.

    Attributes
    ----------
    content
        Content of its packet.
    carrier
        The frame that is the primary of the RTP packet it came in.
    at_ns
        Time of arrival.
    """

    content: EncodedFrame
    carrier: int
    at_ns: int


class Receiver:
    """Collects frames from packets and chooses the source of each played frame.

    A missing frame is played from a RED copy of it. Otherwise `testbed.codecs.recovery.recover` decides what
    to use of the next available packet: its LBRR, its DRED, or concealment.

    If the sender omits pauses, a missing frame is a pause if the packets before and after it say so
    (`testbed.pauses`). Before a later packet arrives, it counts as a pause unless the packet before it has
    voice. A pause is filled without networks, and nothing is repaired in it.

    Parameters
    ----------
    frames
        The frames of the call.
    playout
        The policy that decides when a frame must play.
    dred_reach_samples
        Depth of a packet's DRED that the engine reads, counted from its newest sample.
    may_pause
        Whether the sender omits pauses, as agreed in SDP (``usedtx``, RFC 7587, 6.1).
    network
        Its network of DRED.

    Attributes
    ----------
    arrived_ns
        By frame, when it first arrived as a primary, or `NEVER`.
    recovered_by, source_frame, played_ns
        The decisions; see `testbed.timeline.Timeline`.
    actions, sources
        The decoder's work; see `testbed.codecs.engines.engine.Job`.
    """

    def __init__(
        self,
        env: simpy.Environment,
        frames: MediaFrames,
        playout: ScheduledPlayout,
        dred_reach_samples: int = DRED_LIMIT_SAMPLES,
        may_pause: bool = False,
        network: DredNetwork = LIBOPUS,
    ) -> None:
        count = len(frames)
        self.arrived_ns = [NEVER] * count
        self.recovered_by = [Recovery.PLC] * count
        self.source_frame = [NEVER] * count
        self.played_ns = [0] * count
        self.actions = [Action.CONCEAL] * count
        self.sources = [NEVER] * count
        self._received: dict[int, Received] = {}
        self._newest = NEVER
        self._arrivals: dict[int, Arrival] = {}
        self._may_pause = may_pause
        self._network = network
        self._decoded: EncodedFrame | None = None
        self._env = env
        self._playout = playout
        self._dred_reach_samples = dred_reach_samples
        self._frames = frames

    @property
    def payloads(self) -> list[bytes | None]:
        """By frame, the Opus packet that arrived first for it, as a primary or by RED, or None."""
        found = map(self._received.get, range(len(self.arrived_ns)))
        return [None if received is None else received.content.payload for received in found]

    def put(self, packet: Packet) -> None:
        """Take a packet as it arrives."""
        data, copies, primary = _content(packet.payload)
        now_ns = int(self._env.now)
        frame = self._frames.frame_of(data.timestamp)
        for copy in copies:
            copied = self._frames.frame_of((data.timestamp - copy.timestamp_offset) & 0xFFFFFFFF)
            self._take(copied, frame, copy.data, now_ns)
        self._take(frame, frame, primary, now_ns)
        if self.arrived_ns[frame] == NEVER:
            self.arrived_ns[frame] = now_ns
            if self._may_pause:
                self._arrivals[frame] = Arrival(frame, data.sequence, data.marker)

    def run(self) -> Generator[simpy.Event, Any, None]:
        """Play each frame when it is due."""
        for frame in range(len(self.arrived_ns)):
            due_ns = self._playout.due_ns(self._frames.sent_ns(frame), None)
            if due_ns is None:
                return
            # A packet that arrives in the same nanosecond is in time, so decide in the next one.
            yield self._env.timeout(max(0, due_ns + 1 - int(self._env.now)))
            self._decide(frame, due_ns)
            self.played_ns[frame] = due_ns

    def play_rest(self, last_sent_ns: int) -> None:
        """Play the remaining frames at the end of the call, when nothing more can arrive.

        Parameters
        ----------
        last_sent_ns
            Time at which the call's last packet was sent; the call ends then, or with the last arrival.
        """
        ready_ns = 0
        copies_ns = max((received.at_ns for received in self._received.values()), default=0)
        end_ns = max(last_sent_ns, *self.arrived_ns, copies_ns)
        arrived = [(frame, at_ns) for frame, at_ns in enumerate(self.arrived_ns) if at_ns != NEVER]
        fastest_ns = min((at_ns - self._frames.sent_ns(frame) for frame, at_ns in arrived), default=0)
        for frame in range(len(self.arrived_ns)):
            if self._playout.due_ns(self._frames.sent_ns(frame), None) is not None:
                continue
            due_ns = self._playout.due_ns(self._frames.sent_ns(frame), fastest_ns)
            self._decide(frame, end_ns if due_ns is None else due_ns)
            ready_ns = max(ready_ns, self._ready_ns(frame, end_ns)) if due_ns is None else due_ns
            self.played_ns[frame] = ready_ns

    def _ready_ns(self, frame: int, end_ns: int) -> int:
        """Return the time at which its source was known: its arrival, or the next one if it is concealed."""
        if self.recovered_by[frame] == _PRIMARY:
            return self.arrived_ns[frame]
        source = self.sources[frame]
        known_by = self._following(frame, end_ns) if source == NEVER else source
        return end_ns if known_by is None else self._received[known_by].at_ns

    def _take(self, frame: int, carrier: int, payload: bytes, now_ns: int) -> None:
        if frame not in self._received:
            self._received[frame] = Received(read(payload, self._network), carrier, now_ns)
            self._newest = max(self._newest, frame)

    def _is_at_hand(self, frame: int, now_ns: int) -> bool:
        received = self._received.get(frame)
        return received is not None and received.at_ns <= now_ns

    def _following(self, frame: int, now_ns: int) -> int | None:
        """Return the next available frame after `frame`."""
        later_frames = range(frame + 1, self._newest + 1)
        return next((later for later in later_frames if self._is_at_hand(later, now_ns)), None)

    def _decide(self, frame: int, now_ns: int) -> None:
        """Choose the source of a frame from the data available at `now_ns`."""
        if self._is_at_hand(frame, now_ns):
            on_time = NEVER < self.arrived_ns[frame] <= now_ns
            self._settle(frame, _PRIMARY if on_time else _RED, frame, _DECODE)
            content = self._received[frame].content
            if not content.is_dtx:
                self._decoded = content
            return
        following = self._following(frame, now_ns)
        if self._may_pause and self._is_pause(frame, now_ns):
            self.actions[frame] = Action.FILL_PAUSE
        elif following is not None:
            recovery, action = recover(
                self._decoded,
                self._received[following].content,
                self._frames.distance(frame, following),
                self._frames.samples(frame),
                self._dred_reach_samples,
            )
            if action != Action.CONCEAL:
                self._settle(frame, recovery, following, action)

    def _is_pause(self, frame: int, now_ns: int) -> bool:
        """Return whether a frame that is missing at `now_ns` counts as a pause."""
        before = self._arrived_in(range(frame - 1, -1, -1), now_ns)
        if before is None:
            return False
        after = self._arrived_in(range(frame + 1, len(self.arrived_ns)), now_ns)
        if after is None:
            return not self._received[before].content.has_voice
        missing = [other for other in range(before + 1, after) if not self._is_at_hand(other, now_ns)]
        return frame in pauses_between(self._arrivals[before], self._arrivals[after], missing)

    def _arrived_in(self, frames: range, now_ns: int) -> int | None:
        """Return the first of some frames that has arrived as a primary at `now_ns`."""
        return next((frame for frame in frames if NEVER < self.arrived_ns[frame] <= now_ns), None)

    def _settle(self, frame: int, recovery: Recovery, source: int, action: Action) -> None:
        self.recovered_by[frame] = recovery
        self.sources[frame] = source
        self.source_frame[frame] = frame if recovery == _PRIMARY else self._received[source].carrier
        self.actions[frame] = action


@lru_cache(maxsize=1 << 12)
def _content(data: bytes) -> tuple[RtpPacket, Sequence[red.RedBlock], bytes]:
    """Return the header of a packet, its RED copies, and its primary; every realization receives the same."""
    packet = RtpPacket.parse(data)
    if packet.ssrc != MEDIA_SSRC:
        raise CodecError(f"RTP packet of a stream with ssrc {packet.ssrc:#010x}; ours is {MEDIA_SSRC:#010x}")
    if packet.payload_type == RED_PAYLOAD_TYPE:
        copies, _, primary = red.parse(packet.payload)
        return packet, copies, primary
    if packet.payload_type != OPUS_PAYLOAD_TYPE:
        raise CodecError(f"RTP payload type {packet.payload_type} is neither Opus nor RED")
    return packet, (), packet.payload
