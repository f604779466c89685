"""Dissection of a captured frame down to its RTP: link layer, tags, IP, tunnels, UDP and TURN.

Each layer has a function of its own, after its specification. A million packets take seconds.
"""

import struct
from functools import lru_cache
from ipaddress import ip_address

from testbed.traces import layer_internet, layer_link, layer_tunnel, layer_udp
from testbed.traces.layer import Frame, Reader, UnreadError

LINK_TYPES = layer_link.LINK_TYPES
_READERS: dict[str, Reader] = {
    **layer_link.READERS,
    **layer_internet.READERS,
    **layer_tunnel.READERS,
    **layer_udp.READERS,
}
_MOST_LAYERS = 32


def datagram(link_type: int, data: bytes, frame: Frame, is_cut: bool) -> bytes:
    """Return the captured bytes of the RTP packet inside a frame.

    Parameters
    ----------
    link_type
        One of `LINK_TYPES`.
    data
        The captured bytes of the frame, from its link-layer header on.
    frame
        Collects the layers' addresses, ports and sizes.
    is_cut
        Whether the frame had more bytes.

    Raises
    ------
    UnreadError
        There is none; the message names the frame's content.
    """
    layer = LINK_TYPES[link_type]
    try:
        for _ in range(_MOST_LAYERS):
            layer, data = _READERS[layer](data, frame)
            if layer == "RTP":
                return data
    except (struct.error, IndexError):
        raise UnreadError(layer_udp.CUT if is_cut else f"malformed {layer}") from None
    raise UnreadError(f"packets of more than {_MOST_LAYERS} layers")


@lru_cache(maxsize=4096)
def way(addresses: bytes, ports: bytes) -> str:
    """Return source and destination of a datagram as text."""
    half = len(addresses) // 2
    source, destination = struct.unpack("!HH", ports)
    return f"{_end(addresses[:half], source)} > {_end(addresses[half:], destination)}"


def _end(address: bytes, port: int) -> str:
    text = str(ip_address(address))
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"
