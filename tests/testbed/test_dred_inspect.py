"""The command `testbed dred inspect`: real packets in bitstreams and captures, and files that are neither."""

import json
import struct
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from testbed.codecs import opus, red, rtp
from testbed.codecs.dred import packet
from testbed.codecs.settings import EncoderSettings
from testbed.dred_inspect import inspect
from testbed.errors import ChannelError, ScenarioError
from testbed.pcap import write_pcap

TESTBED = Path(sys.executable).with_name("testbed")
SETTINGS = EncoderSettings(bitrate_bps=72_000, expected_loss_percent=20, dred_depth_ms=500)


@cache
def packets():
    """Encode two seconds of something that libopus takes for a voice."""
    rng = np.random.default_rng(1)
    time = np.arange(32_000) / 16_000
    voice = np.sin(2 * np.pi * np.cumsum(150 + 30 * np.sin(6 * time)) / 16_000)
    voice = np.sign(voice) * np.abs(voice) ** 0.3 * (1.2 + np.sin(20 * time)) + 0.05 * rng.normal(size=32_000)
    pcm = np.round(6000 * voice).astype(np.int16)
    encoder = opus.Encoder(SETTINGS)
    return [encoder.encode(pcm[start : start + 320]) for start in range(0, 32_000, 320)]


def bitstream(path, sent):
    path.write_bytes(b"".join(struct.pack(">II", len(each), 0) + each for each in sent))
    return path


def captured(path, payloads):
    sent = [
        (20_000_000 * k, rtp.RtpPacket(kind, k, 960 * k, 1, data).serialize())
        for k, (kind, data) in enumerate(payloads)
    ]
    write_pcap(path, sent)
    return path


def test_a_bitstream(tmp_path):
    seen = inspect(bitstream(tmp_path / "call.bit", packets()))
    with_dred = [index for index, each in enumerate(packets()) if packet.find(each)]
    assert len(with_dred) > 50
    assert [each.index for each in seen.found] == with_dred
    assert (seen.packets, seen.damaged) == (100, 0)
    decoder = opus.DredDecoder()
    for each in seen.found:
        data = packets()[each.index]
        reach = decoder.parse(data, 160_000).samples / 16
        assert each.depth_ms + each.end_ms == reach
        assert each.packet_bytes == len(data)
        assert each.dred_bytes == len(data) - len(packet.remove(data))
        assert each.header.version == 12
    assert seen.summary().startswith(f"{len(with_dred)} of 100 packets carry DRED, ")


def test_a_capture_with_and_without_red(tmp_path):
    plain = captured(tmp_path / "plain.pcap", [(111, each) for each in packets()])
    block = red.RedBlock(111, 960, b"older")
    twice = captured(tmp_path / "red.pcap", [(63, red.serialize([block], 111, each)) for each in packets()])
    from_bitstream = inspect(bitstream(tmp_path / "call.bit", packets()))
    assert inspect(plain) == inspect(twice) == from_bitstream


def test_damaged_packets_are_counted(tmp_path):
    seen = inspect(bitstream(tmp_path / "call.bit", [b"\x0b\x00", b"", packets()[50], b"\x08plain"]))
    assert (seen.packets, seen.damaged, len(seen.found)) == (3, 1, 1)
    assert "1 could not be read" in seen.summary()
    nothing = inspect(bitstream(tmp_path / "plain.bit", [b"\x08plain"]))
    assert nothing.summary() == "0 of 1 packets carry DRED"


def test_version_10_of_libopus_1_5(tmp_path):
    recorded = json.loads((Path(__file__).parents[1] / "reference/libopus_1_5.json").read_text())
    seen = inspect(bitstream(tmp_path / "old.bit", [bytes.fromhex(each["packet"]) for each in recorded]))
    depths = [40 * len(each["latents"]) for each in recorded if each["latents"]]
    assert [found.depth_ms for found in seen.found] == depths
    assert seen.found[-1].row()[3:7] == ("10", "-25", "1040", "1015")


@pytest.mark.parametrize("content", [b"", b"RIFF" + bytes(100), struct.pack(">II", 5, 0) + b"abc", b"\0\0\0"])
def test_files_that_are_neither(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ScenarioError, match="file: "):
        inspect(path)


def test_a_capture_of_something_else(tmp_path):
    with pytest.raises(ScenarioError, match="payload types are 0"):
        inspect(captured(tmp_path / "other.pcap", [(0, b"companded")]))
    broken = tmp_path / "broken.pcap"
    broken.write_bytes(b"\xd4\xc3\xb2\xa1\x02")
    with pytest.raises(ChannelError, match="byte 5"):
        inspect(broken)


def test_the_command(tmp_path):
    path = bitstream(tmp_path / "call.bit", packets()[:60])
    done = subprocess.run([TESTBED, "dred", "inspect", path], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0].split("  ")[0] == "packet"
    assert lines[-1] == inspect(path).summary()
    assert len(lines) == 2 + len(inspect(path).found)
    wrong = subprocess.run([TESTBED, "dred", "inspect", TESTBED], capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "neither a capture nor a bitstream" in wrong.stderr
    shown = subprocess.run([TESTBED, "dred", "inspect", "--help"], capture_output=True, text=True, check=True)
    assert "Example: testbed dred inspect" in shown.stdout
