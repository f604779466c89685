"""The relay of a live call: two UDP sockets, and between them the stages of a channel in real time.

The stages run on the simulation's own clock, which is advanced to the time that has passed since the start.
A datagram gets a time later than all others before it, so the log, replayed, gives the same decisions.
"""

import select
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from testbed.codecs.rtp.packet import IPV4_HEADER_BYTES, UDP_HEADER_BYTES
from testbed.live.addresses import Address, bound, host_towards, packed
from testbed.live.counts import Counts, RelayCounts, WayCounts
from testbed.live.direction import Direction, live_clock, warm_up
from testbed.live.kind import DatagramKind, kind_of
from testbed.live.log import SENT, PacketFate
from testbed.live.network import LiveNetwork, Way
from testbed.live.recording import MOST_MB, LiveRecording

_DATAGRAMS_AT_ONCE = 64
_MOST_BYTES = 65_535
_LONGEST_WAIT_S = 1.0
_SHOWN_EVERY_NS = 10**9
_OTHER = {Way.FORWARD: Way.REVERSE, Way.REVERSE: Way.FORWARD}


class RelayEnd:
    """A socket of the relay, and the client at its other side.

    Parameters
    ----------
    listens
        The address to bind.
    client
        The client's address; None: that of the first datagram of a call.
    """

    def __init__(self, listens: Address, client: Address | None) -> None:
        self.socket = bound(listens)
        self.client = client

    @property
    def address(self) -> Address:
        """The address that the client sends to."""
        name = self.socket.getsockname()
        return name[0], name[1]

    def knows(self, sender: Address) -> bool:
        """Return whether a datagram is from the client; without a client, its sender becomes it."""
        if self.client is None:
            self.client = sender
        return sender == self.client


