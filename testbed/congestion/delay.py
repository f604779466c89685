"""Queuing delay from one-way delays of unsynchronized clocks: the excess over the smallest seen."""

from testbed.congestion.feedback import PacketReport


class QueueDelay:
    """Follows the smallest one-way delay of a call (RFC 8698, section 4.2; RFC 6817 for RFC 8298).

    The clocks of both ends may differ by any constant. There is no clock drift in the testbed, so the least
    is over the whole call, not over the last ten minutes.
    """

    def __init__(self) -> None:
        self._least_ns: int | None = None

    def add(self, packet: PacketReport) -> float:
        """Return the queuing delay of an arrived packet in ms, 0 or more."""
        assert packet.arrival_ns is not None
        delay_ns = packet.arrival_ns - packet.sent_ns
        if self._least_ns is None or delay_ns < self._least_ns:
            self._least_ns = delay_ns
        return (delay_ns - self._least_ns) / 1e6
