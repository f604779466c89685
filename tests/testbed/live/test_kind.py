"""Datagrams are told apart by two bytes, and by what encryption leaves readable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.live.kind import DatagramKind, kind_of

from .clients import DTLS, RTCP, STUN, rtp

EXTENDED = b"\x91\x6f" + bytes(10) + b"CSRC" + b"\xbe\xde\x00\x01" + b"EXTN" + b"payload"


@pytest.mark.parametrize(
    ("datagram", "kind"),
    [
        (STUN, DatagramKind.STUN),
        (DTLS, DatagramKind.DTLS),
        (rtp(7), DatagramKind.RTP),
        (EXTENDED, DatagramKind.RTP),
        (EXTENDED[:24], DatagramKind.RTP),
        (b"\x80\x7f" + bytes(10), DatagramKind.RTP),
        (b"\x80\xe0" + bytes(10), DatagramKind.RTP),
        (RTCP, DatagramKind.RTCP),
        (b"\x80\xc0\x00\x01" + bytes(4), DatagramKind.RTCP),
        (b"\xbf\xdf\x00\x01" + bytes(4), DatagramKind.RTCP),
    ],
)
def test_kinds_of_a_call(datagram: bytes, kind: DatagramKind) -> None:
    assert kind_of(datagram) == (kind, "")


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"", "too short"),
        (b"\x80", "too short"),
        (STUN[:-1], "malformed STUN"),
        (STUN[:4] + b"xxxx" + STUN[8:], "malformed STUN"),
        (b"\x16\x03\x01" + bytes(10), "malformed DTLS"),
        (rtp(7)[:11], "malformed RTP"),
        (EXTENDED[:23], "malformed RTP"),
        (EXTENDED[:19], "malformed RTP"),
        (b"\x80\xc8\x00\x02" + bytes(4), "malformed RTCP"),
        (b"\x10\x00" + bytes(20), "another protocol"),
        (b"\x40\x00" + bytes(20), "another protocol"),
        (b"\xc0\x00" + bytes(20), "another protocol"),
    ],
)
def test_the_reason_of_a_refusal(datagram: bytes, reason: str) -> None:
    assert kind_of(datagram) == (None, reason)


@given(st.binary(max_size=100))
def test_any_bytes_have_a_kind_or_a_reason(datagram: bytes) -> None:
    kind, reason = kind_of(datagram)
    assert (kind is None) == bool(reason)
