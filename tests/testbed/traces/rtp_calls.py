"""RTP calls made up packet by packet, for tests of what is read out of them."""

from dataclasses import dataclass, replace

from testbed.codecs.rtp.packet import RtpPacket
from testbed.traces.datagram import Datagram
from testbed.traces.rtp_clock import clock_of
from testbed.traces.rtp_recording import recording_of
from testbed.traces.rtp_stream import streams

MS = 1_000_000


@dataclass(frozen=True)
class Sent:
    """A packet: when it was sent and how long it took, and its header."""

    sent_ms: float
    sequence: int
    timestamp: int
    payload_type: int = 111
    marker: bool = False
    payload: bytes = bytes(40)
    delay_ms: float = 0.0
    ssrc: int = 7

    @property
    def arrived_ms(self):
        return self.sent_ms + self.delay_ms


def speech(count, interval_ms=20.0, clock_hz=48_000, payload_type=111, **header):
    step = round(clock_hz * interval_ms / 1000)
    return [Sent(interval_ms * n, n, step * n, payload_type, **header) for n in range(count)]


def delayed(packets, delays_ms):
    return [replace(packet, delay_ms=delay) for packet, delay in zip(packets, delays_ms, strict=True)]


def datagrams(packets, way="a > b", start_ms=1_700_000_000_000, point=""):
    """The packets in the order of arrival."""
    for packet in sorted(packets, key=lambda packet: packet.arrived_ms):
        data = RtpPacket(
            packet.payload_type,
            packet.sequence & 0xFFFF,
            packet.timestamp & 0xFFFFFFFF,
            packet.ssrc,
            packet.payload,
            packet.marker,
        ).serialize()
        yield Datagram(start_ms * MS + round(packet.arrived_ms * MS), way, data, len(data), point)


def read(packets, clock_hz=None):
    (stream,) = streams(datagrams(packets))
    return recording_of(stream, clock_hz or clock_of(stream, "x"), "x", is_given=clock_hz is not None)
