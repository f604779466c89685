"""The base of models of cross traffic: sources of further packets on a link."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from pydantic import Field, model_validator

from testbed.channels.clock import Clock
from testbed.channels.packet import Packet
from testbed.channels.stage import Later, milliseconds
from testbed.named_parameters import invalid
from testbed.parameters import Parameters

FLOW_PREFIX = "cross "
"""Beginning of the names of all flows of cross traffic."""


@dataclass(frozen=True)
class TrafficContext:
    """Dependencies of a source of cross traffic.

    Attributes
    ----------
    env
        The simulation's clock.
    later
        Schedules a call in the background.
    rng
        The source's own random stream.
    name
        Name of the flow of its packets, or the beginning of its flows' names.
    put
        Puts a packet into the link.
    arrivals
        By flow, a function to be called with each packet that has crossed the link.
    """

    env: Clock
    later: Later
    rng: np.random.Generator
    name: str
    put: Callable[[Packet], None]
    arrivals: dict[str, Callable[[Packet], None]]


class TrafficSource(Protocol):
    """Puts packets into a link until it is stopped."""

    def begin(self, _: None) -> None:
        """Start; the first packet is put now or later."""

    def stop(self, _: None) -> None:
        """Put no further packet."""


@dataclass(frozen=True)
class Demand:
    """Claim of cross traffic on a link's capacity, between its beginning and its end.

    Attributes
    ----------
    packet_bytes
        Size of its packets, headers included.
    constant_kbps
        Rate that it takes all the time, independent of other traffic.
    greedy_flows
        Number of flows that each take all they can get, all the time.
    most_kbps
        Largest rate that it could use; may be infinite.
    """

    packet_bytes: int
    constant_kbps: float
    greedy_flows: int
    most_kbps: float

    @property
    def is_steady(self) -> bool:
        """True if the source takes a share of the link all the time."""
        return self.constant_kbps > 0 or self.greedy_flows > 0


class CrossTraffic(Parameters):
    """Base of the models of cross traffic.

    Attributes
    ----------
    start_ms
        Simulated time at which it begins.
    stop_ms
        Simulated time at which it ends; default: the end of the simulation.
    model
        Name of the model.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]]

    start_ms: float = Field(0.0, ge=0, le=1e9)
    stop_ms: float | None = Field(None, ge=0, le=1e9)
    model: str

    @model_validator(mode="after")
    def _lasts(self) -> "CrossTraffic":
        if self.stop_ms is not None and self.stop_ms <= self.start_ms:
            raise invalid(f"must be later than start_ms, {self.start_ms:g}", "stop_ms", value=self.stop_ms)
        return self

    def flow(self, number: int) -> str:
        """Return the name of the flow of entry `number` of a link, or the beginning of its flows' names."""
        return f"{FLOW_PREFIX}{number} {self.model}"

    def demand(self) -> Demand:
        """Return its claim on the link's capacity."""
        raise NotImplementedError

    def source(self, access: TrafficContext) -> TrafficSource:
        """Return a source that has not begun."""
        raise NotImplementedError

    def build(self, access: TrafficContext) -> TrafficSource:
        """Return a source that begins and stops at its times."""
        source = self.source(access)
        access.later(milliseconds(self.start_ms), source.begin, None)
        if self.stop_ms is not None:
            access.later(milliseconds(self.stop_ms), source.stop, None)
        return source


class Paced:
    """Base of sources that send packets of one size at a steady pace.

    Parameters
    ----------
    access
        Dependencies of the source.
    rate_kbps
        Its rate while it sends.
    packet_bytes
        Size of its packets.
    """

    def __init__(self, access: TrafficContext, rate_kbps: float, packet_bytes: int) -> None:
        self.flow = access.name
        self._env = access.env
        self._later = access.later
        self._put = access.put
        self._bytes = packet_bytes
        self._interval_ns = max(1, round(packet_bytes * 8e6 / rate_kbps))
        self._stopped = False
        self._sent = 0

    def stop(self, _: None) -> None:
        """Put no further packet."""
        self._stopped = True

    def _send(self) -> None:
        self._put(Packet(self._bytes, self._env.now, self._sent, self.flow))
        self._sent += 1
