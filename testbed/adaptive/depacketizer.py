"""From RTP packets to buffered packets: primaries, RED copies, LBRR and DRED, each on its own."""

from functools import lru_cache
from typing import NamedTuple

from testbed.adaptive.packet_buffer import BufferedPacket, PacketBuffer
from testbed.adaptive.pause_watch import PauseWatch
from testbed.codecs.encoded_frame import DRED_LIMIT_SAMPLES, EncodedFrame, read
from testbed.codecs.opus.packet import announced_ms
from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.codecs.recovery import Recovery
from testbed.codecs.rtp import red
from testbed.codecs.rtp.packet import CLOCK_HZ, OPUS_PAYLOAD_TYPE, RED_PAYLOAD_TYPE, RtpPacket
from testbed.errors import CodecError
from testbed.pauses import Arrival

DRED_FRAME_SAMPLES = SAMPLE_RATE_HZ // 100
"""DRED is buffered in frames of 10 ms, as Signal's receiver does."""
_TICKS_PER_SAMPLE = CLOCK_HZ // SAMPLE_RATE_HZ
_LONGEST_GAP_SAMPLES = 5 * SAMPLE_RATE_HZ
_LBRR_RANK, _DRED_RANK = 64, 128
_FRAME_COUNT_CODE = 3


class MediaClock(NamedTuple):
    """The frames of a call on the RTP clock.

    Attributes
    ----------
    first_timestamp
        RTP timestamp of the first frame.
    frames
        Number of frames.
    frame_samples
        Samples per frame at 16 kHz.
    """

    first_timestamp: int
    frames: int
    frame_samples: int

    @property
    def samples(self) -> int:
        """Length of all frames."""
        return self.frames * self.frame_samples


class Content(NamedTuple):
    """An Opus packet.

    Attributes
    ----------
    frame
        Its content.
    samples
        Its length.
    lbrr_samples
        Length of its LBRR, which ends where it begins; 0 without.
    """

    frame: EncodedFrame
    samples: int
    lbrr_samples: int


class Block(NamedTuple):
    """A primary or a RED copy: its RTP timestamp, its packet, and 0 for the primary, else its number."""

    timestamp: int
    content: Content
    copy: int


