"""Kinds of datagrams of a call, told apart by their first two bytes (RFC 7983, RFC 5761)."""

from enum import StrEnum


class DatagramKind(StrEnum):
    """Protocol of a datagram."""

    STUN = "stun"
    DTLS = "dtls"
    RTP = "rtp"
    RTCP = "rtcp"


_STUN_HEADER_BYTES = 20
_STUN_COOKIE = bytes.fromhex("2112a442")
_DTLS_HEADER_BYTES = 13
_DTLS_MAJOR = 254
_RTP_HEADER_BYTES = 12
_RTCP_HEADER_BYTES = 8


def kind_of(datagram: bytes) -> tuple[DatagramKind | None, str]:
    """Return the kind of a datagram, or None and why it is none of a call.

    Only what encryption leaves readable is checked: the header of SRTP, and of the first SRTCP packet.
    """
    if len(datagram) < 2:
        return None, "too short"
    first, second = datagram[0], datagram[1]
    if first <= 3:
        return (DatagramKind.STUN, "") if _is_stun(datagram) else (None, "malformed STUN")
    if 20 <= first <= 63:
        return (DatagramKind.DTLS, "") if _is_dtls(datagram) else (None, "malformed DTLS")
    if 128 <= first <= 191:
        if 192 <= second <= 223:
            return (DatagramKind.RTCP, "") if _is_rtcp(datagram) else (None, "malformed RTCP")
        return (DatagramKind.RTP, "") if _is_rtp(datagram) else (None, "malformed RTP")
    return None, "another protocol"


def _is_stun(datagram: bytes) -> bool:
    """Return whether the magic cookie and the length are right (RFC 8489, section 5)."""
    length = int.from_bytes(datagram[2:4], "big")
    return datagram[4:8] == _STUN_COOKIE and len(datagram) == _STUN_HEADER_BYTES + length


def _is_dtls(datagram: bytes) -> bool:
    """Return whether a record header is there: of DTLS 1.0 to 1.2, or the unified one of 1.3 (RFC 9147)."""
    if datagram[0] >= 32:
        return True
    return len(datagram) >= _DTLS_HEADER_BYTES and datagram[1] == _DTLS_MAJOR


def _is_rtp(datagram: bytes) -> bool:
    """Return whether contributing sources and header extension fit in (RFC 3550, section 5.1)."""
    end = _RTP_HEADER_BYTES + 4 * (datagram[0] & 0x0F)
    if datagram[0] & 0x10:
        end += 4
        if len(datagram) >= end:
            end += 4 * int.from_bytes(datagram[end - 2 : end], "big")
    return len(datagram) >= end


def _is_rtcp(datagram: bytes) -> bool:
    """Return whether the first packet of a compound fits in (RFC 3550, section 6.4.1)."""
    return len(datagram) >= max(_RTCP_HEADER_BYTES, 4 + 4 * int.from_bytes(datagram[2:4], "big"))
