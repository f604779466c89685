"""Packet captures: the datagrams of a call as a pcap file that Wireshark opens.

Packets are written as raw IP, so that their sizes are what `wire_kbps` counts: payload, RTP, UDP and IPv4.
The ends of a simulated call are documentation addresses (RFC 5737) on the port registered for RTP.
"""

import io
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import dpkt

from testbed.errors import ResultsError
from testbed.files import written_whole

RTP_PORT = 5004
SENDER = bytes((192, 0, 2, 1))
RECEIVER = bytes((198, 51, 100, 1))
# The number in files; dpkt's is that of some BSDs' kernels.
_LINKTYPE_RAW = 101
_MAX_UDP_PAYLOAD_BYTES = 65_507
_MAX_TIME_NS = 2**32 * 10**9
_IPV4_BYTES = 4

UdpEnd = tuple[bytes, int]
"""Address of an end, 4 or 16 bytes, and its port."""


def write_pcap(path: Path, packets: Iterable[tuple[int, bytes]], port: int = RTP_PORT) -> None:
    """Write RTP packets with UDP and IPv4 headers around them; the file appears when it is complete.

    Parameters
    ----------
    path
        The file; an existing one is replaced.
    packets
        For each packet its time in nanoseconds, kept exactly, and the bytes of RTP; written in this order.
    port
        UDP port of both ends.

    Raises
    ------
    ResultsError
        If a packet is too large for UDP or its time cannot be written.
    """
    with written_whole(path) as temporary, temporary.open("wb") as file:
        try:
            _write(file, packets, port)
        except ResultsError as error:
            raise ResultsError(f"{path}: {error}") from None


def pcap(packets: Iterable[tuple[int, bytes]], port: int = RTP_PORT) -> bytes:
    """Return the content of a capture; see `write_pcap`."""
    file = io.BytesIO()
    _write(file, packets, port)
    return file.getvalue()


def _write(file: BinaryIO, packets: Iterable[tuple[int, bytes]], port: int) -> None:
    capture = Capturing(file)
    for index, (time_ns, rtp) in enumerate(packets):
        if len(rtp) > _MAX_UDP_PAYLOAD_BYTES or not 0 <= time_ns < _MAX_TIME_NS:
            raise ResultsError(
                f"packet {index} of {len(rtp)} bytes at {time_ns} ns cannot be written: at most "
                f"{_MAX_UDP_PAYLOAD_BYTES} bytes, at 0 to {_MAX_TIME_NS - 1} ns"
            )
        capture.write(time_ns, rtp, (SENDER, port), (RECEIVER, port))


class Capturing:
    """Writes datagrams to a capture, one after the other.

    Parameters
    ----------
    file
        The file, open for writing.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._writer = dpkt.pcap.Writer(file, snaplen=65_535, linktype=_LINKTYPE_RAW, nano=True)
        self._index = 0

    def write(self, time_ns: int, payload: bytes, source: UdpEnd, target: UdpEnd) -> None:
        """Write a datagram with its headers; both ends are of the same version of IP."""
        udp = dpkt.udp.UDP(sport=source[1], dport=target[1], ulen=8 + len(payload), data=payload)
        datagram: dpkt.ip.IP | dpkt.ip6.IP6
        if len(source[0]) == _IPV4_BYTES:
            number = self._index & 0xFFFF
            datagram = dpkt.ip.IP(src=source[0], dst=target[0], p=dpkt.ip.IP_PROTO_UDP, id=number, data=udp)
        else:
            datagram = dpkt.ip6.IP6(
                src=source[0], dst=target[0], nxt=dpkt.ip.IP_PROTO_UDP, plen=udp.ulen, hlim=64, data=udp
            )
            datagram.extension_hdrs, datagram.all_extension_headers = {}, []
        # dpkt takes seconds and computes both checksums; a fraction keeps the nanoseconds exact
        self._writer.writepkt_time(bytes(datagram), Fraction(time_ns, 10**9))
        self._index += 1
