"""Wireshark's dissectors read our RTCP, and the header extension that carries the transport-wide sequence.

Wireshark learned RFC 8888's message only after version 4.0, so of that one only the frame around it is
compared.
"""

import subprocess

import pytest

from testbed.codecs.rtcp import RTCP_PORT
from testbed.codecs.rtcp.ccfb import CongestionFeedback, ReportedArrival, StreamReport
from testbed.codecs.rtcp.report import ReceiverReport, ReportBlock, SenderReport
from testbed.codecs.rtcp.transport_wide import TransportFeedback
from testbed.codecs.rtp.extension import TRANSPORT_SEQUENCE_ID, with_transport_sequence
from testbed.codecs.rtp.packet import OPUS_PAYLOAD_TYPE, RtpPacket
from testbed.pcap import RTP_PORT, write_pcap


@pytest.fixture
def dissect(tshark, tmp_path):
    """Return what tshark says about packets: for each the named fields, of each its values."""

    def run(packets, *fields, port=RTCP_PORT, protocol="rtcp"):
        path = tmp_path / "packets.pcap"
        write_pcap(path, [(n, data) for n, data in enumerate(packets)], port)
        command = [tshark, "-r", str(path), "-d", f"udp.port=={port},{protocol}", "-T", "fields"]
        for field in (*fields, "_ws.malformed", "rtcp.length_check.bad", "rtcp.rtpfb.transportcc_bad"):
            command += ["-e", field]
        output = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        found = [[value.split(",") for value in line.split("\t")] for line in output.splitlines()]
        assert len(found) == len(packets)
        for values in found:
            assert values[len(fields) :] == [[""]] * 3, "tshark calls it malformed"
        return [values[: len(fields)] for values in found]

    return run


def numbers(values):
    return [int(value, 0) for value in values]


def test_reports(dissect):
    block = ReportBlock(0x53504348, 64, 1234, (3 << 16) + 77, 480, 0xABCD1234, 0x18000)
    other = ReportBlock(0x11223344, 0, 0, 5, 0)
    sent = SenderReport(10, (3_913_056_001 << 32) + (1 << 31), 48_000, 50, 3000, (other,))
    compound = ReceiverReport(11, (block, other)).serialize()
    ((types, lost, gone, cycles, highest, jitter, last, delay),) = dissect(
        [compound],
        "rtcp.pt",
        "rtcp.ssrc.fraction",
        "rtcp.ssrc.cum_nr",
        "rtcp.ssrc.high_cycles",
        "rtcp.ssrc.high_seq",
        "rtcp.ssrc.jitter",
        "rtcp.ssrc.lsr",
        "rtcp.ssrc.dlsr",
    )
    assert numbers(types) == [201]
    assert numbers(lost) == [64, 0]
    assert numbers(gone) == [1234, 0]
    assert (numbers(cycles), numbers(highest)) == ([3, 0], [77, 5])
    assert numbers(jitter) == [480, 0]
    assert (numbers(last), numbers(delay)) == ([0xABCD1234, 0], [0x18000, 0])
    ((types, seconds, fraction, rtp, packets, octets, reported),) = dissect(
        [sent.serialize()],
        "rtcp.pt",
        "rtcp.timestamp.ntp.msw",
        "rtcp.timestamp.ntp.lsw",
        "rtcp.timestamp.rtp",
        "rtcp.sender.packetcount",
        "rtcp.sender.octetcount",
        "rtcp.ssrc.identifier",
    )
    assert numbers(types + seconds + fraction) == [200, 3_913_056_001, 1 << 31]
    assert numbers(rtp + packets + octets + reported) == [48_000, 50, 3000, 0x11223344]


@pytest.mark.parametrize(
    "arrivals",
    [
        (4,),
        (4, None, 84, 82),
        (None,) * 30 + (100,) * 20 + (None, 101, None, 700, 650),
        tuple(80 * n for n in range(50)),
        (0, 300, None, 600, 300, 5000, None, 5001, *(5001 + 80 * n for n in range(16))),
    ],
)
def test_transport_feedback(dissect, arrivals):
    feedback = TransportFeedback(10, 0x53504348, 65530, 77, 9, arrivals)
    ((message, base, count, reference, number, deltas),) = dissect(
        [feedback.serialize()],
        "rtcp.rtpfb.fmt",
        "rtcp.rtpfb.transportcc.baseseq",
        "rtcp.rtpfb.transportcc.statuscount",
        "rtcp.rtpfb.transportcc.reftime",
        "rtcp.rtpfb.transportcc.pktcount",
        "rtcp.rtpfb.transportcc.recv_delta",
    )
    assert numbers(message + base + count + reference + number) == [15, 65530, len(arrivals), 77, 9]
    received = [ticks for ticks in arrivals if ticks is not None]
    differences = [one - before for before, one in zip([0, *received], received, strict=False)]
    size = [1 if 0 <= difference <= 255 else 2 for difference in differences]
    expected = [
        difference & (0xFF if bytes_ == 1 else 0xFFFF)
        for difference, bytes_ in zip(differences, size, strict=True)
    ]
    assert numbers(deltas) == expected


def test_congestion_feedback(dissect):
    stream = StreamReport(0x53504348, 65535, (ReportedArrival(1024), None, ReportedArrival(1, 3)))
    data = CongestionFeedback(10, (stream,), 0x12345678).serialize()
    ((types, message, length, sender),) = dissect(
        [data], "rtcp.pt", "rtcp.rtpfb.fmt", "rtcp.length", "rtcp.senderssrc"
    )
    assert numbers(types + message + length + sender) == [205, 11, len(data) // 4 - 1, 10]


def test_header_extension(dissect):
    plain = RtpPacket(OPUS_PAYLOAD_TYPE, 1, 2, 3, b"speech")
    ((identity, data, payload),) = dissect(
        [with_transport_sequence(plain.serialize(), 0xABCD)],
        "rtp.ext.rfc5285.id",
        "rtp.ext.rfc5285.data",
        "rtp.payload",
        port=RTP_PORT,
        protocol="rtp",
    )
    assert numbers(identity) == [TRANSPORT_SEQUENCE_ID]
    assert bytes.fromhex(data[0].replace(":", "")) == b"\xab\xcd"
    assert bytes.fromhex(payload[0].replace(":", "")) == plain.payload
