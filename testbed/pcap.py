"""Packet captures: the RTP of a call as a pcap file that Wireshark opens.

Packets are written as raw IPv4, so that their sizes are what `wire_kbps` counts: payload, RTP, UDP and IPv4.
Both ends are documentation addresses (RFC 5737) on the port registered for RTP.
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
    writer = dpkt.pcap.Writer(file, snaplen=65_535, linktype=_LINKTYPE_RAW, nano=True)
    for index, (time_ns, rtp) in enumerate(packets):
        if len(rtp) > _MAX_UDP_PAYLOAD_BYTES or not 0 <= time_ns < _MAX_TIME_NS:
            raise ResultsError(
                f"packet {index} of {len(rtp)} bytes at {time_ns} ns cannot be written: at most "
                f"{_MAX_UDP_PAYLOAD_BYTES} bytes, at 0 to {_MAX_TIME_NS - 1} ns"
            )
        udp = dpkt.udp.UDP(sport=port, dport=port, ulen=8 + len(rtp), data=rtp)
        datagram = dpkt.ip.IP(src=SENDER, dst=RECEIVER, p=dpkt.ip.IP_PROTO_UDP, id=index & 0xFFFF, data=udp)
        # dpkt takes seconds and computes both checksums; a fraction keeps the nanoseconds exact
        writer.writepkt_time(bytes(datagram), Fraction(time_ns, 10**9))
