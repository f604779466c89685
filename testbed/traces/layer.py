"""Interface of the functions that read the layers of a captured packet."""

from collections.abc import Callable


class UnreadError(Exception):
    """A packet holds no UDP payload that could be RTP; the message names its content."""


class Frame:
    """Fields of a captured frame, collected from the layers read so far.

    Attributes
    ----------
    addresses
        Addresses of the innermost IP packet, source first, as in its header.
    ports
        Ports of the innermost UDP datagram, source first, as in its header.
    size_bytes
        Size of the innermost payload on the wire.
    point
        Interface, VLANs, tunnels and hops left, which identify the point of capture.
    wrappings
        Names of the tunnels and TURN framings around the payload.
    is_fragment
        Whether this is the first fragment of an IP packet.
    """

    __slots__ = ("addresses", "is_fragment", "point", "ports", "size_bytes", "wrappings")

    def __init__(self) -> None:
        self.addresses = self.ports = b""
        self.size_bytes = 0
        self.point: tuple[str, ...] = ()
        self.wrappings: tuple[str, ...] = ()
        self.is_fragment = False

    def enter(self, tunnel: str) -> None:
        """Record a tunnel around the layers that follow; it is a part of the point of capture, too."""
        self.point += (tunnel,)
        self.wrappings += (tunnel,)


Reader = Callable[[bytes, Frame], tuple[str, bytes]]
"""Takes the bytes from a layer's header on; returns the name of the layer inside, and its bytes.

Raises `UnreadError` where the bytes are not this layer, `struct.error` or `IndexError` where they end early.
"""
