"""RTP timestamps without wraps; single wrong ones are left out, and a sender may set its clock anew."""

from collections.abc import Iterable
from typing import NamedTuple

from testbed.codecs.rtp.packet import CLOCK_HZ

_MOST_TICKS = 10 * CLOCK_HZ
"""Largest difference between the time of the timestamps and that of the arrivals of two packets."""


_RESET_TICKS = 120 * CLOCK_HZ // 1000
"""The time at which a sender set its clock anew is rounded to this, which most lengths of packets divide."""


class Stamped(NamedTuple):
    """A packet: its place in its stream, RTP timestamp, and time of arrival."""

    place: int
    timestamp: int
    arrived_ns: int


class Unwrapped(NamedTuple):
    """Timestamps without wraps.

    Attributes
    ----------
    ticks
        By place, the media time on the 48 kHz clock.
    strays
        Number of packets left out, whose timestamps agree with none before and after them.
    resets
        Number of times at which the sender set its clock anew; the media clock goes on by times of arrival.
    """

    ticks: dict[int, int]
    strays: int
    resets: int


def unwrap(packets: Iterable[Stamped]) -> Unwrapped:
    """Return the timestamps without wraps.

    Parameters
    ----------
    packets
        In the order of their sequence numbers.
    """
    ticks: dict[int, int] = {}
    last: Stamped | None = None
    suspect: Stamped | None = None
    strays = resets = 0
    for packet in packets:
        if last is None:
            ticks[packet.place] = 0
        elif _agree(last, packet):
            ticks[packet.place] = ticks[last.place] + _step(last, packet)
        elif suspect is not None and _agree(suspect, packet):
            resets, strays = resets + 1, strays - 1
            passed = round(_passed(last, suspect) / _RESET_TICKS) * _RESET_TICKS
            ticks[suspect.place] = ticks[last.place] + max(0, passed)
            ticks[packet.place] = ticks[suspect.place] + _step(suspect, packet)
        else:
            suspect = packet
            strays += 1
            continue
        last, suspect = packet, None
    return Unwrapped(ticks, strays, resets)


def _agree(one: Stamped, other: Stamped) -> bool:
    return abs(_step(one, other) - _passed(one, other)) <= _MOST_TICKS


def _step(one: Stamped, other: Stamped) -> int:
    return (other.timestamp - one.timestamp + 2**31) % 2**32 - 2**31


def _passed(one: Stamped, other: Stamped) -> int:
    return (other.arrived_ns - one.arrived_ns) * CLOCK_HZ // 10**9
