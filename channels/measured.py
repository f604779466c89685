"""The stage `measured`: a network of which each interval's loss, delay, jitter and rate are known.

This is what a call's statistics hold, as WebRTC's `getStats()` counts them: not the fate of each packet.
`testbed trace fit` writes the stage from such statistics.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from math import inf, log
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, model_validator

from testbed.channels.link.rate import RateLink
from testbed.channels.packet import Packet
from testbed.channels.per_packet import PerPacket
from testbed.channels.queue import QUEUES, QueueParameters
from testbed.channels.queue.drop_tail import DropTail
from testbed.channels.stage import Stage, StageContext, milliseconds
from testbed.named_parameters import invalid
from testbed.parameters import Parameters
from testbed.randomness import derived

MAX_INTERVALS = 100_000
_BLOCK = 512
_NS = 1_000_000_000


class MeasuredInterval(Parameters):
    """The network during an interval of time.

    Attributes
    ----------
    duration_ms
        Length of the interval, 1 ms or more.
    loss
        Share of packets that are lost, 0 to 1.
    delay_ms
        Least delay.
    jitter_ms
        Mean of an exponentially distributed delay in addition, drawn for each packet. It is also the jitter
        of RFC 3550 while it is short compared with the time between packets.
    rate_kbps
        Rate of the link, 1 kb/s or more; default: without limit.
    """

    duration_ms: float = Field(ge=1, le=1e9)
    loss: float = Field(0.0, ge=0, le=1)
    delay_ms: float = Field(0.0, ge=0, le=60_000)
    jitter_ms: float = Field(0.0, ge=0, le=60_000)
    rate_kbps: float | None = Field(None, ge=1, le=1e7)


class Measured(Parameters):
    """A network that changes from interval to interval; it starts again after the last.

    A packet meets the link first, if rates are given, then losses, then delays. Packets keep their order.

    Attributes
    ----------
    intervals
        The intervals, in order of time.
    mean_burst_packets
        Mean number of packets lost in a row, 1 or more. Where independent losses have longer bursts,
        ``1 / (1 - loss)``, they are independent.
    offset_ms
        Place in the intervals at which the simulation begins; default: drawn by the realization.
    queue
        Queue before the link, where rates are given; default: drop-tail of 300 ms.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = (
        {
            "intervals": [
                {"duration_ms": 100, "loss": 0.5, "delay_ms": 20, "jitter_ms": 5},
                {"duration_ms": 50},
            ]
        },
        {"intervals": [{"duration_ms": 90, "loss": 1}], "mean_burst_packets": 3, "offset_ms": 10},
        {
            "intervals": [{"duration_ms": 200, "rate_kbps": 40}, {"duration_ms": 99, "rate_kbps": 400}],
            "queue": {"discipline": "drop_tail", "limit_packets": 10},
        },
    )

    intervals: tuple[MeasuredInterval, ...] = Field(max_length=MAX_INTERVALS)
    mean_burst_packets: float = Field(1.0, ge=1, le=1e6)
    offset_ms: float | None = Field(None, ge=0, le=1e10)
    queue: Annotated[QueueParameters, QUEUES] = DropTail()

    @model_validator(mode="after")
    def _possible(self) -> "Measured":
        if not self.intervals:
            raise invalid("needs at least one interval", "intervals", value=self.intervals)
        without = [place for place, each in enumerate(self.intervals) if each.rate_kbps is None]
        if 0 < len(without) < len(self.intervals):
            raise invalid(
                "needs rate_kbps, as other intervals have it: give it for all or for none",
                "intervals",
                without[0],
            )
        return self

    @property
    def serializes(self) -> bool:
        """True if rates are given: a packet's size matters."""
        return self.intervals[0].rate_kbps is not None

    @property
    def causes(self) -> tuple[str, ...]:
        """The names under which packets are dropped."""
        return ("loss", *self.queue.causes) if self.serializes else ("loss",)

    @property
    def least_delay_ms(self) -> float:
        """The least delay of all intervals."""
        return min(each.delay_ms for each in self.intervals)

    def mean_loss(self, folder: Path = Path()) -> float:
        """Return the mean of the intervals' shares of loss, by their length."""
        return self._mean([each.loss for each in self.intervals])

    def mean_kbps(self, duration_ms: float, folder: Path = Path()) -> float:
        """Return the mean rate of all intervals; infinite without rates."""
        if not self.serializes:
            return inf
        return self._mean([each.rate_kbps or 0.0 for each in self.intervals])

    def _mean(self, values: list[float]) -> float:
        lengths = [each.duration_ms for each in self.intervals]
        return sum(map(float.__mul__, map(float, values), map(float, lengths))) / sum(lengths)

    def build(self, context: StageContext) -> Stage:
        """Return a fresh stage."""
        period_ns = sum(milliseconds(each.duration_ms) for each in self.intervals)
        if self.offset_ms is None:
            offset_ns = int(context.rng.integers(period_ns))
        else:
            offset_ns = milliseconds(self.offset_ms)
        clock = _Clock(self.intervals, offset_ns)
        network = LossAndDelay(context, clock, self.mean_burst_packets)
        if not self.serializes:
            return network
        before = StageContext(
            context.env,
            derived(context.rng, "queue"),
            network.put,
            context.drop,
            context.folder,
            context.in_background,
        )
        return RateLink(before, RepeatingRate(clock), self.queue, 0)


