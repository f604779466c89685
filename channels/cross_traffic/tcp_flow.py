"""One TCP connection over a link: sender, receiver, and return path of acknowledgements."""

from collections import deque
from collections.abc import Callable

from testbed.channels.cross_traffic.model import TrafficContext
from testbed.channels.cross_traffic.tcp_window import TcpWindow
from testbed.channels.packet import Packet

DUPLICATES = 3
"""Number of later packets whose arrival makes a packet count as lost: the threshold of RFC 5681."""
SHORTEST_TIMEOUT_NS = 1_000_000_000
LONGEST_TIMEOUT_NS = 60_000_000_000


class TcpFlow:
    """Sends segments as acknowledgements arrive, and retransmits lost ones.

    Every packet is acknowledged, also selectively (RFC 2018). The sender knows which transmission of a
    segment has arrived, and so detects lost retransmissions like other losses (as in RFC 8985 and RFC 9002).
    The window is filled as in RFC 6675; the retransmission timer is that of RFC 6298. Acknowledgements have a
    constant delay and are never lost.

    Parameters
    ----------
    access
        Dependencies of the flow.
    flow
        Its name.
    window
        Its congestion window.
    segment_bytes
        Size of its packets, headers included.
    reverse_ns
        Delay of an acknowledgement.
    segments
        Number of segments to send; None: no end.
    on_end
        Called when all segments are acknowledged.
    """

    def __init__(
        self,
        access: TrafficContext,
        flow: str,
        window: TcpWindow,
        segment_bytes: int,
        reverse_ns: int,
        segments: int | None = None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.flow = flow
        self.window = window
        self._env = access.env
        self._later = access.later
        self._put = access.put
        self._bytes = segment_bytes
        self._reverse_ns = reverse_ns
        self._segments = segments
        self._on_end = on_end
        self._ended = False
        self._first = self._next = self._sent = 0
        self._flight: dict[int, int] = {}
        self._arrived: set[int] = set()
        self._lost: deque[int] = deque()
        self._farthest: list[int] = []
        self._recovered_at = 0
        self._recovers = False
        self._mean_rtt_ns, self._rtt_deviation_ns = 0.0, 0.0
        self._timeout_ns = SHORTEST_TIMEOUT_NS
        self._deadline_ns = 0
        self._timer_runs = False
        self._wanted = 0
        self._early: set[int] = set()
        access.arrivals[flow] = self._receive

    def begin(self) -> None:
        """Send the first window."""
        self._send()

    def end(self) -> None:
        """Send nothing further."""
        self._ended = True

    def _receive(self, packet: Packet) -> None:
        """Act as the receiver: acknowledge all segments before the first missing one, and this packet."""
        segment = int.from_bytes(packet.payload)
        if segment == self._wanted:
            self._wanted += 1
            while self._wanted in self._early:
                self._early.remove(self._wanted)
                self._wanted += 1
        elif segment > self._wanted:
            self._early.add(segment)
        if not self._ended:
            self._later(self._reverse_ns, self._acknowledged, (self._wanted, segment, packet))

    def _acknowledged(self, acknowledgement: tuple[int, int, Packet]) -> None:
        first, segment, packet = acknowledgement
        if self._ended:
            return
        now_ns = self._env.now
        self._measure(now_ns - packet.sent_ns)
        self._flight.pop(packet.sequence, None)
        is_new = first > self._first
        if segment >= first:
            self._arrived.add(segment)
        if is_new:
            self._arrived.difference_update(range(self._first, first))
            self._first = first
            self._recovers = self._recovers and first < self._recovered_at
            self._deadline_ns = now_ns + self._timeout_ns
            if first == self._segments:
                self._ended = True
                self._on_end()
                return
        self._find_lost(packet.sequence)
        if is_new and not self._recovers:
            self.window.on_acknowledged(now_ns, now_ns - packet.sent_ns)
        self._send()

    def _is_missing(self, segment: int) -> bool:
        return segment >= self._first and segment not in self._arrived

    def _find_lost(self, arrived: int) -> None:
        """Find losses after an arrival; all losses of one window count as one."""
        self._farthest = sorted((*self._farthest, arrived))[-DUPLICATES:]
        if len(self._farthest) < DUPLICATES:
            return
        in_flight = len(self._flight)
        while self._flight and (oldest := next(iter(self._flight))) < self._farthest[0]:
            segment = self._flight.pop(oldest)
            if self._is_missing(segment):
                self._lost.append(segment)
                if segment >= self._recovered_at:
                    self.window.on_loss(in_flight)
                    self._recovered_at = self._next
                    self._recovers = True

    def _send(self) -> None:
        room = int(self.window.size) - len(self._flight)
        while room > 0:
            segment = self._take_lost()
            if segment is None:
                if self._next == self._segments:
                    break
                segment = self._next
                self._next += 1
            room -= 1
            self._flight[self._sent] = segment
            self._put(Packet(self._bytes, self._env.now, self._sent, self.flow, segment.to_bytes(8)))
            self._sent += 1
        if not self._timer_runs and self._flight:
            self._timer_runs = True
            self._deadline_ns = self._env.now + self._timeout_ns
            self._later(self._timeout_ns, self._tick, None)

    def _take_lost(self) -> int | None:
        while self._lost:
            segment = self._lost.popleft()
            if self._is_missing(segment):
                return segment
        return None

    def _measure(self, rtt_ns: int) -> None:
        if not self._mean_rtt_ns:
            self._mean_rtt_ns, self._rtt_deviation_ns = rtt_ns, rtt_ns / 2
        else:
            self._rtt_deviation_ns += (abs(self._mean_rtt_ns - rtt_ns) - self._rtt_deviation_ns) / 4
            self._mean_rtt_ns += (rtt_ns - self._mean_rtt_ns) / 8
        timeout_ns = round(self._mean_rtt_ns + 4 * self._rtt_deviation_ns)
        self._timeout_ns = min(max(timeout_ns, SHORTEST_TIMEOUT_NS), LONGEST_TIMEOUT_NS)

    def _tick(self, _: None) -> None:
        """Act as the retransmission timer, which each acknowledgement restarts."""
        if self._ended:
            return
        left_ns = self._deadline_ns - self._env.now
        if left_ns > 0:
            self._later(left_ns, self._tick, None)
            return
        self._timer_runs = False
        self.window.on_timeout(len(self._flight))
        self._recovered_at = self._next
        self._recovers = False
        self._timeout_ns = min(2 * self._timeout_ns, LONGEST_TIMEOUT_NS)
        self._lost = deque(sorted({*self._lost, *self._flight.values()}))
        self._flight.clear()
        self._send()
