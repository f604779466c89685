"""A link of a rate that may change at set times."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Protocol

from testbed.channels.packet import Packet
from testbed.channels.queue import QueueParameters
from testbed.channels.stage import StageContext

_NS = 1_000_000_000


class LinkRate(Protocol):
    """A rate that may change with time."""

    def at(self, now_ns: int) -> int:
        """Return the rate at a time in bits per second, above 0."""

    def finish_ns(self, begin_ns: int, size_bytes: int) -> int:
        """Return the end of a transmission that begins at `begin_ns`, rounded up to nanoseconds."""


class Rate:
    """A rate in bits per second that changes at set times; the last rate has no end.

    Parameters
    ----------
    starts_ns
        Start of each rate; increasing from 0.
    rates_bps
        The rates; 0 is an outage, which the last cannot be.
    """

    def __init__(self, starts_ns: Sequence[int], rates_bps: Sequence[int]) -> None:
        self._starts_ns = list(starts_ns)
        self._rates_bps = list(rates_bps)
        self._only_bps = rates_bps[0] if len(rates_bps) == 1 else 0

    def at(self, now_ns: int) -> int:
        """Return the rate at a time; in an outage the rate before it, or after it if there is none before."""
        index = bisect_right(self._starts_ns, now_ns) - 1
        before = (rate for rate in reversed(self._rates_bps[: index + 1]) if rate)
        return next(before, 0) or next(rate for rate in self._rates_bps if rate)

    def finish_ns(self, begin_ns: int, size_bytes: int) -> int:
        """Return the end of a transmission that begins at `begin_ns`, rounded up to nanoseconds."""
        work = size_bytes * 8 * _NS
        if self._only_bps:
            return begin_ns - -work // self._only_bps
        index = bisect_right(self._starts_ns, begin_ns) - 1
        while index + 1 < len(self._starts_ns):
            possible = self._rates_bps[index] * (self._starts_ns[index + 1] - begin_ns)
            if possible >= work:
                break
            work -= possible
            index += 1
            begin_ns = self._starts_ns[index]
        return begin_ns - -work // self._rates_bps[index]


class RateLink:
    """Sends one packet after another, never idle while packets wait.

    Parameters
    ----------
    context
        Dependencies of the stage.
    rate
        The rate.
    queue
        The queue before the link.
    delay_ns
        Propagation delay.
    """

    def __init__(self, context: StageContext, rate: LinkRate, queue: QueueParameters, delay_ns: int) -> None:
        self._env = context.env
        self._out = context.out
        self._later = context.later
        self._finish_ns = rate.finish_ns
        self._queue = queue.build(context.drop, rate.at, context.rng)
        self._delay_ns = delay_ns
        self._busy = False

    def put(self, packet: Packet) -> None:
        """Queue a packet, and send it at once if the link is idle."""
        self._queue.put(packet, self._env.now)
        if not self._busy:
            self._send_next()

    def _send_next(self) -> None:
        now_ns = self._env.now
        packet = self._queue.take(now_ns)
        self._busy = packet is not None
        if packet is not None:
            finish_ns = self._finish_ns(now_ns, packet.size_bytes)
            self._later(finish_ns - now_ns, self._sent, packet)

    def _sent(self, packet: Packet) -> None:
        self._send_next()
        if self._delay_ns:
            self._later(self._delay_ns, self._out, packet)
        else:
            self._out(packet)
