"""Bounds of the target delay."""

from testbed.neteq.parameters import NeteqParameters


class DelayConstraints:
    """Clamps a delay to the bounds given, and to three quarters of what the buffer holds.

    Attributes
    ----------
    packet_ms
        Length of a packet; 0 as long as it is not known.
    """

    def __init__(self, parameters: NeteqParameters) -> None:
        self._min_ms = parameters.min_delay_ms
        self._max_ms = parameters.max_delay_ms
        self._most_packets = parameters.most_packets
        self.packet_ms = 0

    def clamp(self, delay_ms: int) -> int:
        """Return the delay within the bounds; the upper ones win."""
        delay_ms = max(delay_ms, self._min_ms)
        if self._max_ms is not None:
            delay_ms = min(delay_ms, self._max_ms)
        if self.packet_ms:
            delay_ms = min(delay_ms, 3 * self._most_packets * self.packet_ms // 4)
        return delay_ms
