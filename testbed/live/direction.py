"""One way of a live call through the stages of its channel."""

import sys
from collections import Counter
from collections.abc import Callable

from testbed.channels.clock import Clock
from testbed.channels.packet import MEDIA_FLOW, Packet
from testbed.channels.realization import Realization
from testbed.live.counts import WayCounts
from testbed.live.kind import DatagramKind
from testbed.live.log import PASSED, SENT, UNSENT, WAITING, PacketFate
from testbed.live.network import Way

MOST_WAITING = 10_000
MOST_WAITING_BYTES = 16 << 20
"""Largest number of packets, and of bytes, in the channel of one way."""

_WARMING_PACKETS = 50

Send = Callable[[bytes], int]
"""Sends a datagram; returns the time of sending in ns since the relay's start, or -1 if that failed."""
Note = Callable[[PacketFate, bytes], None]
"""Takes what became of a packet, and its bytes."""


def live_clock() -> Clock:
    """Return a clock without a budget of events: a live call has no end of its own."""
    return Clock(sys.maxsize)


class Direction:
    """Puts the packets of one way into the stages, and sends them when they leave.

    RTP is the flow ``media`` of the channel. Packets of another kind, if they meet the stages at all, are a
    flow of their own, so that they take no random numbers of the media.

    Parameters
    ----------
    clock
        The clock of both ways, at the present time whenever a packet is put.
    way
        The way.
    channel
        The stages.
    send, note
        See the types.
    counts
        Counts to update.
    """

    def __init__(
        self, clock: Clock, way: Way, channel: Realization, send: Send, note: Note, counts: WayCounts
    ) -> None:
        self._clock = clock
        self._way = way
        self._send = send
        self._note = note
        self._counts = counts
        self._numbers: Counter[DatagramKind] = Counter()
        self._waiting: dict[tuple[str, int], Packet] = {}
        self._entrance = channel.build(clock, self._leave, self._drop)

    def is_full(self, size_bytes: int) -> bool:
        """Return whether a packet would exceed the limits of the channel."""
        counts = self._counts
        return counts.waiting >= MOST_WAITING or counts.waiting_bytes + size_bytes > MOST_WAITING_BYTES

    def put(self, kind: DatagramKind, datagram: bytes, size_bytes: int) -> None:
        """Put a packet into the stages at the clock's time."""
        counts, number = self._counts, self._numbers[kind]
        self._numbers[kind] += 1
        flow = flow_of(kind)
        packet = Packet(size_bytes, self._clock.now, number, flow, datagram)
        counts.taken += 1
        counts.taken_bytes += size_bytes
        counts.waiting += 1
        counts.waiting_bytes += size_bytes
        self._waiting[flow, number] = packet
        self._entrance(packet)

    def pass_on(self, kind: DatagramKind, datagram: bytes, size_bytes: int) -> None:
        """Send a packet at once."""
        number, now_ns = self._numbers[kind], self._clock.now
        self._numbers[kind] += 1
        self._counts.passed[kind.value] += 1
        sent_ns = self._send(datagram)
        fate = PacketFate(self._way, kind, number, size_bytes, now_ns, PASSED, now_ns, sent_ns)
        self._note(fate, datagram)

    def end(self) -> None:
        """Note the packets that are still in the channel."""
        for packet in self._waiting.values():
            self._note(self._fate(packet, WAITING), packet.payload)
        self._waiting.clear()

    def _leave(self, packet: Packet) -> None:
        sent_ns = self._send(packet.payload)
        fate = self._fate(packet, SENT if sent_ns >= 0 else UNSENT, sent_ns)
        self._settle(packet)
        if sent_ns >= 0:
            self._counts.sent += 1
            self._counts.sent_bytes += packet.size_bytes
            self._counts.delay_ns += sent_ns - packet.sent_ns
        self._note(fate, packet.payload)

    def _drop(self, packet: Packet, cause: str) -> None:
        self._settle(packet)
        self._counts.lost[cause] += 1
        self._note(self._fate(packet, cause), packet.payload)

    def _fate(self, packet: Packet, decision: str, sent_ns: int = -1) -> PacketFate:
        return PacketFate(
            self._way,
            kind_of_flow(packet.flow),
            packet.sequence,
            packet.size_bytes,
            packet.sent_ns,
            decision,
            self._clock.now,
            sent_ns,
        )

    def _settle(self, packet: Packet) -> None:
        """Take a packet off the waiting ones; of a duplicated packet, the first copy counts."""
        if self._waiting.pop((packet.flow, packet.sequence), None) is not None:
            self._counts.waiting -= 1
            self._counts.waiting_bytes -= packet.size_bytes


def warm_up(channel: Realization) -> None:
    """Send packets through a realization: stages import and compute much at their first packet."""
    clock = live_clock()
    entrance = channel.build(clock, lambda packet: None, lambda packet, cause: None)
    for number in range(_WARMING_PACKETS):
        entrance(Packet(100, 0, number))
    clock.run()


def flow_of(kind: DatagramKind) -> str:
    """Return the name of the flow of packets of a kind."""
    return MEDIA_FLOW if kind is DatagramKind.RTP else kind.value


def kind_of_flow(flow: str) -> DatagramKind:
    """Return the kind of the packets of a flow."""
    return _KINDS[flow]


_KINDS = {flow_of(kind): kind for kind in DatagramKind}
