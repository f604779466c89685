"""Cross traffic of TCP: long and short flows."""

from math import ceil, inf
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from testbed.channels.cross_traffic.model import CrossTraffic, Demand, TrafficContext, TrafficSource
from testbed.channels.cross_traffic.tcp_cubic import Cubic
from testbed.channels.cross_traffic.tcp_flow import TcpFlow
from testbed.channels.cross_traffic.tcp_window import Reno, TcpWindow
from testbed.channels.stage import milliseconds
from testbed.named_parameters import invalid
from testbed.parameters import Parameters

WINDOWS: dict[str, type[TcpWindow]] = {"cubic": Cubic, "reno": Reno}
_HEADER_BYTES = 52
"""IPv4, TCP and its timestamps, in each segment."""


class Size(Parameters):
    """Bytes of a short flow, by a distribution.

    Attributes
    ----------
    mean_bytes
        Mean number of bytes, headers not included.
    distribution
        Distribution of the bytes: ``constant``; ``exponential``; ``uniform`` from `least_bytes` to equally
        far above the mean; or ``pareto``.
    least_bytes
        Smallest number of bytes of the uniform distribution, at most the mean.
    shape
        Shape of the Pareto distribution, above 1.
    """

    mean_bytes: float = Field(ge=1, le=1e10)
    distribution: Literal["constant", "exponential", "uniform", "pareto"] = "exponential"
    least_bytes: float = Field(0.0, ge=0)
    shape: float = Field(1.5, gt=1, le=10)

    @model_validator(mode="after")
    def _least_is_least(self) -> "Size":
        if self.least_bytes > self.mean_bytes:
            raise invalid(
                f"must be at most mean_bytes, {self.mean_bytes:g}", "least_bytes", value=self.least_bytes
            )
        return self

    def draw_bytes(self, rng: np.random.Generator) -> float:
        """Draw the size of one flow."""
        mean = self.mean_bytes
        if self.distribution == "exponential":
            return float(rng.exponential(mean))
        if self.distribution == "uniform":
            return float(rng.uniform(self.least_bytes, 2 * mean - self.least_bytes))
        if self.distribution == "pareto":
            return float((1 + rng.pareto(self.shape)) * mean * (self.shape - 1) / self.shape)
        return mean


class Tcp(CrossTraffic):
    """TCP connections with the window dynamics of Reno or CUBIC and real acknowledgement clocking.

    Without a `size`, `flows` connections send without end. With one, each of `flows` users sends a flow
    of that size, pauses and sends again; or new connections arrive by a Poisson process of `arrivals_per_s`.

    Attributes
    ----------
    control
        ``cubic`` (RFC 9438) or ``reno`` (RFC 5681).
    flows
        Number of connections, or of users; default 1 without `arrivals_per_s`.
    size
        Bytes of a short flow; default: connections without end.
    mean_pause_ms
        Mean pause of a user between two flows, exponentially distributed.
    arrivals_per_s
        Rate at which short flows begin.
    reverse_delay_ms
        Delay of an acknowledgement, and with it all of the round trip that is not the link.
    segment_bytes
        Size of a segment, its 52 bytes of headers included.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = (
        {"reverse_delay_ms": 30},
        {"control": "reno", "flows": 2, "segment_bytes": 500, "start_ms": 500, "stop_ms": 2000},
        {"size": {"mean_bytes": 3000}, "flows": 2, "mean_pause_ms": 500},
        {"size": {"mean_bytes": 5000, "distribution": "pareto"}, "arrivals_per_s": 1, "control": "reno"},
    )

    model: Literal["tcp"] = "tcp"
    control: Literal["cubic", "reno"] = "cubic"
    flows: int | None = Field(None, ge=1, le=10_000)
    size: Size | None = None
    mean_pause_ms: float | None = Field(None, ge=0, le=1e8)
    arrivals_per_s: float | None = Field(None, gt=0, le=10_000)
    reverse_delay_ms: float = Field(20.0, ge=0.001, le=60_000)
    segment_bytes: int = Field(1500, gt=_HEADER_BYTES, le=65_535)

    @model_validator(mode="after")
    def _either_long_or_short(self) -> "Tcp":
        if self.size is None:
            for name in ("mean_pause_ms", "arrivals_per_s"):
                if getattr(self, name) is not None:
                    raise invalid("is of short flows, which have a size: give one", name)
        elif (self.mean_pause_ms is None) == (self.arrivals_per_s is None):
            raise invalid("short flows need either mean_pause_ms (of each user) or arrivals_per_s", "size")
        elif self.arrivals_per_s is not None and self.flows is not None:
            raise invalid("give either flows (users) or arrivals_per_s", "flows")
        return self

    def demand(self) -> Demand:
        """Return its claim on the link's capacity: a share per connection that lasts, none for short ones."""
        return Demand(self.segment_bytes, 0.0, (self.flows or 1) if self.size is None else 0, inf)

    def source(self, access: TrafficContext) -> TrafficSource:
        """Return a source that has not begun."""
        return TcpSource(self, access)


class TcpSource:
    """The connections of one entry of cross traffic.

    Parameters
    ----------
    parameters
        Parameters of the entry.
    access
        Dependencies of the source.

    Attributes
    ----------
    flows
        The connections that have not ended, by name.
    """

    def __init__(self, parameters: Tcp, access: TrafficContext) -> None:
        self.flow = access.name
        self.flows: dict[str, TcpFlow] = {}
        self._parameters = parameters
        self._access = access
        self._reverse_ns = milliseconds(parameters.reverse_delay_ms)
        self._begun = 0
        self._stopped = False

    def begin(self, _: None) -> None:
        """Start the initial connections."""
        if self._parameters.arrivals_per_s is not None:
            self._wait_for_arrival(self._parameters.arrivals_per_s)
        else:
            for _number in range(self._parameters.flows or 1):
                self._begin_flow(None)

    def stop(self, _: None) -> None:
        """End all connections."""
        self._stopped = True
        for flow in self.flows.values():
            flow.end()

    def _wait_for_arrival(self, per_s: float) -> None:
        self._access.later(round(self._access.rng.exponential(1e9 / per_s)), self._arrive, per_s)

    def _arrive(self, per_s: float) -> None:
        if not self._stopped:
            self._begin_flow(None)
            self._wait_for_arrival(per_s)

    def _begin_flow(self, _: None) -> None:
        if self._stopped:
            return
        parameters = self._parameters
        segments: int | None = None
        if parameters.size is not None:
            data_bytes = parameters.size.draw_bytes(self._access.rng)
            segments = max(1, ceil(data_bytes / (parameters.segment_bytes - _HEADER_BYTES)))
        self._begun += 1
        name = f"{self._access.name} {self._begun}"
        window = WINDOWS[parameters.control]()

        def on_end() -> None:
            del self.flows[name]
            if parameters.mean_pause_ms is not None:
                pause_ns = round(self._access.rng.exponential(parameters.mean_pause_ms) * 1e6)
                self._access.later(pause_ns, self._begin_flow, None)

        flow = TcpFlow(
            self._access, name, window, parameters.segment_bytes, self._reverse_ns, segments, on_end
        )
        self.flows[name] = flow
        flow.begin()
