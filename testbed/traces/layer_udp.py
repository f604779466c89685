"""UDP and its payloads: tunnels by port; STUN, TURN, DTLS, ZRTP, RTCP, RTP by the first byte (RFC 7983)."""

import struct

from testbed.traces.layer import Frame, Reader, UnreadError
from testbed.traces.layer_tunnel import OVER_UDP

_UDP = struct.Struct("!HHH")
_RTP_HEADER_BYTES = 12
_RTCP_TYPES = range(192, 224)
_MAGIC_COOKIE = b"\x21\x12\xa4\x42"
_SEND_INDICATION, _DATA_INDICATION, _DATA = 0x0016, 0x0017, 0x0013
_PORTS = {
    53: "DNS",
    67: "DHCP",
    68: "DHCP",
    123: "NTP",
    137: "NetBIOS",
    443: "QUIC",
    500: "IKE",
    514: "syslog",
    1900: "SSDP",
    2123: "GTP-C",
    4500: "IPsec in UDP (encrypted)",
    5060: "SIP",
    5246: "CAPWAP",
    5247: "CAPWAP",
    5353: "mDNS",
    6080: "GUE",
    9060: "HEP",
    51820: "WireGuard (encrypted)",
}
"""Services by UDP port, for messages where there is no RTP."""
CUT = "packets cut before the end of their RTP header"
DTLS = "DTLS"
ZRTP = "ZRTP"


def _udp(data: bytes, frame: Frame) -> tuple[str, bytes]:
    source, destination, length = _UDP.unpack_from(data)
    if 0 < length < 8:
        raise UnreadError("malformed UDP")
    frame.ports = data[:4]
    # A length of 0 means segmentation offload (the card fills it in).
    payload = data[8 : length or None]
    frame.size_bytes = length - 8 if length else len(payload)
    tunnel = OVER_UDP.get(destination) or OVER_UDP.get(source)
    if tunnel is not None and payload and (inside := tunnel(payload, frame)) is not None:
        return inside
    return "payload", payload


def _payload(data: bytes, frame: Frame) -> tuple[str, bytes]:
    if not frame.size_bytes:
        raise UnreadError("UDP without content")
    first = data[0]
    if 128 <= first <= 191 and frame.size_bytes >= _RTP_HEADER_BYTES:
        if len(data) < _RTP_HEADER_BYTES:
            raise UnreadError(CUT)
        if data[1] in _RTCP_TYPES:
            raise UnreadError("RTCP")
        return "RTP", data
    if first <= 3 and data[4:8] == _MAGIC_COOKIE:
        return _stun(data, frame)
    if 20 <= first <= 63 and data[1] == 0xFE:
        raise UnreadError(DTLS)
    if 16 <= first <= 19 and data[4:8] == b"ZRTP":
        raise UnreadError(ZRTP)
    if 64 <= first <= 127 and (inside := _channel_data(data, frame)):
        return "payload", inside
    raise UnreadError(_by_port(frame))


def _stun(data: bytes, frame: Frame) -> tuple[str, bytes]:
    """Read the DATA attribute of TURN's Send and Data indications (RFC 8656, section 11)."""
    (kind,) = struct.unpack_from("!H", data)
    if kind not in (_SEND_INDICATION, _DATA_INDICATION):
        raise UnreadError("STUN")
    position = 20
    while position + 4 <= len(data):
        attribute, length = struct.unpack_from("!HH", data, position)
        if attribute == _DATA:
            frame.size_bytes = length
            frame.wrappings += ("TURN indications",)
            return "payload", data[position + 4 : position + 4 + length]
        position += 4 + (length + 3) // 4 * 4
    raise UnreadError("STUN")


def _channel_data(data: bytes, frame: Frame) -> bytes | None:
    """Return the data of a TURN ChannelData message (RFC 8656, section 12.4); None if its length is wrong."""
    (length,) = struct.unpack_from("!H", data, 2)
    if not 4 + length <= frame.size_bytes <= 7 + length:
        return None
    frame.size_bytes = length
    frame.wrappings += ("TURN ChannelData",)
    return data[4 : 4 + length]


def _by_port(frame: Frame) -> str:
    source, destination = struct.unpack("!HH", frame.ports)
    for port in (destination, source):
        if port in _PORTS:
            return _PORTS[port]
    return f"UDP from port {source} to {destination}"


READERS: dict[str, Reader] = {"UDP": _udp, "payload": _payload}
