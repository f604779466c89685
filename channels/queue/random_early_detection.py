"""Random early detection: drops of arriving packets, more likely the longer the average queue.

Floyd and Jacobson, "Random Early Detection Gateways for Congestion Avoidance", 1993, with Floyd's "gentle"
variant of 2000. (In this testbed `red` is redundant audio, RFC 2198.)
"""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from testbed.channels.packet import Packet
from testbed.channels.queue.drop_tail import DropTailQueue
from testbed.channels.queue.limit import QueueLimit, WithQueueLimit
from testbed.channels.stage import OnDrop
from testbed.named_parameters import invalid


class RandomEarlyDetection(WithQueueLimit):
    """Random early detection: first in, first out; drops by a moving average of the queue length.

    An early drop has the cause ``"random_early_detection"``; a drop by the limit has ``"queue"``.

    Attributes
    ----------
    min_packets
        Average queue length up to which there are no early drops.
    max_packets
        Average queue length at which the probability of an early drop is `max_probability`.
    max_probability
        Probability of an early drop at `max_packets`, above 0.
    weight
        Weight of the present queue length in the average.
    gentle
        Whether the probability rises from there to 1 at twice `max_packets`; otherwise it is 1 at once.
    typical_packet_bytes
        Packet size by which the average decreases in idle time, as if such packets had been sent.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = (
        {"min_packets": 2, "max_packets": 6, "weight": 0.2},
        {"min_packets": 0, "max_packets": 2, "weight": 1, "max_probability": 1, "gentle": False},
    )
    causes: ClassVar[tuple[str, ...]] = ("queue", "random_early_detection")

    discipline: Literal["random_early_detection"] = "random_early_detection"
    min_packets: float = Field(5.0, ge=0, le=1e6)
    max_packets: float = Field(15.0, gt=0, le=1e6)
    max_probability: float = Field(0.1, gt=0, le=1)
    weight: float = Field(0.002, gt=0, le=1)
    gentle: bool = True
    typical_packet_bytes: int = Field(500, ge=1, le=65_535)

    @model_validator(mode="after")
    def _ordered(self) -> "RandomEarlyDetection":
        if self.max_packets <= self.min_packets:
            raise invalid(
                f"must be above min_packets, {self.min_packets:g}", "max_packets", value=self.max_packets
            )
        return self

    def probability(self, average: float) -> float:
        """Return the probability of an early drop, before it is evened out, at an average in packets."""
        low, high, most = self.min_packets, self.max_packets, self.max_probability
        if average < low:
            return 0.0
        if average < high:
            return most * (average - low) / (high - low)
        if self.gentle and average < 2 * high:
            return most + (1 - most) * (average - high) / high
        return 1.0

    def build(
        self, drop: OnDrop, rate_bps: Callable[[int], float], rng: np.random.Generator
    ) -> "RandomEarlyDetectionQueue":
        """Return an empty queue; see `testbed.channels.queue.QueueParameters`."""
        return RandomEarlyDetectionQueue(self, drop, rate_bps, rng)


class RandomEarlyDetectionQueue(DropTailQueue):
    """Queue of packets, and its average length.

    Parameters
    ----------
    parameters
        The parameters.
    drop
        Called with each packet that the queue drops, and the cause.
    rate_bps
        The link's rate at a time in nanoseconds.
    rng
        Random stream of the drops.

    Attributes
    ----------
    average
        Moving average of the number of packets in the queue.
    """

    def __init__(
        self,
        parameters: RandomEarlyDetection,
        drop: OnDrop,
        rate_bps: Callable[[int], float],
        rng: np.random.Generator,
    ) -> None:
        super().__init__(drop, QueueLimit(parameters, rate_bps))
        self.average = 0.0
        self._parameters = parameters
        self._rate_bps = rate_bps
        self._random = rng.random
        self._since_drop = 0
        self._idle_since_ns: int | None = 0

    def put(self, packet: Packet, now_ns: int) -> None:
        """Queue a packet, or drop it early or because the queue is full."""
        self._update(now_ns)
        if self._drops_early():
            self._since_drop = 0
            self._drop(packet, "random_early_detection")
        else:
            super().put(packet, now_ns)

    def take(self, now_ns: int) -> Packet | None:
        """Return the packet to be sent next, or None if the queue is empty."""
        packet = super().take(now_ns)
        if packet is None and self._idle_since_ns is None:
            self._idle_since_ns = now_ns
        return packet

    def _update(self, now_ns: int) -> None:
        weight, length = self._parameters.weight, len(self._packets)
        if self._idle_since_ns is not None:
            bits = self._rate_bps(now_ns) * (now_ns - self._idle_since_ns) / 1e9
            self.average *= (1 - weight) ** (bits / 8 / self._parameters.typical_packet_bytes)
            self._idle_since_ns = None
        else:
            self.average += weight * (length - self.average)

    def _drops_early(self) -> bool:
        """Draw so that the gaps between drops are uniform between 1 and 1 / probability (section 7 there)."""
        probability = self._parameters.probability(self.average)
        if not probability:
            self._since_drop = 0
            return False
        left = 1 - self._since_drop * probability
        self._since_drop += 1
        return self._random() * left < probability
