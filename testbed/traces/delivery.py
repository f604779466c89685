"""Mahimahi delivery traces: the capacity of a link; they hold no packets, and so no losses or delays."""

from testbed.channels.link.mahimahi import DeliveryTrace, parse_delivery_trace
from testbed.traces.format import Format, StreamChoice


def read(content: bytes, where: str, _: StreamChoice) -> DeliveryTrace:
    """Read a trace."""
    return parse_delivery_trace(content, where)


MAHIMAHI = Format(
    name="mahimahi",
    about="Mahimahi delivery trace: the time in ms of each opportunity for 1500 bytes",
    suffixes=(".up", ".down", ".pps"),
    keeps="capacity",
    read=read,
    write=None,
)
