"""Cross traffic in bursts."""

from collections.abc import Callable
from math import inf
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from testbed.channels.cross_traffic.model import CrossTraffic, Demand, Paced, TrafficContext, TrafficSource


class OnOff(CrossTraffic):
    """Packets at a steady pace for a random time, then none for a random time.

    With Pareto-distributed times of a shape of 1 to 2, many such sources together are self-similar
    (Willinger, Taqqu, Sherman and Wilson, "Self-similarity through high-variability", 1997).

    Attributes
    ----------
    rate_kbps
        Rate while it sends, headers included; ``mean_on_ms / (mean_on_ms + mean_off_ms)`` of it on average.
    packet_bytes
        Size of its packets, headers included.
    mean_on_ms
        Mean duration of a burst.
    mean_off_ms
        Mean duration of a pause.
    times
        Distribution of both durations.
    shape
        Shape of the Pareto distribution. Above 1 it has a mean; up to 2 its variance is infinite.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = (
        {"rate_kbps": 80, "packet_bytes": 500, "mean_on_ms": 100, "mean_off_ms": 200},
        {"rate_kbps": 100, "mean_on_ms": 300, "mean_off_ms": 300, "times": "pareto"},
    )

    model: Literal["on_off"] = "on_off"
    rate_kbps: float = Field(ge=0.1, le=1e6)
    packet_bytes: int = Field(1200, ge=1, le=65_535)
    mean_on_ms: float = Field(ge=0.1, le=3_600_000)
    mean_off_ms: float = Field(ge=0.1, le=3_600_000)
    times: Literal["exponential", "pareto"] = "exponential"
    shape: float = Field(1.5, gt=1, le=10)

    def duration_ns(self, rng: np.random.Generator, mean_ms: float) -> int:
        """Draw a duration with this mean."""
        if self.times == "exponential":
            return round(rng.exponential(mean_ms) * 1e6)
        shortest_ms = mean_ms * (self.shape - 1) / self.shape
        return round((1 + rng.pareto(self.shape)) * shortest_ms * 1e6)

    def demand(self) -> Demand:
        """Return its claim on the link's capacity: bursts, which have no share of their own."""
        return Demand(self.packet_bytes, 0.0, 0, inf)

    def source(self, access: TrafficContext) -> TrafficSource:
        """Return a source that has not begun."""
        rng = access.rng

        def on_ns() -> int:
            return self.duration_ns(rng, self.mean_on_ms)

        def off_ns() -> int:
            return self.duration_ns(rng, self.mean_off_ms)

        begins_on = rng.random() < self.mean_on_ms / (self.mean_on_ms + self.mean_off_ms)
        return OnOffSource(access, self.rate_kbps, self.packet_bytes, on_ns, off_ns, bool(begins_on))


class OnOffSource(Paced):
    """Sends one packet per interval of on time; off times do not count.

    Parameters
    ----------
    access, rate_kbps, packet_bytes
        See `Paced`.
    on_ns, off_ns
        Draw the next on and off time.
    begins_on
        Whether it starts on.
    """

    def __init__(
        self,
        access: TrafficContext,
        rate_kbps: float,
        packet_bytes: int,
        on_ns: Callable[[], int],
        off_ns: Callable[[], int],
        begins_on: bool,
    ) -> None:
        super().__init__(access, rate_kbps, packet_bytes)
        self._on_ns, self._off_ns = on_ns, off_ns
        self._begins_on = begins_on
        self._off_from_ns = 0
        self._to_next_ns = round(access.rng.random() * self._interval_ns)

    def begin(self, _: None) -> None:
        """Start with an on or off time."""
        if self._begins_on:
            self._turn_on(None)
        else:
            self._turn_off(None)

    def _turn_on(self, _: None) -> None:
        self._off_from_ns = self._env.now + self._on_ns()
        self._wait()

    def _turn_off(self, _: None) -> None:
        if not self._stopped:
            self._later(self._off_ns(), self._turn_on, None)

    def _wait(self) -> None:
        left_ns = self._off_from_ns - self._env.now
        if self._to_next_ns < left_ns:
            self._later(self._to_next_ns, self._next, None)
        else:
            self._to_next_ns -= left_ns
            self._later(left_ns, self._turn_off, None)

    def _next(self, _: None) -> None:
        if not self._stopped:
            self._send()
            self._to_next_ns = self._interval_ns
            self._wait()
