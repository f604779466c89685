"""The command `testbed dred inspect`: real packets in bitstreams and captures, and files that are neither."""

import json
import os
import struct
import subprocess
import sys
import tracemalloc
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from testbed.codecs import opus, red, rtp
from testbed.codecs.dred import packet
from testbed.codecs.settings import EncoderSettings
from testbed.dred_inspect import Inspection
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
    seen = Inspection(bitstream(tmp_path / "call.bit", packets()))
    found = list(seen)
    with_dred = [index for index, each in enumerate(packets()) if packet.find(each)]
    assert len(with_dred) > 50
    assert [each.index for each in found] == with_dred
    (answer,) = seen.answers
    assert (answer.packets, answer.damaged, seen.verdict) == (100, 0, "carries")
    decoder = opus.DredDecoder()
    for each in found:
        data = packets()[each.index]
        reach = decoder.parse(data, 160_000).samples / 16
        assert each.depth_ms + each.end_ms == reach
        assert each.packet_bytes == len(data)
        assert each.dred_bytes == len(data) - len(packet.remove(data))
        assert each.header.version == 12
    assert str(answer).startswith(f"{len(with_dred)} of 100 packets carry DRED, ")


def test_a_capture_with_and_without_red(tmp_path):
    plain = captured(tmp_path / "plain.pcap", [(111, each) for each in packets()])
    block = red.RedBlock(111, 960, b"older")
    twice = captured(tmp_path / "red.pcap", [(63, red.serialize([block], 111, each)) for each in packets()])
    from_bitstream = Inspection(bitstream(tmp_path / "call.bit", packets()))
    *table, answer = from_bitstream.lines()
    for path in (plain, twice):
        name = "0x00000001, 192.0.2.1:5004 > 198.51.100.1:5004: "
        assert list(Inspection(path).lines()) == [name.rstrip(), *table, name + answer]


def test_a_payload_type_of_ones_own(tmp_path):
    sent = [(96, packets()[50]), (111, packets()[51]), (63, red.serialize([], 96, packets()[52]))]
    path = captured(tmp_path / "call.pcap", sent)
    sizes = [len(packets()[index]) for index in (50, 51, 52)]
    for kind, expected in ((111, [(0, sizes[1])]), (96, [(0, sizes[0]), (1, sizes[2])])):
        assert [(each.index, each.packet_bytes) for each in Inspection(path, kind)] == expected
    as_red = captured(tmp_path / "63.pcap", [(63, packets()[50]), (63, packets()[51])])
    assert [each.packet_bytes for each in Inspection(as_red, 63)] == sizes[:2]


def test_frames_that_were_not_sent_count(tmp_path):
    path = bitstream(tmp_path / "gap.bit", [packets()[50], b"", b"", packets()[51], b""])
    seen = Inspection(path)
    assert [each.index for each in seen] == [0, 3]
    assert seen.answers[0].packets == 2


def test_packets_are_not_held(tmp_path):
    """Of the smallest packets that carry DRED there may be millions in a file."""
    smallest = bytes.fromhex("4b41090000fc440c") + b"\x55" * 6
    path = bitstream(tmp_path / "tiny.bit", [smallest] * 4000)
    lines = Inspection(path).lines()
    assert [next(lines).split()[0] for _ in range(2)] == ["packet", "0"]
    tracemalloc.start()
    try:
        assert sum(1 for _ in lines) == 4000
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 100_000


def test_packets_of_endlessly_repeated_extensions_are_refused(tmp_path):
    """Three million extensions a packet take seconds each."""
    padding = (b"\x06" * 100 + b"\x05") * 640
    size = b"\xff" * (len(padding) // 254) + bytes([len(padding) % 254])
    seen = Inspection(bitstream(tmp_path / "hostile.bit", [b"\x83\x70" + size + padding] * 10))
    assert list(seen.lines()) == ["whether packets carry DRED cannot be known; 10 could not be read as Opus"]


def test_damaged_packets_are_counted(tmp_path):
    seen = Inspection(bitstream(tmp_path / "call.bit", [b"\x0b\x00", b"", packets()[50], b"\x08plain"]))
    for _ in range(2):
        assert len(list(seen)) == 1
        assert (seen.answers[0].packets, seen.answers[0].damaged) == (3, 1)
    assert "1 could not be read" in str(seen.answers[0])
    nothing = Inspection(bitstream(tmp_path / "plain.bit", [b"\x08plain"]))
    assert list(nothing.lines()) == ["0 of 1 packets carry DRED"]


def test_version_10_of_libopus_1_5(tmp_path):
    recorded = json.loads((Path(__file__).parents[1] / "reference/libopus_1_5.json").read_text())
    seen = Inspection(bitstream(tmp_path / "old.bit", [bytes.fromhex(each["packet"]) for each in recorded]))
    depths = [40 * len(each["latents"]) for each in recorded if each["latents"]]
    assert [found.depth_ms for found in seen] == depths
    *_, last, summary = seen.lines()
    assert last.split()[3:7] == ["10", "-25", "1040", "1015"]
    assert f" {min(depths)} to {max(depths)} ms deep, {sum(depths) / len(depths):.0f} on average" in summary


@pytest.mark.parametrize("content", [b"", b"RIFF" + bytes(100), struct.pack(">II", 5, 0) + b"abc", b"\0\0\0"])
def test_files_that_are_neither(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ScenarioError, match="file: "):
        list(Inspection(path))


def test_what_is_no_regular_file(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in ("/dev/zero", tmp_path / "fifo", tmp_path, tmp_path / "missing"):
        command = [TESTBED, "dred", "inspect", path]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (2, f"{path}: is not a file\n")


def test_a_capture_of_something_else(tmp_path):
    other = captured(tmp_path / "other.pcap", [(0, b"companded")] * 2)
    with pytest.raises(ScenarioError, match=r"payload type 97.*payload types are 0: say --payload-type$"):
        list(Inspection(other, 97))
    seen = Inspection(other)
    assert "no packet carries DRED: there is no Opus (payload types: 0)" in next(seen.lines())
    assert seen.verdict == "none"
    broken = tmp_path / "broken.pcap"
    broken.write_bytes(b"\xd4\xc3\xb2\xa1\x02")
    with pytest.raises(ChannelError, match="byte 5"):
        list(Inspection(broken))


def test_the_command(tmp_path):
    path = bitstream(tmp_path / "call.bit", packets()[:60])
    done = subprocess.run([TESTBED, "dred", "inspect", path], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0].split("  ")[0] == "packet"
    assert lines[1].index("12 ") == lines[0].index("version")
    assert lines == list(Inspection(path).lines())
    other = captured(tmp_path / "call.pcap", [(96, each) for each in packets()[:60]])
    command = [TESTBED, "dred", "inspect", other, "--payload-type", "96"]
    *_, answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert answer.endswith(lines[-1])
    wrong = subprocess.run([TESTBED, "dred", "inspect", TESTBED], capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "neither a capture nor a bitstream" in wrong.stderr
    shown = subprocess.run([TESTBED, "dred", "inspect", "--help"], capture_output=True, text=True, check=True)
    assert "Example: testbed dred inspect" in shown.stdout