class Depacketizer:
    """Reads the packets of one call, and places them on its media clock.

    A packet that cannot be read is left out, and so is what lies outside the call. A stream of another SSRC
    goes on where the one before it ended.

    Parameters
    ----------
    media
        The frames of the call.
    pauses
        Told of what arrives, if the sender omits pauses.

    Attributes
    ----------
    is_new_stream
        Whether the last packet began a stream.
    """

    def __init__(self, media: MediaClock, pauses: PauseWatch | None = None) -> None:
        self.is_new_stream = False
        self._media = media
        self._pauses = pauses
        self._ssrc: int | None = None
        self._newest_ticks = 0
        self._base_timestamp = media.first_timestamp
        self._base_samples = 0
        self._newest_end = 0
        self._newest_sequence = 0
        self._sequences: set[int] = set()

    def read(
        self, data: bytes, arrived_ns: int, arrived_tick: int, buffer: PacketBuffer, decoded_end: int
    ) -> list[BufferedPacket]:
        """Return what an RTP packet brings, in the order in which NetEq puts it into the buffer.

        DRED is read only if the packet before this one is missing, as far back as the end of the last packet
        before it that is buffered, or else of what was decoded.

        Parameters
        ----------
        data
            The packet.
        arrived_ns, arrived_tick
            Time of its arrival, and the last tick before.
        buffer
            The packet buffer.
        decoded_end
            Media time after all that was decoded.
        """
        self.is_new_stream = False
        try:
            packet, blocks = _blocks(data)
        except CodecError:
            return []
        if packet.ssrc != self._ssrc:
            self._begin(packet, blocks[0].timestamp)
        sequence = self._newest_sequence + _nearest(packet.sequence - self._newest_sequence, 16)
        follows = sequence - 1 in self._sequences or not self._sequences
        self._sequences.add(sequence)
        self._newest_sequence = max(self._newest_sequence, sequence)
        carrier = self._start(blocks[0].timestamp)
        found = list[BufferedPacket]()
        for timestamp, content, copy in blocks:
            start, samples, lbrr_samples = self._start(timestamp), content.samples, content.lbrr_samples
            common = (content.frame, carrier, arrived_ns, arrived_tick)
            if lbrr_samples:
                found.append(
                    BufferedPacket(
                        start - lbrr_samples, lbrr_samples, Recovery.LBRR, _LBRR_RANK + copy, *common
                    )
                )
            if content.frame.dred_samples and not (follows or copy):
                gap_start = max(decoded_end, buffer.end_before(start - lbrr_samples) or decoded_end)
                found += (
                    BufferedPacket(
                        begin, DRED_FRAME_SAMPLES, Recovery.DRED, _DRED_RANK, *common, start - begin
                    )
                    for begin in self._dred(start, content, gap_start)
                )
            source = Recovery.RED if copy else Recovery.PRIMARY
            found.append(BufferedPacket(start, samples, source, copy, *common))
            self._newest_end = max(self._newest_end, start + samples)
            if self._pauses is not None:
                self._note(start, packet, content.frame, bool(copy))
        return [each for each in found if each.start >= 0 and each.end <= self._media.samples]

    def _note(self, start: int, packet: RtpPacket, content: EncodedFrame, is_copy: bool) -> None:
        assert self._pauses is not None
        frame = start // self._media.frame_samples
        if is_copy:
            self._pauses.put_copy(frame)
        else:
            self._pauses.put(Arrival(frame, packet.sequence, packet.marker), content)

    def _begin(self, packet: RtpPacket, timestamp: int) -> None:
        """Begin a stream; the first one counts from the call's first timestamp."""
        self.is_new_stream = True
        if self._ssrc is not None:
            self._base_timestamp, self._base_samples = timestamp, self._newest_end
        self._newest_ticks = 0
        self._ssrc = packet.ssrc
        self._newest_sequence = packet.sequence
        self._sequences = set()

    def _start(self, timestamp: int) -> int:
        """Return the media time of an RTP timestamp, which wraps."""
        ticks = timestamp - self._base_timestamp
        ticks = self._newest_ticks + _nearest(ticks - self._newest_ticks, 32)
        self._newest_ticks = max(self._newest_ticks, ticks)
        return self._base_samples + ticks // _TICKS_PER_SAMPLE

    def _dred(self, start: int, content: Content, gap_start: int) -> range:
        """Return where the frames of a packet's DRED begin that lie in the gap before it and its LBRR."""
        gap = start - gap_start
        if not 0 < gap <= _LONGEST_GAP_SAMPLES:
            return range(0)
        frame = content.frame
        unread = max(0, frame.dred_depth_samples - DRED_LIMIT_SAMPLES)
        frames = min(gap, frame.dred_samples - unread) // DRED_FRAME_SAMPLES
        return range(start - frames * DRED_FRAME_SAMPLES, start - content.lbrr_samples, DRED_FRAME_SAMPLES)


def _nearest(difference: int, bits: int) -> int:
    """Return the difference of two counters of some bits, at most half of a turn."""
    half = 1 << bits - 1
    return (difference + half) % (2 * half) - half


@lru_cache(maxsize=1 << 12)
def _blocks(data: bytes) -> tuple[RtpPacket, tuple[Block, ...]]:
    """Return an RTP packet and what it brings, the primary first, without copies that cannot be read."""
    packet = RtpPacket.parse(data)
    copies, payload_type, primary = list[red.RedBlock](), packet.payload_type, packet.payload
    if packet.payload_type == RED_PAYLOAD_TYPE:
        copies, payload_type, primary = red.parse(packet.payload)
    if payload_type != OPUS_PAYLOAD_TYPE:
        raise CodecError(f"RTP payload type {payload_type} is neither Opus nor RED")
    blocks = [Block(packet.timestamp, _content(primary), 0)]
    for number, copy in enumerate(reversed(copies), start=1):
        try:
            content = _content(copy.data)
        except CodecError:
            continue
        blocks.append(Block(packet.timestamp - copy.timestamp_offset & 0xFFFFFFFF, content, number))
    return packet, tuple(blocks)


@lru_cache(maxsize=1 << 14)
def _content(payload: bytes) -> Content:
    frame, samples_per_ms = read(payload), SAMPLE_RATE_HZ // 1000
    one_frame = bytes([payload[0] & ~_FRAME_COUNT_CODE])
    lbrr_ms = announced_ms(one_frame) if frame.has_lbrr else 0
    return Content(frame, int(announced_ms(payload) * samples_per_ms), int(lbrr_ms * samples_per_ms))
