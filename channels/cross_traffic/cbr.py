"""Cross traffic of a constant bit rate."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from testbed.channels.cross_traffic.model import CrossTraffic, Demand, Paced, TrafficContext, TrafficSource


class ConstantBitRate(CrossTraffic):
    """Packets of one size at a steady pace, the first at a random moment of the first interval.

    Attributes
    ----------
    rate_kbps
        Rate, headers included.
    packet_bytes
        Size of a packet, headers included.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = ({"rate_kbps": 40, "packet_bytes": 500},)

    model: Literal["cbr"] = "cbr"
    rate_kbps: float = Field(ge=0.1, le=1e6)
    packet_bytes: int = Field(1200, ge=1, le=65_535)

    def demand(self) -> Demand:
        """Return its claim on the link's capacity: its rate."""
        return Demand(self.packet_bytes, self.rate_kbps, 0, self.rate_kbps)

    def source(self, access: TrafficContext) -> TrafficSource:
        """Return a source that has not begun."""
        return ConstantBitRateSource(access, self.rate_kbps, self.packet_bytes, float(access.rng.random()))


class ConstantBitRateSource(Paced):
    """Sends one packet per interval.

    Parameters
    ----------
    access, rate_kbps, packet_bytes
        See `Paced`.
    phase
        Place of the first packet in the first interval, 0 to 1.
    """

    def __init__(self, access: TrafficContext, rate_kbps: float, packet_bytes: int, phase: float) -> None:
        super().__init__(access, rate_kbps, packet_bytes)
        self._phase_ns = round(phase * self._interval_ns)

    def begin(self, _: None) -> None:
        """Schedule the first packet."""
        self._later(self._phase_ns, self._next, None)

    def _next(self, _: None) -> None:
        if not self._stopped:
            self._send()
            self._later(self._interval_ns, self._next, None)
