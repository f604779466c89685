"""Two UDP clients on loopback, and the packets that they send."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from testbed.codecs.rtp.packet import RtpPacket

LOOPBACK = "127.0.0.1"


def rtp(number: int, payload: bytes = bytes(60)) -> bytes:
    """Return an RTP packet of Opus."""
    return RtpPacket(111, number % 65_536, 960 * number, 1, payload).serialize()


RTCP = b"\x80\xc9\x00\x01SSRC"
STUN = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)
DTLS = b"\x16\xfe\xfd" + bytes(10)


@contextmanager
def client() -> Iterator[socket.socket]:
    """Give a UDP socket at a free port, which waits 5 s for a datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind((LOOPBACK, 0))
        made.settimeout(5)
        yield made


def received(one: socket.socket, quiet_s: float = 0.3) -> list[bytes]:
    """Return all datagrams until none has come for a while."""
    one.settimeout(quiet_s)
    found = []
    try:
        while True:
            found.append(one.recv(65535))
    except TimeoutError:
        return found


def send_paced(one: socket.socket, target: tuple[str, int], packets: int, interval_s: float = 0.002) -> None:
    """Send RTP packets at an interval."""
    for number in range(packets):
        one.sendto(rtp(number), target)
        time.sleep(interval_s)
