"""The adaptive receiver: a jitter buffer whose delay follows the network, as NetEq's does.

Every 10 ms the controller decides what to play, from the packets that have arrived::

    RTP packets --> Depacketizer --> PacketBuffer --> PacketDecoder --> Output --> sound
                         |               |    ^                           |
                         +--> controller-+    +-- late policy             +-- MediaMap --> what it stands for

It differs from NetEq in this: NetEq has no DRED, which is buffered as by Signal's receiver; sound is at
16 kHz; a stream of another SSRC goes on in the same receiver.
"""

from collections.abc import Sequence

import numpy as np

from testbed.adaptive.buffer_recorder import BufferRecorder
from testbed.adaptive.depacketizer import Depacketizer, MediaClock
from testbed.adaptive.late import late_policy
from testbed.adaptive.media_map import MediaMap
from testbed.adaptive.output import TICK_SAMPLES, Decoded, Output
from testbed.adaptive.packet_buffer import PacketBuffer
from testbed.adaptive.packet_decoder import PacketDecoder
from testbed.adaptive.pause_watch import PauseWatch
from testbed.adaptive.played import Concealment, Played
from testbed.codecs.concealers import Concealer
from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.codecs.recovery import Recovery
from testbed.errors import CodecError
from testbed.kernels.expand import OVERLAP_SAMPLES
from testbed.neteq.controller import CONCEALING
from testbed.neteq.create import create_controller
from testbed.neteq.decoding import has_enough_to_accelerate, plan_decoding
from testbed.neteq.status import STRETCHES, TICK_MS, FrameArrival, LastMode, Operation, ReceiverStatus
from testbed.playout.adaptive import AdaptivePlayout
from testbed.timeline import NEVER

TICK_NS = TICK_MS * 1_000_000
_SAMPLES_PER_MS = SAMPLE_RATE_HZ // 1000
_NS_PER_SAMPLE = 1_000_000_000 // SAMPLE_RATE_HZ
_FIRST_FRAME_SAMPLES = 3 * TICK_SAMPLES
"""NetEq's assumption before the first packet."""
_LONGEST_WAIT_AT_END_SAMPLES = SAMPLE_RATE_HZ
"""Concealment beyond the end of the call after which packets that are still held count as lost."""


class AdaptiveReceiver:
    """Plays the packets of a call; what is played depends on them and their times of arrival alone.

    Parameters
    ----------
    playout
        The policy.
    media
        The frames of the call.
    decoder_complexity
        Of `testbed.codecs.opus.codec.Decoder`.
    concealer
        Who conceals.
    may_pause
        Whether the sender omits pauses, as agreed in SDP (``usedtx``, RFC 7587, 6.1).
    """

    def __init__(
        self,
        playout: AdaptivePlayout,
        media: MediaClock,
        decoder_complexity: int,
        concealer: Concealer,
        may_pause: bool = False,
    ) -> None:
        self._playout = playout
        self._media = media
        self._decoder_complexity = decoder_complexity
        self._concealer = concealer
        self._may_pause = may_pause

    def play(self, arrivals: Sequence[tuple[int, bytes]]) -> Played:
        """Return the sound of a call.

        Parameters
        ----------
        arrivals
            Times of arrival in nanoseconds and RTP packets, in the order of arrival.
        """
        decoder = PacketDecoder(self._decoder_complexity, conceals=self._concealer == "codec")
        call = _Call(self._playout, self._media, decoder, self._concealer, self._may_pause)
        return call.play(arrivals)