class _Clock:
    """The interval at a simulated time.

    Parameters
    ----------
    intervals
        The intervals.
    offset_ns
        Place in them at which the simulation begins.
    """

    def __init__(self, intervals: tuple[MeasuredInterval, ...], offset_ns: int) -> None:
        self._intervals = intervals
        self._ends_ns = list(accumulate(milliseconds(each.duration_ms) for each in intervals))
        self._offset_ns = offset_ns

    def at(self, now_ns: int) -> tuple[MeasuredInterval, int]:
        """Return the interval at a time, and when it ends."""
        within_ns = (now_ns + self._offset_ns) % self._ends_ns[-1]
        index = bisect_right(self._ends_ns, within_ns)
        return self._intervals[index], now_ns + self._ends_ns[index] - within_ns


class RepeatingRate:
    """Rate of a link that follows intervals; see `testbed.channels.link.rate.Rate`.

    Parameters
    ----------
    clock
        Has the intervals.
    """

    def __init__(self, clock: _Clock) -> None:
        self._at = clock.at

    def at(self, now_ns: int) -> int:
        """Return the rate at a time in bits per second."""
        return _bps(self._at(now_ns)[0])

    def finish_ns(self, begin_ns: int, size_bytes: int) -> int:
        """Return the end of a transmission that begins at `begin_ns`, rounded up to nanoseconds."""
        work = size_bytes * 8 * _NS
        while True:
            interval, end_ns = self._at(begin_ns)
            possible = _bps(interval) * (end_ns - begin_ns)
            if possible >= work:
                return begin_ns - -work // _bps(interval)
            work -= possible
            begin_ns = end_ns


def _bps(interval: MeasuredInterval) -> int:
    return round((interval.rate_kbps or 0) * 1000)


class LossAndDelay:
    """Drops and delays packets as the interval of the present time says.

    Losses are a Gilbert model (see `testbed.channels.loss.gilbert_elliott`) whose rate is the interval's.

    Parameters
    ----------
    context
        Dependencies of the stage.
    clock
        Has the intervals.
    mean_burst_packets
        Mean number of packets lost in a row, at least.
    """

    def __init__(self, context: StageContext, clock: _Clock, mean_burst_packets: float) -> None:
        self._env = context.env
        self._later = context.later
        self._out = context.out
        self._drop = context.drop
        self._at = clock.at
        self._burst_packets = mean_burst_packets
        self._loss = 0.0
        self._take = PerPacket(self._draws, context.rng).take
        self._latest_ns = 0

    def put(self, packet: Packet) -> None:
        """Drop the packet or pass it on after its delay, not before those that came earlier."""
        now_ns = self._env.now
        interval, _ = self._at(now_ns)
        self._loss = interval.loss
        lost, delay = self._take(packet)
        if lost:
            self._drop(packet, "loss")
            return
        arrival_ns = now_ns + milliseconds(interval.delay_ms + interval.jitter_ms * delay)
        self._latest_ns = max(self._latest_ns, arrival_ns)
        self._later(self._latest_ns - now_ns, self._out, packet)

    def _draws(self, rng: np.random.Generator) -> Iterator[tuple[bool, float]]:
        """Yield for each packet, endlessly, whether it is lost, and a delay of mean 1."""
        lost: bool | None = None
        while True:
            for fate, delay in rng.random((_BLOCK, 2)).tolist():
                lost = fate < self._probability(lost)
                yield lost, -log(1 - delay)

    def _probability(self, after_lost: bool | None) -> float:
        """Return the probability of loss after a packet of known fate, or for the first packet."""
        loss = self._loss
        if after_lost is None or loss in (0.0, 1.0):
            return loss
        stays = max(1 - 1 / self._burst_packets, loss)
        return stays if after_lost else (1 - stays) * loss / (1 - loss)
