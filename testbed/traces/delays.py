"""Delay and error profiles of 3GPP; `testbed.channels.recordings.delays` reads them."""

from dataclasses import replace

from testbed.channels.recordings.delays import PACKET_INTERVAL_MS, parse_delays
from testbed.traces.arrivals import recording_of_arrivals
from testbed.traces.format import Format, StreamChoice
from testbed.traces.recording import Recording


def read(content: bytes, where: str, choice: StreamChoice) -> Recording:
    """Read a profile; it does not state the interval of its packets."""
    interval_ms = choice.interval_ms or PACKET_INTERVAL_MS
    recording = recording_of_arrivals(parse_delays(content, where, interval_ms))
    if choice.interval_ms is not None:
        return recording
    note = f"one packet per {interval_ms:g} ms is assumed, as in 3GPP's profiles: --interval-ms"
    return replace(recording, notes=(note,))


DELAY_PROFILE = Format(
    name="delay_profile",
    about="delay and error profile of 3GPP: the delay of a packet in ms per line, -1 for a lost one",
    suffixes=(".dat",),
    keeps="times",
    read=read,
    write=None,
)