class _Call:
    """A call while it is played; see `AdaptiveReceiver`."""

    def __init__(
        self,
        playout: AdaptivePlayout,
        media: MediaClock,
        decoder: PacketDecoder,
        concealer: Concealer,
        may_pause: bool,
    ) -> None:
        self._clock = media
        self._decoder = decoder
        self._pauses = PauseWatch() if may_pause else None
        self._depacketizer = Depacketizer(media, self._pauses)
        self._buffer = PacketBuffer(playout.most_packets)
        self._controller = create_controller(playout, _SAMPLES_PER_MS)
        self._late = late_policy(playout.late)
        self._media = MediaMap(media.samples)
        self._output = Output(self._media, decoder, concealer, playout.fast_accelerate)
        self._recorder = BufferRecorder()
        self._frame_samples = _FIRST_FRAME_SAMPLES
        self._is_new_stream = True
        self._concealed = 0
        self._start_ns: int | None = None

    def play(self, arrivals: Sequence[tuple[int, bytes]]) -> Played:
        taken, count = 0, len(arrivals)
        tick = -(-arrivals[0][0] // TICK_NS) if count else 0
        while not self._is_over(taken == count):
            now_ns = tick * TICK_NS
            while taken < count and arrivals[taken][0] <= now_ns:
                self._receive(*arrivals[taken], tick)
                taken += 1
            if self._start_ns is None and self._buffer.first is not None:
                self._start_ns = now_ns + OVERLAP_SAMPLES * _NS_PER_SAMPLE
            if self._start_ns is not None:
                self._play_tick(now_ns, tick)
            tick += 1
        return self._played()

    def _is_over(self, all_arrived: bool) -> bool:
        if self._media.end >= self._clock.samples:
            return True
        if not all_arrived:
            return False
        overdue = self._media.end + self._media.concealed - self._clock.samples
        if len(self._buffer):
            return overdue > _LONGEST_WAIT_AT_END_SAMPLES
        return overdue >= 0 or self._start_ns is None

    def _receive(self, arrived_ns: int, data: bytes, tick: int) -> None:
        packets = self._depacketizer.read(data, arrived_ns, tick - 1, self._buffer, self._media.end)
        if self._depacketizer.is_new_stream and self._start_ns is not None:
            self._buffer.clear()
            self._decoder.reset()
            self._restart()
        for packet in packets:
            if packet.start >= self._media.end and self._buffer.put(packet):
                self._restart()
            is_redundant = packet.source != Recovery.PRIMARY
            arrival = FrameArrival(packet.start, packet.samples, is_redundant)
            self._controller.packet_arrived(arrival, (tick - 1) * TICK_MS)

    def _restart(self) -> None:
        self._controller.restart()
        self._is_new_stream = True

    def _play_tick(self, now_ns: int, tick: int) -> None:
        """Decide, decode or conceal, and play 10 ms."""
        output = self._output
        self._buffer.discard_before(self._media.end)
        level_ms = (self._buffer.samples + output.left) / _SAMPLES_PER_MS
        self._recorder.level(now_ns, level_ms, self._controller.target_delay_ms)
        if not (self._is_new_stream and output.left >= TICK_SAMPLES):
            operation = self._decide(tick)
            self._do(operation, now_ns)
        output.play()

    def _decide(self, tick: int) -> Operation:
        """Return the controller's decision, or what the late policy or a pause makes of it."""
        buffer, media, output = self._buffer, self._media, self._output
        now_ms = tick * TICK_MS
        first = buffer.first
        # Up to the delay that the controller wants, sound plays in full: by stretching it would grow, too.
        if (
            first is not None
            and first.start < output.concealed_until
            and self._excess_ms(first.start, now_ms) > 0
        ):
            self._late.trim(buffer, output.concealed_until)
            first = buffer.first
        removed, output.removed = output.removed, 0
        self._concealed = self._concealed + TICK_SAMPLES if output.last in CONCEALING else media.concealed
        status = ReceiverStatus(
            output.last,
            media.end,
            None if first is None else first.start,
            first is not None and first.is_dtx,
            output.left,
            self._concealed,
            output.mute_factor_q14,
            buffer.span_samples,
            buffer.waiting_span_samples(tick, TICK_SAMPLES),
            buffer.holds_dtx,
            removed,
        )
        operation = self._controller.decide(status, now_ms)
        if self._is_new_stream or first is None:
            return self._in_pause(operation)
        gap = first.start - media.end
        if output.last == LastMode.COMFORT_NOISE and operation in STRETCHES:
            return Operation.NORMAL
        keeps_delay = self._late.keeps_delay and media.concealed > 0
        if operation == Operation.EXPAND and keeps_delay and output.is_due(first.start):
            return Operation.MERGE if output.last == LastMode.EXPAND else Operation.NORMAL
        if gap and operation != Operation.EXPAND and self._late.waits(self._excess_ms(media.end, now_ms)):
            return self._in_pause(Operation.EXPAND)
        return self._in_pause(operation) if gap else operation

    def _excess_ms(self, media: int, now_ms: int) -> int:
        """Return the delay that media would have if they were decoded now, above the controller's target."""
        delay_ms = self._controller.delay_ms(media - self._output.left, now_ms)
        return delay_ms - self._controller.target_delay_ms

    def _in_pause(self, operation: Operation) -> Operation:
        """Return comfort noise in place of concealment if what is missing is a pause."""
        is_pause = operation == Operation.EXPAND and self._is_pause()
        return Operation.COMFORT_NOISE if is_pause else operation

    def _is_pause(self) -> bool:
        if self._pauses is None:
            return False
        at = self._media.end + self._media.concealed
        return self._pauses.is_pause(at // self._clock.frame_samples)

    def _do(self, operation: Operation, now_ns: int) -> None:
        """Decode and play, or conceal."""
        left = self._output.left
        operation, needed = plan_decoding(operation, left, self._frame_samples, _SAMPLES_PER_MS)
        decoded = list[Decoded]()
        if needed:
            decoded = self._decode(needed, now_ns)
            if not decoded and left < TICK_SAMPLES:
                operation = Operation.EXPAND
        if operation in (Operation.ACCELERATE, Operation.FAST_ACCELERATE):
            available = left + sum(len(each.sound) for each in decoded)
            if not has_enough_to_accelerate(available, _SAMPLES_PER_MS):
                operation = Operation.NORMAL
        if operation == Operation.EXPAND:
            self._output.conceal()
        elif operation == Operation.COMFORT_NOISE:
            self._output.fill_pause()
        else:
            self._output.add(operation, decoded, self._late.keeps_delay)
            if self._output.left < TICK_SAMPLES:
                self._output.conceal()

    def _decode(self, needed: int, now_ns: int) -> list[Decoded]:
        """Decode packets, each following on the one before, until there is as much sound as needed."""
        decoded, samples, end = list[Decoded](), 0, None
        while samples < needed:
            first = self._buffer.first
            if first is None or (end is not None and first.start != end):
                break
            packet = self._buffer.take()
            self._recorder.wait(now_ns, now_ns - packet.arrived_ns, packet.samples)
            try:
                sound, source = self._decoder.decode(packet)
            except CodecError:
                break
            carrier = packet.carrier
            decoded.append(Decoded(sound, packet.start, source, carrier, packet.is_dtx))
            self._frame_samples = packet.samples + packet.skipped
            self._is_new_stream = False
            samples += packet.samples
            end = packet.end
            self._buffer.discard_before(end)
        return decoded

    def _played(self) -> Played:
        media, clock = self._media, self._clock
        if self._start_ns is None:
            return self._silence()
        pcm = self._output.finish()
        start_ns = self._start_ns
        first, recovered_by, carrier = media.frames(clock.frames, clock.frame_samples)
        return Played(
            pcm=pcm,
            start_ns=start_ns,
            edits=tuple(media.edits()),
            played_ns=np.where(first == NEVER, NEVER, start_ns + first * _NS_PER_SAMPLE),
            recovered_by=recovered_by,
            source_frame=carrier,
            concealments=tuple(media.concealments()),
            levels=self._recorder.levels(),
            waits=self._recorder.waits(),
        )

    def _silence(self) -> Played:
        """Return the silence of a call of which nothing arrived."""
        samples, frames = self._clock.samples, self._clock.frames
        return Played(
            pcm=np.zeros(samples, np.int16),
            start_ns=0,
            edits=(),
            played_ns=np.full(frames, NEVER, np.int64),
            recovered_by=np.full(frames, Recovery.PLC, np.uint8),
            source_frame=np.full(frames, NEVER, np.int32),
            concealments=(Concealment(0, samples),),
            levels=self._recorder.levels(),
            waits=self._recorder.waits(),
        )
