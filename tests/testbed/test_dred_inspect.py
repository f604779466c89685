"""The command `testbed dred inspect`: real packets in bitstreams and captures, and files that are neither."""

import gzip
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
from typer.testing import CliRunner

from testbed.cli import app
from testbed.codecs.dred import network, packet, payload
from testbed.codecs.dred.network_folder import find_network
from testbed.codecs.opus import codec as opus
from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.rtp import packet as rtp
from testbed.codecs.rtp import red
from testbed.dred_inspect import Inspection
from testbed.errors import ChannelError, ScenarioError
from testbed.pcap import write_pcap
from testbed.speech import list_clips
from tests.codecs.dred.own_network import own_folder

from .traces.ogg_files import ogg

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
    answer, *table = from_bitstream.lines()
    for path in (plain, twice):
        name = "0x00000001, 192.0.2.1:5004 > 198.51.100.1:5004: "
        assert list(Inspection(path).lines()) == [name + answer, name.rstrip(), *table]


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
    assert [next(lines).split()[0] for _ in range(3)] == ["4000", "packet", "0"]
    tracemalloc.start()
    try:
        assert sum(1 for _ in lines) == 3999
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 100_000


def test_packets_of_endlessly_repeated_extensions_are_refused(tmp_path):
    """Three million extensions a packet take seconds each."""
    padding = (b"\x06" * 100 + b"\x05") * 640
    size = b"\xff" * (len(padding) // 254) + bytes([len(padding) % 254])
    seen = Inspection(bitstream(tmp_path / "hostile.bit", [b"\x83\x70" + size + padding] * 10))
    assert list(seen.lines()) == [
        "it cannot be known whether packets carry DRED; 10 could not be read as Opus"
    ]


def test_many_damaged_packets_leave_it_unknown(tmp_path):
    few, many = [b"\x08plain"] * 20 + [b"\x0b\x00"], [b"\x08plain", b"\x0b\x00"] * 10
    for content, verdict in ((few, "none"), (many, "unknown")):
        seen = Inspection(bitstream(tmp_path / "call.bit", content))
        assert (list(seen), seen.verdict) == ([], verdict)


def test_damaged_packets_are_counted(tmp_path):
    seen = Inspection(bitstream(tmp_path / "call.bit", [b"\x0b\x00", b"", packets()[50], b"\x08plain"]))
    for _ in range(2):
        assert len(list(seen)) == 1
        assert (seen.answers[0].packets, seen.answers[0].damaged) == (3, 1)
    assert "1 could not be read" in str(seen.answers[0])
    nothing = Inspection(bitstream(tmp_path / "plain.bit", [b"\x08plain"]))
    assert list(nothing.lines()) == ["0 of 1 packets carry DRED"]


def test_dred_of_another_network_is_told_from_libopus(tmp_path):
    ours = find_network(str(own_folder(tmp_path / "mine")))
    speech = np.random.default_rng(1).normal(0, 1, (100, 20)).astype(np.float32)
    written = payload.write(network.payload(network.encode(speech, ours), 40, 7), ours)
    path = bitstream(tmp_path / "call.bit", [packet.add(packet.remove(each), written) for each in packets()])
    unknown = list(Inspection(path).lines())
    assert f"version {ours.version} is of a network not known here" in unknown[0]
    assert unknown[2].split()[3:7] == [str(ours.version), "-25", "?", "?"]
    known = list(Inspection(path, network=ours).lines())
    assert f"280 ms deep, 280 on average; version {ours.version} is of the network 'mine'" in known[0]
    assert known[2].split()[3:7] == [str(ours.version), "-25", "280", "255"]
    command = ["dred", "inspect", str(path), "--json", "--network"]
    (stream,) = json.loads(CliRunner().invoke(app, [*command, ours.folder]).output)["streams"]
    assert (stream["with_dred"], stream["networks"]) == (100, {str(ours.version): "mine"})
    assert CliRunner().invoke(app, [*command, "mni"]).exit_code == 2


def test_version_10_of_libopus_1_5(tmp_path):
    recorded = json.loads((Path(__file__).parents[1] / "reference/libopus_1_5.json").read_text())
    seen = Inspection(bitstream(tmp_path / "old.bit", [bytes.fromhex(each["packet"]) for each in recorded]))
    depths = [40 * len(each["latents"]) for each in recorded if each["latents"]]
    assert [found.depth_ms for found in seen] == depths
    summary, *_, last = seen.lines()
    assert last.split()[3:7] == ["10", "-25", "1040", "1015"]
    assert f" {min(depths)} to {max(depths)} ms deep, {sum(depths) / len(depths):.0f} on average" in summary


@pytest.mark.parametrize("content", [b"", b"FORM" + bytes(100), struct.pack(">II", 5, 0) + b"abc", b"\0\0\0"])
def test_files_that_are_neither(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ScenarioError, match="file: "):
        list(Inspection(path))


def test_a_path_that_is_not_a_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in ("/dev/zero", tmp_path / "fifo", tmp_path, tmp_path / "missing"):
        command = [TESTBED, "dred", "inspect", path]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (2, f"{path}: is not a file\n")


def test_a_capture_of_something_else(tmp_path):
    other = captured(tmp_path / "other.pcap", [(0, b"companded")] * 2)
    with pytest.raises(ScenarioError, match=r"payload type 97.*payload types are 0: give --payload-type$"):
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
    assert " of 60 packets carry DRED" in lines[0]
    assert lines[1].split("  ")[0] == "packet"
    assert lines[2].index("12 ") == lines[1].index("version")
    assert lines == list(Inspection(path).lines())
    other = captured(tmp_path / "call.pcap", [(96, each) for each in packets()[:60]])
    command = [TESTBED, "dred", "inspect", other, "--payload-type", "96"]
    answer, *_ = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert answer.endswith(lines[0])
    wrong = subprocess.run([TESTBED, "dred", "inspect", TESTBED], capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "is a program, not a recording of a network" in wrong.stderr
    shown = subprocess.run([TESTBED, "dred", "inspect", "--help"], capture_output=True, text=True, check=True)
    assert "Example: testbed dred inspect" in shown.stdout


def sent(payloads, ssrc=1, kind=111, first=0):
    """RTP packets, each with its time in ns; a payload can bring its own type."""
    pairs = [each if isinstance(each, tuple) else (kind, each) for each in payloads]
    return [
        (20_000_000 * k, rtp.RtpPacket(kind, (first + k) & 0xFFFF, 960 * k, ssrc, data).serialize())
        for k, (kind, data) in enumerate(pairs)
    ]


def inspected(tmp_path, packets_sent, **types):
    """Return the answers for packets in a capture, stream by stream."""
    path = tmp_path / "call.pcap"
    write_pcap(path, sorted(packets_sent, key=lambda pair: pair[0]))
    seen = Inspection(path, **types)
    list(seen)
    return seen


def plain(count=100):
    """Opus packets without DRED."""
    return [packet.remove(each) for each in packets()[:count]]


def noise(count, first=b""):
    rng = np.random.default_rng(2)
    return [first + rng.bytes(60 + k % 20) for k in range(count)]


def with_red(payloads, kind):
    """RED of each packet and the one before; the first alone."""
    before = [None, *payloads]
    return [
        (kind, red.serialize([] if old is None else [red.RedBlock(111, 960, old)], 111, new))
        for old, new in zip(before, payloads, strict=False)
    ]


def test_each_stream_has_its_answer(tmp_path):
    with_dred = sum(packet.find(each) is not None for each in packets())
    seen = inspected(
        tmp_path, [*sent(packets(), 1), *sent(plain(), 2), *sent(noise(50), 3), *sent(noise(30), 4, kind=0)]
    )
    assert [(answer.ssrc, answer.verdict) for answer in seen.answers] == [
        (1, "carries"),
        (2, "none"),
        (3, "unknown"),
        (4, "none"),
    ]
    assert [answer.with_dred for answer in seen.answers] == [with_dred, 0, 0, 0]
    assert seen.verdict == "carries"


@pytest.mark.parametrize("kind", [63, 112, 96])
def test_red_of_any_payload_type_is_found(tmp_path, kind):
    seen = inspected(tmp_path, sent(with_red(packets(), kind)))
    assert (seen.answers[0].red_types, seen.verdict) == ((kind,), "carries")
    assert seen.answers[0].packets == 100
    assert inspected(tmp_path, sent(with_red(packets(), kind)), red_payload_type=kind).verdict == "carries"
    inside = [(kind, red.serialize([], 97, each)) for each in packets()]
    assert inspected(tmp_path, sent(inside)).answers[0].packets == 100


def test_opus_and_red_that_look_like_each_other(tmp_path):
    """An Opus packet can be read as RED, and RED of payload type 114 as an Opus packet of 20 ms."""
    smallest = bytes.fromhex("4b41090000fc440c") + b"\x55" * 6
    assert inspected(tmp_path, sent([smallest] * 20)).answers[0].with_dred == 20
    older = [red.RedBlock(114, 960, b"\x48" + bytes(15))]
    inside = [(96, red.serialize(older, 114, each)) for each in packets()]
    (answer,) = inspected(tmp_path, sent(inside)).answers
    assert (answer.red_types, answer.verdict) == ((96,), "carries")


def test_opus_of_any_payload_type_is_found_where_timestamps_prove_it(tmp_path):
    assert inspected(tmp_path, sent(packets(), kind=97)).verdict == "carries"
    assert inspected(tmp_path, sent(plain(), kind=97)).verdict == "none"
    few = inspected(tmp_path, sent(plain(5), kind=97))
    assert few.verdict == "unknown"
    assert "give --payload-type 97 if it is Opus, --red-payload-type 97 if it is RED" in str(few.answers[0])
    assert inspected(tmp_path, sent(plain(5), kind=97), payload_type=97).verdict == "none"


def test_other_payloads_beside_opus(tmp_path):
    """DTMF is too short for DRED, video has several packets to a timestamp: of neither need be asked."""
    mixed = [(101, b"\1\x0a\0\xa0") if k % 9 == 8 else (111, each) for k, each in enumerate(plain())]
    assert inspected(tmp_path, sent(mixed)).verdict == "none"
    video = [
        (at, data[:4] + (3000 * (k // 3)).to_bytes(4, "big") + data[8:])
        for k, (at, data) in enumerate(sent(noise(90), 2, kind=98))
    ]
    assert inspected(tmp_path, [*sent(plain()), *video]).verdict == "none"
    unknown = [(112, each) if k % 2 else (111, plain()[k]) for k, each in enumerate(noise(100))]
    seen = inspected(tmp_path, sent(unknown))
    assert (seen.verdict, seen.answers[0].packets) == ("unknown", 50)


@pytest.mark.parametrize("first", [b"", b"\xa3", b"\x48", b"\x49", b"\xfa", packets()[50][:1]])
@pytest.mark.parametrize("kind", [111, 63, 112])
def test_encrypted_payloads_cannot_be_known(tmp_path, first, kind):
    seen = inspected(tmp_path, sent(noise(100, first), kind=kind))
    assert (seen.verdict, seen.answers[0].with_dred) == ("unknown", 0)
    assert "encrypted" in str(seen.answers[0])


@pytest.mark.parametrize("settings", [{"bitrate_bps": 12_000}, {"bitrate_bps": 64_000, "rate_mode": "cbr"}])
def test_speech_is_not_taken_for_encrypted(tmp_path, settings):
    """SILK, and CELT at a constant bitrate, whose packets are of one size; made-up packets."""
    made_up = [b"\x08" + bytes([n & 0xFF]) * 40 for n in range(500)]
    assert inspected(tmp_path, sent(made_up)).verdict == "none"
    pcm = np.round(32_767 * list_clips()["packaged"][0].pcm).astype(np.int16)
    encoder = opus.Encoder(EncoderSettings(**settings))
    encoded = [encoder.encode(pcm[start : start + 320]) for start in range(0, 320 * 200, 320)]
    assert inspected(tmp_path, sent(encoded)).verdict == "none"


def test_keys_that_were_agreed_on_say_so_too(tmp_path):
    handshake = (0, b"\x16\xfe\xfd" + bytes(40))
    seen = inspected(tmp_path, [handshake, *sent(noise(100))])
    assert "keys for encryption were agreed on between these ports (DTLS)" in str(seen.answers[0])
    assert inspected(tmp_path, [handshake, *sent(packets())]).verdict == "carries"


def cut_at(tmp_path, packets_sent, size):
    """A capture that keeps so many bytes of each packet, headers of 40 bytes before RTP included."""
    whole = tmp_path / "whole.pcap"
    write_pcap(whole, packets_sent)
    content, parts, position = whole.read_bytes(), [], 24
    while position < len(content):
        length = int.from_bytes(content[position + 8 : position + 12], "little")
        head = content[position : position + 8] + struct.pack("<II", min(size, length), length)
        parts.append(head + content[position + 16 : position + 16 + min(size, length)])
        position += 16 + length
    path = tmp_path / "cut.pcap"
    path.write_bytes(content[:24] + b"".join(parts))
    seen = Inspection(path)
    list(seen)
    return seen


def test_the_content_of_cut_packets_is_unknown(tmp_path):
    for size in (40, 41, 42, 80):
        seen = cut_at(tmp_path, sent(packets()), size)
        assert seen.verdict == "unknown"
        assert "capture with a larger snapshot length" in str(seen.answers[0])
    for size in (42, 80):
        assert cut_at(tmp_path, sent(packets()), size).answers[0].cut == sum(
            28 + 12 + len(each) > size and each[0] & 3 == 3 for each in packets()
        )
    # Without padding there is no DRED, whatever else was cut.
    assert cut_at(tmp_path, sent(plain()), 42).verdict == "none"
    assert cut_at(tmp_path, sent(with_red(packets(), 63)), 80).verdict == "unknown"
    assert cut_at(tmp_path, sent(noise(100)), 60).verdict == "unknown"


def test_some_that_are_whole_show_dred_and_the_cut_ones_are_counted(tmp_path):
    sizes = sorted(40 + len(each) for each in packets() if packet.find(each))
    (answer,) = cut_at(tmp_path, sent(packets()), sizes[len(sizes) // 2]).answers
    assert answer.verdict == "carries"
    assert 0 < answer.with_dred < len(sizes) <= answer.with_dred + answer.cut
    assert f"cut {answer.cut} of 100 packets" in str(answer)


def test_streams_without_end_are_refused(tmp_path):
    with pytest.raises(ScenarioError, match="holds 1001 RTP streams, at most 1000 are inspected"):
        inspected(tmp_path, [each for ssrc in range(1001) for each in sent(plain(2), ssrc)])


def test_duplicates_are_not_counted_twice(tmp_path):
    once = sent(packets())
    twice = [*once, *((at + 1, data) for at, data in once)]
    seen, alone = inspected(tmp_path, twice), inspected(tmp_path, once)
    assert (seen.answers[0].packets, seen.answers[0].duplicates) == (100, 100)
    assert seen.answers[0].with_dred == alone.answers[0].with_dred
    assert "100 duplicates are not counted" in str(seen.answers[0])


def test_an_rtpdump_and_a_packed_capture(tmp_path):
    capture = tmp_path / "call.pcap"
    write_pcap(capture, sent(packets()))
    (tmp_path / "call.pcap.gz").write_bytes(gzip.compress(capture.read_bytes()))
    records = [
        struct.pack(">HHI", 8 + len(data), len(data), at // 1_000_000) + data for at, data in sent(packets())
    ]
    (tmp_path / "call.rtp").write_bytes(b"#!rtpplay1.0 192.0.2.1/5004\n" + bytes(16) + b"".join(records))
    rows = [
        list(Inspection(tmp_path / name).lines())[2:] for name in ("call.pcap", "call.pcap.gz", "call.rtp")
    ]
    assert rows[0] == rows[1] == rows[2] and len(rows[0]) > 50


def test_ogg_opus(tmp_path):
    path = tmp_path / "call.opus"
    path.write_bytes(ogg([(packets()[:50], 50 * 960), (packets()[50:], 100 * 960)]))
    whole = list(Inspection(bitstream(tmp_path / "call.bit", packets())).lines())
    assert list(Inspection(path).lines()) == whole
    path.write_bytes(ogg([(packets(), 960)]) + ogg([(plain(), 960)], serial=10))
    seen = Inspection(path)
    first, second, *_ = seen.lines()
    assert first.startswith("Ogg stream 0x00000009: ") and "0 of 100" in second


def test_answers_for_programs_and_exit_codes(tmp_path):
    def told(*arguments):
        done = CliRunner().invoke(app, ["dred", "inspect", str(tmp_path / "call.pcap"), *arguments])
        return done.exit_code, done.stdout

    for payloads, code, word in ((packets(), 0, "carries"), (plain(), 3, "none"), (noise(100), 4, "unknown")):
        write_pcap(tmp_path / "call.pcap", sent(payloads))
        assert told()[0] == code
        returned, text = told("--json")
        answer = json.loads(text)
        (stream,) = answer["streams"]
        assert (returned, answer["answer"], stream["answer"], stream["ssrc"]) == (
            code,
            word,
            word,
            "0x00000001",
        )
        assert (stream["with_dred"] > 0) == (stream["depth_ms"] is not None) == (code == 0)
        assert (stream["reason"] is not None) == (code == 4)
    (tmp_path / "call.pcap").write_bytes(b"\xd4\xc3\xb2\xa1")
    assert told("--json") == (2, "")


def check_inspected_or_refused(path):
    seen = Inspection(path)
    try:
        list(seen)
    except (ChannelError, ScenarioError) as error:
        assert str(error).startswith(f"{path}:")
        return
    for answer in seen.answers:
        assert answer.with_dred + answer.damaged <= answer.packets + sum(answer.types.values())
        assert answer.verdict != "carries" or answer.with_dred
        assert answer.verdict != "unknown" or ";" in str(answer)
    json.loads(seen.as_json())


def damaged_files(tmp_path, count):
    """Captures, dumps, Ogg and bitstreams, damaged in a few places or cut off."""
    capture = tmp_path / "whole.pcap"
    write_pcap(capture, [*sent(packets()[50:53]), *sent(with_red(packets()[50:54], 63), 2)])
    records = [struct.pack(">HHI", 8 + len(data), len(data), 0) + data for _, data in sent(packets()[50:53])]
    whole = [
        capture.read_bytes(),
        b"#!rtpplay1.0 192.0.2.1/5004\n" + bytes(16) + b"".join(records),
        ogg([(packets()[50:53], 3 * 960)]),
        b"".join(struct.pack(">II", len(each), 0) + each for each in packets()[50:53]),
    ]
    rng = np.random.default_rng(5)
    path = tmp_path / "damaged"
    for _ in range(count):
        content = bytearray(whole[rng.integers(len(whole))])
        for _ in range(rng.integers(1, 6)):
            content[rng.integers(len(content))] = rng.choice((0, 1, 63, 111, 255, rng.integers(256)))
        path.write_bytes(content[: rng.integers(1, 4 * len(content))])
        yield path


def test_damaged_files_are_inspected_or_refused(tmp_path):
    for path in damaged_files(tmp_path, 300):
        check_inspected_or_refused(path)


@pytest.mark.long
def test_many_damaged_files_are_inspected_or_refused(tmp_path):
    for path in damaged_files(tmp_path, 20_000):
        check_inspected_or_refused(path)
