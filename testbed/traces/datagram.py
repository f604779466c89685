"""The payload of one UDP datagram of a capture or dump."""

from typing import NamedTuple


class Datagram(NamedTuple):
    """The payload of one UDP datagram.

    Attributes
    ----------
    time_ns
        Time of capture.
    way
        Source and destination: the innermost addresses and ports.
    data
        The bytes captured.
    size_bytes
        Size on the wire: more than that of `data` where the capture cut it.
    point
        Point of capture, as far as the capture says: interface, VLAN, tunnel, hops left; "" if it does not.
        One packet seen at two points is not two packets.
    """

    time_ns: int
    way: str
    data: bytes
    size_bytes: int
    point: str = ""

    @property
    def is_cut(self) -> bool:
        """True if the capture holds less than was sent."""
        return self.size_bytes > len(self.data)
