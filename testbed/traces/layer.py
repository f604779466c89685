"""What the readers of a captured packet's layers share."""

from collections.abc import Callable


class UnreadError(Exception):
    """A packet holds no payload of UDP that could be RTP; the message says what it holds instead."""


class Frame:
    """What is known of a captured frame from the layers read so far.

    Attributes
    ----------
    addresses
        Those of the innermost IP packet, source first, as in its header.
    ports
        Those of the innermost UDP datagram, source first, as in its header.
    size_bytes
        How many bytes the innermost payload had on the wire.
    point
        Interface, VLANs, tunnels and hops left: what tells one point of capture from another.
    wrappings
        Names of the layers around the payload that a call does not have by itself: tunnels and TURN.
    is_fragment
        Whether it is the first fragment of an IP packet.
    """

    __slots__ = ("addresses", "is_fragment", "point", "ports", "size_bytes", "wrappings")

    def __init__(self) -> None:
        self.addresses = self.ports = b""
        self.size_bytes = 0
        self.point: tuple[str, ...] = ()
        self.wrappings: tuple[str, ...] = ()
        self.is_fragment = False

    def enter(self, tunnel: str) -> None:
        """Note that what follows is inside a tunnel, which is also a point of capture."""
        self.point += (tunnel,)
        self.wrappings += (tunnel,)


Reader = Callable[[bytes, Frame], tuple[str, bytes]]
"""Takes the bytes from a layer's header on; returns the name of the layer inside, and its bytes.

Raises `UnreadError` for what is no such layer, `struct.error` or `IndexError` where the bytes end too early.
"""
