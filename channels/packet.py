"""What crosses the network."""

from dataclasses import dataclass

MEDIA_FLOW = "media"
"""The flow of the call that is listened to."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet on the wire; the network looks at everything but `payload`.

    Attributes
    ----------
    size_bytes
        Size on the wire: payload and all headers that the link carries.
    sent_ns
        When the sender sent it, in nanoseconds of simulated time.
    sequence
        Counts the packets of its flow from 0, without wrapping.
    flow
        Who sent it.
    payload
        Whatever the sender put in; opaque here.
    """

    size_bytes: int
    sent_ns: int
    sequence: int
    flow: str = MEDIA_FLOW
    payload: bytes = b""
