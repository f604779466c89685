"""Wireshark's dissectors read our captures: RTP with Opus, and RED."""

import subprocess

import pytest

from testbed.codecs.rtp import red
from testbed.codecs.rtp.packet import OPUS_PAYLOAD_TYPE, RED_PAYLOAD_TYPE, RtpPacket
from testbed.pcap import RTP_PORT, write_pcap


@pytest.fixture
def dissect(tshark):
    """Return what tshark says about a capture: for each packet the named fields' values."""

    def run(path, *fields):
        preferences = [f"rtp.rfc2198_payload_type:{RED_PAYLOAD_TYPE}"]
        preferences += ["ip.check_checksum:TRUE", "udp.check_checksum:TRUE"]
        command = [tshark, "-r", str(path), "-d", f"udp.port=={RTP_PORT},rtp", "-T", "fields"]
        for preference in preferences:
            command += ["-o", preference]
        for field in fields:
            command += ["-e", field]
        output = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        return [line.split("\t") for line in output.splitlines()]

    return run


def test_rtp(tmp_path, dissect):
    path = tmp_path / "call.pcap"
    sent = [
        RtpPacket(
            OPUS_PAYLOAD_TYPE,
            65534 + n & 0xFFFF,
            2**32 - 960 + 960 * n & 0xFFFFFFFF,
            7,
            bytes([n] * 9),
            n == 0,
        )
        for n in range(4)
    ]
    write_pcap(path, [(20_000_000 * n + n, packet.serialize()) for n, packet in enumerate(sent)])
    names = ("rtp.version", "rtp.marker", "rtp.p_type", "rtp.seq", "rtp.timestamp", "rtp.ssrc", "rtp.payload")
    found = dissect(path, *names, "frame.time_epoch", "ip.checksum.status", "udp.checksum.status")
    assert len(found) == len(sent)
    for n, (packet, values) in enumerate(zip(sent, found, strict=True)):
        version, marker, payload_type, sequence, timestamp, ssrc, payload, seconds, ip_sum, udp_sum = values
        assert (version, payload_type) == ("2", str(OPUS_PAYLOAD_TYPE))
        assert marker in (("1", "True") if packet.marker else ("0", "False"))
        assert (int(sequence), int(timestamp), int(ssrc, 16)) == (
            packet.sequence,
            packet.timestamp,
            packet.ssrc,
        )
        assert bytes.fromhex(payload.replace(":", "")) == packet.payload
        assert seconds == f"0.{20_000_000 * n + n:09d}"
        assert (ip_sum, udp_sum) == ("1", "1")  # good


def test_red(tmp_path, dissect):
    path = tmp_path / "call.pcap"
    blocks = [
        red.RedBlock(OPUS_PAYLOAD_TYPE, red.MAX_TIMESTAMP_OFFSET, b"a" * red.MAX_BLOCK_BYTES),
        red.RedBlock(OPUS_PAYLOAD_TYPE, 960, b"b" * 30),
    ]
    payload = red.serialize(blocks, OPUS_PAYLOAD_TYPE, b"c" * 40)
    write_pcap(path, [(0, RtpPacket(RED_PAYLOAD_TYPE, 1, 2, 3, payload).serialize())])
    ((types, offsets, lengths, follow),) = dissect(
        path, "rtp.p_type", "rtp.timestamp-offset", "rtp.block-length", "rtp.follow"
    )
    assert types.split(",") == [str(RED_PAYLOAD_TYPE)] + [str(OPUS_PAYLOAD_TYPE)] * 3
    assert offsets.split(",") == ["16383", "960"]
    assert lengths.split(",") == ["1023", "30"]
    assert follow.replace("True", "1").replace("False", "0") == "1,1,0"
