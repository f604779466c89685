"""RTCP compound packets: all packets of one datagram, each read by the module of its format."""

from testbed.codecs.rtcp import ccfb as rtcp_ccfb
from testbed.codecs.rtcp import transport_wide as rtcp_transport_wide
from testbed.codecs.rtcp.ccfb import CongestionFeedback
from testbed.codecs.rtcp.header import (
    RECEIVER_REPORT_TYPE,
    SENDER_REPORT_TYPE,
    TRANSPORT_FEEDBACK_TYPE,
    RtcpPart,
    split,
)
from testbed.codecs.rtcp.report import ReceiverReport, SenderReport
from testbed.codecs.rtcp.transport_wide import TransportFeedback

RtcpPacket = SenderReport | ReceiverReport | TransportFeedback | CongestionFeedback
RTCP_PORT = 5005


def parse(data: bytes) -> list[RtcpPacket]:
    """Read a compound packet; packets of unknown types are skipped (RFC 3550, section 6.1).

    Parameters
    ----------
    data
        One UDP datagram's payload.

    Raises
    ------
    CodecError
        If a length points beyond the data, or a packet of a known type is damaged.
    """
    read = (_read(part) for part in split(data))
    return [packet for packet in read if packet is not None]


def _read(part: RtcpPart) -> RtcpPacket | None:
    if part.packet_type == SENDER_REPORT_TYPE:
        return SenderReport.parse(part.count, part.body)
    if part.packet_type == RECEIVER_REPORT_TYPE:
        return ReceiverReport.parse(part.count, part.body)
    if part.packet_type == TRANSPORT_FEEDBACK_TYPE:
        if part.count == rtcp_transport_wide.MESSAGE_TYPE:
            return TransportFeedback.parse(part.body)
        if part.count == rtcp_ccfb.MESSAGE_TYPE:
            return CongestionFeedback.parse(part.body)
    return None


__all__ = [
    "RTCP_PORT",
    "CongestionFeedback",
    "ReceiverReport",
    "RtcpPacket",
    "SenderReport",
    "TransportFeedback",
    "parse",
]