class Relay:
    """Forwards datagrams between two clients, through the stages of a channel.

    Only RTP meets the stages; STUN, DTLS and RTCP pass at once. Nothing else is forwarded. A client whose
    address is not given is the sender of the first datagram of a call that comes to its end. It stays the
    client until the relay ends: datagrams of all other senders are refused.

    Parameters
    ----------
    network
        The stages of both ways.
    listen
        Where the caller sends to; port 0 is a free one.
    to
        Address of the callee; None: it is learned, as the caller's is.
    back
        Where the callee sends to; default: a free port.
    impairs_all
        Whether STUN, DTLS and RTCP meet the stages, too.
    record, record_mb
        Folder of the recording, which must be new or empty, and its largest size; default: none.

    Attributes
    ----------
    counts
        Counts of packets.
    recording
        The recording; None if there is none.

    Raises
    ------
    ScenarioError
        An address cannot be bound, or `to` not be reached.
    ResultsError
        The folder of the recording is not empty.
    """

    def __init__(
        self,
        network: LiveNetwork,
        listen: Address,
        to: Address | None = None,
        back: Address | None = None,
        impairs_all: bool = False,
        record: Path | None = None,
        record_mb: int = MOST_MB,
    ) -> None:
        self.counts = RelayCounts({way.value: WayCounts() for way in Way})
        self._impairs_all = impairs_all
        self._clock = live_clock()
        self._start_ns = 0
        self._stopping = False
        self._wake, self._woken = socket.socketpair()
        self._ends = {Way.FORWARD: RelayEnd(listen, None)}
        self._ends[Way.REVERSE] = RelayEnd(back or (listen[0] if to is None else host_towards(to), 0), to)
        self._directions = {way: self._direction(network, way) for way in Way}
        self.recording = None if record is None else LiveRecording(record, network, record_mb)

    @property
    def listens_at(self) -> Address:
        """Address that the caller sends to."""
        return self._ends[Way.FORWARD].address

    @property
    def answers_at(self) -> Address:
        """Address that the callee sends to."""
        return self._ends[Way.REVERSE].address

    def run(self, seconds: float | None = None, show: Callable[[Counts], None] | None = None) -> None:
        """Forward datagrams until `stop` is called or some seconds have passed.

        Parameters
        ----------
        seconds
            Duration; default: no limit.
        show
            Called about once per second with the counts as plain data.
        """
        self._start_ns = time.monotonic_ns()
        if self.recording is not None:
            self.recording.begin()
        end_ns = None if seconds is None else round(seconds * 1e9)
        shown_ns = 0
        sockets = {end.socket: way for way, end in self._ends.items()}
        while not self._stopping and (end_ns is None or self._now_ns() < end_ns):
            self._clock.advance(self._time_ns())
            if show is not None and self._clock.now - shown_ns >= _SHOWN_EVERY_NS:
                shown_ns = self._clock.now
                show(self.counts.as_data(shown_ns / 1e9))
            ready, _, _ = select.select([*sockets, self._woken], [], [], self._wait_s(end_ns))
            for each in ready:
                if each in sockets:
                    self._read(sockets[each])
        for direction in self._directions.values():
            direction.end()

    def stop(self) -> None:
        """Make `run` end; may be called from another thread or a signal handler."""
        self._stopping = True
        with suppress(OSError):
            self._wake.send(b"\0")

    def close(self) -> None:
        """Close the sockets and the recording."""
        for end in self._ends.values():
            end.socket.close()
        self._wake.close()
        self._woken.close()
        if self.recording is not None:
            self.recording.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _now_ns(self) -> int:
        return time.monotonic_ns() - self._start_ns

    def _time_ns(self) -> int:
        """Return the time since the start, later than any before."""
        return max(self._now_ns(), self._clock.now + 1)

    def _wait_s(self, end_ns: int | None) -> float:
        next_ns = min(self._clock.peek(), float("inf") if end_ns is None else end_ns)
        return min(_LONGEST_WAIT_S, max(0.0, (next_ns - self._now_ns()) / 1e9))

    def _read(self, way: Way) -> None:
        """Take the datagrams that one end has received, a limited number of them."""
        end = self._ends[way]
        for _ in range(_DATAGRAMS_AT_ONCE):
            try:
                datagram, sender = end.socket.recvfrom(_MOST_BYTES)
            except BlockingIOError:
                return
            except OSError:  # an earlier datagram found nobody at its port
                continue
            self._clock.advance(self._time_ns())
            if reason := self._refusal(way, datagram, (sender[0], sender[1])):
                self.counts.refused[reason] += 1

    def _refusal(self, way: Way, datagram: bytes, sender: Address) -> str:
        """Forward a datagram, or return why it is refused."""
        kind, reason = kind_of(datagram)
        if kind is None:
            return reason
        if not self._ends[way].knows(sender):
            return "another sender"
        if self._ends[_OTHER[way]].client is None:
            return "no other client yet"
        size_bytes = len(datagram) + UDP_HEADER_BYTES + IPV4_HEADER_BYTES
        direction = self._directions[way]
        if not (kind is DatagramKind.RTP or self._impairs_all):
            direction.pass_on(kind, datagram, size_bytes)
        elif direction.is_full(size_bytes):
            return "channel full"
        else:
            direction.put(kind, datagram, size_bytes)
        return ""

    def _direction(self, network: LiveNetwork, way: Way) -> Direction:
        out = self._ends[_OTHER[way]]

        def send(datagram: bytes) -> int:
            assert out.client is not None
            try:
                out.socket.sendto(datagram, out.client)
            except OSError:
                self.counts.refused["not sent by the system"] += 1
                return -1
            return self._now_ns()

        def note(fate: PacketFate, datagram: bytes) -> None:
            if fate.decision == SENT:
                self.counts.lateness.add(fate.sent_ns - fate.due_ns)
            if self.recording is not None and out.client is not None:
                self.recording.add(fate, datagram, packed(out.address), packed(out.client))

        counts = self.counts.ways[way.value]
        warm_up(network.realization(way))
        return Direction(self._clock, way, network.realization(way), send, note, counts)


@contextmanager
def in_thread(relay: Relay) -> Iterator[Relay]:
    """Run a relay in a thread while the block lasts; an error of the relay is raised at its end."""
    with ThreadPoolExecutor(1, "relay") as pool:
        running = pool.submit(relay.run)
        try:
            yield relay
        finally:
            relay.stop()
        running.result()
