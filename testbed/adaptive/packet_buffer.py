"""The packet buffer: packets that wait to be decoded, in the order of their media time."""

from bisect import bisect_left
from typing import NamedTuple

from testbed.codecs.encoded_frame import EncodedFrame
from testbed.codecs.recovery import Recovery


class BufferedPacket(NamedTuple):
    """Sound of one stretch of media time that a packet brought.

    Attributes
    ----------
    start
        Media time of its first sample.
    samples
        Its length.
    source
        What it is: the primary of its packet, a RED copy, LBRR, or 10 ms of DRED.
    rank
        Its order among packets of the same start; the lowest is kept.
    content
        The Opus packet that it is decoded from.
    carrier
        Media time of the primary of the RTP packet that it came in.
    arrived_ns, arrived_tick
        Time of its arrival, and the last tick before.
    distance
        For DRED, from `start` to the first sample of the Opus packet.
    skipped
        Samples at its beginning that are decoded, but not played; `start` is behind them.
    """

    start: int
    samples: int
    source: Recovery
    rank: int
    content: EncodedFrame
    carrier: int
    arrived_ns: int
    arrived_tick: int
    distance: int = 0
    skipped: int = 0

    @property
    def end(self) -> int:
        """Media time after its last sample."""
        return self.start + self.samples

    @property
    def is_dtx(self) -> bool:
        """True if it holds no sound: a primary or a copy of at most two bytes."""
        return len(self.content.payload) <= _MOST_DTX_BYTES


_MOST_DTX_BYTES = 2
_ALL_PER_PRIMARY = 4


class PacketBuffer:
    """Holds one packet per start; in its place, a later one of lower rank.

    It is full when it holds a number of primaries, or four times as many packets in all, and is then emptied
    before the next one is put in. NetEq, which knows no DRED, counts all kinds; Signal counts as here.

    Parameters
    ----------
    most_packets
        That number.

    Attributes
    ----------
    samples
        Length of all packets together.
    """

    def __init__(self, most_packets: int) -> None:
        self._most = most_packets
        self._starts: list[int] = []
        self._packets: list[BufferedPacket] = []
        self._primaries = 0
        self._dtx = 0
        self.samples = 0

    def __len__(self) -> int:
        return len(self._packets)

    @property
    def first(self) -> BufferedPacket | None:
        """The packet with the earliest start."""
        return self._packets[0] if self._packets else None

    @property
    def span_samples(self) -> int:
        """Media time from the start of the first packet to the end of the last."""
        return self._packets[-1].end - self._starts[0] if self._packets else 0

    def waiting_span_samples(self, tick: int, tick_samples: int) -> int:
        """Return the media time from the first start to the last, and the time that the last has waited."""
        if not self._packets:
            return 0
        waited = tick - self._packets[-1].arrived_tick
        return self._starts[-1] - self._starts[0] + waited * tick_samples

    @property
    def holds_dtx(self) -> bool:
        """True if any packet holds no sound."""
        return self._dtx > 0

    def end_before(self, start: int) -> int | None:
        """Return the end of the last packet that starts earlier."""
        index = bisect_left(self._starts, start)
        return self._packets[index - 1].end if index else None

    def put(self, packet: BufferedPacket) -> bool:
        """Take a packet; return whether the buffer was full, and emptied."""
        is_full = self._primaries >= self._most or len(self._packets) >= _ALL_PER_PRIMARY * self._most
        if is_full:
            self.clear()
        index = bisect_left(self._starts, packet.start)
        if index < len(self._starts) and self._starts[index] == packet.start:
            if packet.rank >= self._packets[index].rank:
                return is_full
            self._remove(index)
        self._starts.insert(index, packet.start)
        self._packets.insert(index, packet)
        self._count(packet, 1)
        return is_full

    def take(self) -> BufferedPacket:
        """Remove the first packet and return it."""
        return self._remove(0)

    def replace_first(self, packet: BufferedPacket) -> None:
        """Put a packet in place of the first one."""
        self.samples += packet.samples - self._packets[0].samples
        self._starts[0], self._packets[0] = packet.start, packet

    def discard_before(self, limit: int) -> None:
        """Remove the packets that start before a media time."""
        while self._starts and self._starts[0] < limit:
            self._remove(0)

    def clear(self) -> None:
        """Remove all packets."""
        self._starts.clear()
        self._packets.clear()
        self._primaries = self._dtx = self.samples = 0

    def _remove(self, index: int) -> BufferedPacket:
        del self._starts[index]
        packet = self._packets.pop(index)
        self._count(packet, -1)
        return packet

    def _count(self, packet: BufferedPacket, sign: int) -> None:
        self._primaries += sign * (packet.source == Recovery.PRIMARY)
        self._dtx += sign * packet.is_dtx
        self.samples += sign * packet.samples
