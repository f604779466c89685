"""Pauses in which a sender's timestamps stop: the media clock of a captured call goes on in them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.rtp.packet import CLOCK_HZ, RtpPacket
from testbed.errors import ChannelError
from testbed.traces.rtp_received import ReceivedStream
from testbed.traces.rtp_sending import sending_ns


class Timed(NamedTuple):
    """A packet: its place in its stream, its content, its duration on the 48 kHz clock, and when it came."""

    place: int
    packet: RtpPacket
    length_ticks: int
    arrived_ns: int


def with_stopped_time(ticks: Mapping[int, int], packets: Sequence[Timed]) -> tuple[dict[int, int], list[str]]:
    """Return the media times with the pauses in which they stopped, and notes.

    Parameters
    ----------
    ticks
        By place, the media time on the 48 kHz clock.
    packets
        In the order of their sequence numbers.
    """
    try:
        sent_ns, notes = sending_ns(_received(packets), "")
    except ChannelError:  # timestamps run backward: nothing is known of pauses
        return dict(ticks), []
    behind = (sent_ns - sent_ns[0]) * (CLOCK_HZ / 1e9)
    found, stopped = {}, 0
    for each, time in zip(packets, behind.tolist(), strict=True):
        media = ticks[each.place] - ticks[packets[0].place]
        # In whole packets, since a receiver divides a gap into frames.
        stopped += max(0, round((time - media - stopped) / each.length_ticks)) * each.length_ticks
        found[each.place] = ticks[each.place] + stopped
    return found, notes if stopped else []


def _received(packets: Sequence[Timed]) -> ReceivedStream:
    def array(values: list[int]) -> NDArray[np.int64]:
        return np.array(values, np.int64)

    return ReceivedStream(
        sequences=array([each.packet.sequence for each in packets]),
        timestamps=array([each.packet.timestamp for each in packets]),
        payload_types=array([each.packet.payload_type for each in packets]),
        marked=np.array([each.packet.marker for each in packets]),
        clock_hz=np.full(len(packets), CLOCK_HZ, np.int64),
        arrived_ns=array([each.arrived_ns for each in packets]),
        payload_bytes=array([len(each.packet.payload) for each in packets]),
    )
