"""Packets on the network: size, time of sending, flow and payload."""

from dataclasses import dataclass

MEDIA_FLOW = "media"
"""The flow of the call that is listened to."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet on the wire; the network reads everything but `payload`.

    Attributes
    ----------
    size_bytes
        Size on the wire: payload and all headers that the link carries.
    sent_ns
        Time of sending in nanoseconds of simulated time.
    sequence
        Number of the packet in its flow, from 0, without wrapping.
    flow
        Name of its flow.
    payload
        Content from the sender; opaque here.
    """

    size_bytes: int
    sent_ns: int
    sequence: int
    flow: str = MEDIA_FLOW
    payload: bytes = b""
