"""A link with recorded delivery opportunities: the traces of Mahimahi.

Netravali et al., "Mahimahi: Accurate Record-and-Replay for HTTP", 2015. A trace has a line for each
opportunity to deliver 1500 bytes: its time in whole milliseconds. It repeats after its last time.
"""

import re
import shlex
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from testbed.channels.packet import Packet
from testbed.channels.queue import QueueParameters
from testbed.channels.recordings.file import read_cached
from testbed.channels.recordings.kind import CAPACITY, STATISTICS, decide, plain
from testbed.channels.recordings.parts import MAX_PACKETS, shown
from testbed.channels.stage import StageContext
from testbed.errors import ChannelError

OPPORTUNITY_BYTES = 1500
_TIME = re.compile(rb"[0-9]{1,10}")


@dataclass(frozen=True)
class DeliveryTrace:
    """The delivery opportunities of a link.

    Attributes
    ----------
    times_ns
        Non-decreasing, 0 or more; the last is above 0 and is the time after which the trace repeats.
    notes
        Notes about the file for the user.
    """

    times_ns: "array[int]"
    notes: tuple[str, ...] = ()

    @property
    def period_ns(self) -> int:
        """The time after which the trace repeats."""
        return self.times_ns[-1]

    @property
    def mean_bps(self) -> float:
        """Mean rate in bits per second."""
        return len(self.times_ns) * OPPORTUNITY_BYTES * 8 * 1e9 / self.period_ns


def read_delivery_trace(path: Path) -> DeliveryTrace:
    """Read a trace; an unchanged file is not read again.

    Raises
    ------
    ChannelError
        The file cannot be read, is too long, or is not such a trace.
    """
    return read_cached(path, _parse_capacity)


def _parse_capacity(content: bytes, where: str) -> DeliveryTrace:
    decision = decide(content, where)
    if decision.kind in STATISTICS:
        raise ChannelError(
            f"{where}: is not a Mahimahi delivery trace but {decision.kind}, a call's statistics: "
            f"`testbed trace fit {shlex.quote(where)}` makes a stage of them, measured"
        )
    if decision.among((CAPACITY,)) is None:
        raise ChannelError(
            f"{where}: is not a Mahimahi delivery trace but {decision.kind}, with fates of packets: "
            "replay it with `trace: {file: FILE}`"
        )
    return parse_delivery_trace(content, where)


def parse_delivery_trace(content: bytes, where: str) -> DeliveryTrace:
    """Return the trace of a file's content; `where` names the file in errors."""
    times_ns = array("q")
    for line, match in enumerate(re.finditer(rb"[^\n]*(?:\n|\Z)", plain(content)), start=1):
        cell = match[0].strip()
        if not cell:
            continue
        if not _TIME.fullmatch(cell):
            raise ChannelError(f"{where}:{line}: {shown(cell)} is not a time in whole ms, 0 or more")
        time_ns = int(cell) * 1_000_000
        if times_ns and time_ns < times_ns[-1]:
            raise ChannelError(f"{where}:{line}: runs backward: {shown(cell)} ms is before the line above")
        if len(times_ns) == MAX_PACKETS:
            raise ChannelError(f"{where}:{line}: has more than {MAX_PACKETS} opportunities")
        times_ns.append(time_ns)
    if not times_ns or times_ns[-1] == 0:
        raise ChannelError(f"{where}: needs an opportunity after 0 ms: its last time is when it repeats")
    return DeliveryTrace(times_ns)


class OpportunityLink:
    """Sends up to 1500 bytes per opportunity; those that an empty queue leaves unused are lost.

    A packet that arrives exactly at an opportunity is too late for it, as in Mahimahi. A packet that does not
    fit into the rest of an opportunity also uses the next one.

    Parameters
    ----------
    context
        Dependencies of the stage.
    trace
        The delivery opportunities.
    offset_ns
        Time of the trace at which the simulation begins.
    queue
        The queue before the link.
    delay_ns
        Propagation delay.
    """

    def __init__(
        self,
        context: StageContext,
        trace: DeliveryTrace,
        offset_ns: int,
        queue: QueueParameters,
        delay_ns: int,
    ) -> None:
        self._env = context.env
        self._later = context.later
        self._out = context.out
        self._queue = queue.build(context.drop, lambda _: trace.mean_bps, context.rng)
        self._times_ns = trace.times_ns
        self._period_ns = trace.period_ns
        self._offset_ns = offset_ns
        self._delay_ns = delay_ns
        self._packet: Packet | None = None
        self._left_bytes = 0
        self._next_ns: int | None = None
        self._next_bytes = 0

    def put(self, packet: Packet) -> None:
        """Queue a packet for an opportunity later than now."""
        self._deliver_if_due()
        self._queue.put(packet, self._env.now)
        if self._next_ns is None:
            self._wait()

    def _wait(self) -> None:
        """Schedule the first opportunity after now; there can be several at one time."""
        now_ns = self._env.now
        within_ns = (now_ns + self._offset_ns) % self._period_ns
        first = bisect_right(self._times_ns, within_ns)
        time_ns = self._times_ns[first]
        count = bisect_right(self._times_ns, time_ns) - first
        if time_ns == self._period_ns:
            count += bisect_right(self._times_ns, 0)
        self._next_ns = now_ns + time_ns - within_ns
        self._next_bytes = count * OPPORTUNITY_BYTES
        self._later(time_ns - within_ns, self._deliver_if_due, None)

    def _deliver_if_due(self, _: None = None) -> None:
        now_ns = self._env.now
        if self._next_ns is None or now_ns < self._next_ns:
            return
        left_bytes = self._next_bytes
        while left_bytes:
            if self._packet is None:
                self._packet = self._queue.take(now_ns)
                if self._packet is None:
                    self._next_ns = None
                    return
                self._left_bytes = self._packet.size_bytes
            sent_bytes = min(left_bytes, self._left_bytes)
            left_bytes -= sent_bytes
            self._left_bytes -= sent_bytes
            if not self._left_bytes:
                packet, self._packet = self._packet, None
                self._later(self._delay_ns, self._out, packet)
        self._wait()
