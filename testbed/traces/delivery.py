"""Mahimahi's delivery traces: what a link could carry. They know of no packets, so none are made of them."""

from testbed.channels.link_mahimahi import DeliveryTrace, parse_delivery_trace
from testbed.traces.format import Choice, Format

_LOOKED_AT = 65_536


def recognises(content: bytes) -> bool:
    """Whether a file's first numbers never fall, and hold one above 1: times, not losses."""
    tokens = content[:_LOOKED_AT].split()
    if len(content) > _LOOKED_AT:
        tokens = tokens[:-1]  # which may be half a number
    if not all(token.isdigit() and len(token) <= 10 for token in tokens):
        return False
    numbers = [int(token) for token in tokens]
    return max(numbers, default=0) > 1 and numbers == sorted(numbers)


def read(content: bytes, where: str, _: Choice) -> DeliveryTrace:
    """Read a trace."""
    return parse_delivery_trace(content, where)


MAHIMAHI = Format(
    name="mahimahi",
    about="Mahimahi delivery trace: the time in ms of each opportunity for 1500 bytes",
    suffixes=(".up", ".down", ".pps"),
    keeps="capacity",
    recognises=recognises,
    read=read,
    write=None,
)
