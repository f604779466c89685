"""What one UDP datagram carried, as captures and dumps give it to whoever looks for RTP in it."""

from typing import NamedTuple


class Datagram(NamedTuple):
    """The payload of one UDP datagram.

    Attributes
    ----------
    time_ns
        When it was captured.
    way
        From where to where it went: the innermost addresses and ports.
    data
        What was captured of it.
    size_bytes
        How many bytes it had on the wire: more than `data` where the capture cut it.
    point
        Where it was captured, as far as the capture says: interface, VLAN, tunnel, hops left; "" if it says
        nothing. One packet seen at two points is not two packets.
    """

    time_ns: int
    way: str
    data: bytes
    size_bytes: int
    point: str = ""

    @property
    def is_cut(self) -> bool:
        """Whether the capture holds less than was sent."""
        return self.size_bytes > len(self.data)
