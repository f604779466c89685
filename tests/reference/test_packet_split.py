"""Framing, extensions and the extent of LBRR are held against libopus's own decoder, packet by packet.

`lbrr_check.c` is compiled with libopus's sources as they are: it decodes LBRR with `silk_Decode` and prints
where the range decoder stands. Our walk must stand at the same eighth of a bit, on damaged packets as well.
"""

import ctypes
import random
import struct
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from testbed import errors
from testbed.codecs.opus import build as opus_build
from testbed.codecs.opus import packet as opus_packet
from testbed.codecs.opus.extensions import extensions
from testbed.errors import CodecError
from testbed.kernels.silk_lbrr import lbrr_extent

CHECKER = Path(__file__).with_name("lbrr_check.c")
CLIPS = Path(errors.__file__).with_name("clips")
LAYOUTS = {10: (1, 2), 20: (1, 4), 40: (2, 4), 60: (3, 4)}
RATES_KHZ = {"narrowband": 8, "mediumband": 12, "wideband": 16}
SECONDS = 4


@dataclass(frozen=True)
class Encode:
    """One run of opus_demo -e."""

    bitrate_bps: int
    options: str
    rate_hz: int = 16_000
    channels: int = 1

    def __str__(self):
        return f"{self.rate_hz}/{self.channels} {self.bitrate_bps} {self.options}"


FEC = "-inbandfec -loss 20"
ENCODES = (
    Encode(20_000, f"{FEC} -bandwidth NB -framesize 20"),
    Encode(20_000, f"{FEC} -bandwidth NB -framesize 60"),
    Encode(24_000, f"{FEC} -bandwidth NB -framesize 10"),
    Encode(24_000, f"{FEC} -bandwidth MB -framesize 10"),
    Encode(24_000, f"{FEC} -bandwidth MB -framesize 40"),
    Encode(20_000, f"{FEC} -framesize 20"),
    Encode(40_000, f"{FEC} -framesize 20"),
    Encode(40_000, f"{FEC} -framesize 20 -cbr"),
    Encode(40_000, f"{FEC} -framesize 20 -dtx"),
    Encode(32_000, f"{FEC} -framesize 40"),
    Encode(32_000, f"{FEC} -framesize 60 -cvbr"),
    Encode(32_000, f"{FEC} -framesize 120"),
    Encode(40_000, f"{FEC} -framesize 10"),
    Encode(32_000, f"{FEC} -framesize 20 -bandwidth FB", rate_hz=48_000),
    Encode(32_000, f"{FEC} -framesize 10 -bandwidth SWB", rate_hz=48_000),
    Encode(40_000, f"{FEC} -framesize 20", channels=2),
    Encode(60_000, f"{FEC} -framesize 60", channels=2),
    Encode(24_000, "-loss 20 -framesize 20"),
    Encode(64_000, "-loss 20 -framesize 20 -dred 50"),
    Encode(72_000, f"{FEC} -framesize 20 -dred 100"),
    Encode(72_000, f"{FEC} -framesize 20 -dred 100 -cbr"),
    Encode(72_000, f"{FEC} -framesize 40 -dred 100"),
    Encode(96_000, f"{FEC} -framesize 120 -dred 100"),
)


@cache
def build():
    found = opus_build.installed()
    assert found is not None, "libopus is not built: run 'testbed opus build'"
    return found


@pytest.fixture(scope="module")
def checker(tmp_path_factory):
    """Compile the checker with libopus's sources; return what it prints for packets, a line for each."""
    source = build().source
    program = tmp_path_factory.mktemp("checker") / "lbrr_check"
    parts = [
        str(path.relative_to(source)) for path in (*source.glob("silk/*.c"), *source.glob("celt/ent*.c"))
    ]
    parts += ["src/opus.c", "src/extensions.c"]
    command = ["gcc", "-O1", "-w", "-DOPUS_BUILD", "-DUSE_ALLOCA", "-ffunction-sections", "-Wl,--gc-sections"]
    command += ["-Iinclude", "-Icelt", "-Isilk", "-Isilk/float", "-Isrc", str(CHECKER), *parts, "-lm"]
    subprocess.run([*command, "-o", str(program)], cwd=source, check=True)

    def lines(packets):
        stream = b"".join(struct.pack(">II", len(packet), 0) + packet for packet in packets)
        output = subprocess.run([program], input=stream, capture_output=True, check=True).stdout
        found = output.decode().splitlines()
        assert len(found) == len(packets)
        return found

    return lines


@cache
def speech(rate_hz, channels):
    """Four seconds of a packaged clip, the last of them silent, as int16 samples; in stereo two voices."""
    voices = []
    for name in ("en-allison-1.flac", "it-carlo-1.flac"):
        samples, rate = soundfile.read(CLIPS / name, dtype="float32")
        samples = samples[: SECONDS * rate]
        samples[-rate:] = 0
        voices.append(soxr.resample(samples, rate, rate_hz) if rate != rate_hz else samples)
    mixed = (
        voices[0][:, None] if channels == 1 else np.stack((voices[0] + voices[1] / 2, voices[0] / 2), axis=1)
    )
    return np.round(np.clip(mixed, -1, 1) * 32767).astype("<i2")


@cache
def encode(job):
    """Return the packets that opus_demo makes."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        pcm, stream = Path(name, "in.pcm"), Path(name, "out.bit")
        pcm.write_bytes(speech(job.rate_hz, job.channels).tobytes())
        where = [
            "-e",
            "voip",
            str(job.rate_hz),
            str(job.channels),
            str(job.bitrate_bps),
            *job.options.split(),
        ]
        subprocess.run([build().opus_demo, *where, pcm, stream], check=True, capture_output=True)
        data, position, packets = stream.read_bytes(), 0, []
    while position < len(data):
        size, _ = struct.unpack_from(">II", data, position)
        packets.append(data[position + 8 : position + 8 + size])
        position += 8 + size
    return tuple(packets)


def described(packet):
    """Say of a packet, in the checker's words, what our code finds."""
    try:
        taken = opus_packet.parse(packet)
    except CodecError:
        return "bad"
    sizes = ",".join(str(len(frame)) for frame in taken.frames)
    try:
        found = [
            f"{e.identifier}:{e.frame}:{e.payload_start}:{e.end - e.payload_start}"
            for e in extensions(taken.padding, len(taken.frames))
        ]
    except CodecError:
        found = ["bad"]
    ends = []
    for frame in taken.frames:
        if taken.mode == "celt" or len(frame) <= 1:
            ends.append("none")
            continue
        rate_khz = 16 if taken.mode == "hybrid" else RATES_KHZ[taken.bandwidth]
        layout = LAYOUTS[int(taken.coded_frame_ms)]
        _, end, _, _ = lbrr_extent(np.frombuffer(frame, np.uint8), rate_khz, *layout, taken.channels)
        ends.append(str(end))
    return f"{sizes} {len(taken.padding)} {','.join(found) or 'none'} {','.join(ends)}"


def unpadded_bytes(packet):
    """Return the size of a packet after libopus has taken its padding away."""
    data = ctypes.create_string_buffer(packet, len(packet))
    size = ctypes.CDLL(str(build().library)).opus_packet_unpad(data, len(packet))
    assert size > 0
    return size


@pytest.mark.parametrize("job", ENCODES, ids=str)
def test_real_packets(checker, job):
    packets = encode(job)
    lines = checker(packets)
    assert [described(packet) for packet in packets] == lines

    splits = [opus_packet.split(packet) for packet in packets]
    for packet, split in zip(packets, splits, strict=True):
        assert split.primary_bytes + split.lbrr_bytes + split.dred_bytes == len(packet)
        assert split.primary_bytes > 0
        if "-cbr" not in job.options:  # there padding stays when DRED goes
            assert len(packet) - split.dred_bytes == unpadded_bytes(packet)
    assert (sum(split.lbrr_bytes for split in splits) > 0) == ("-inbandfec" in job.options)
    assert (sum(split.dred_bytes for split in splits) > 0) == ("-dred" in job.options)
    for split in splits:
        assert (split.lbrr_bytes > 0) == any(split.lbrr_frames)


def test_all_layers_were_met():
    """All layers that the comparison above claims to cover are among the packets."""
    splits = [opus_packet.split(packet) for job in ENCODES for packet in encode(job)]
    met = {(split.mode, split.bandwidth) for split in splits if split.lbrr_bytes > 0}
    silk = {("silk", "narrowband"), ("silk", "mediumband"), ("silk", "wideband")}
    assert met >= silk | {("hybrid", "superwideband"), ("hybrid", "fullband")}
    assert {len(split.lbrr_frames) for split in splits} >= {1, 2, 3, 6}
    assert any(any(split.lbrr_frames) and not all(split.lbrr_frames) for split in splits)


def test_damaged_packets(checker):
    """Ten thousand mutations: we refuse what libopus refuses, and otherwise read as far as it does."""
    rng = random.Random(1)
    originals = [packet for job in ENCODES for packet in encode(job)]
    damaged = []
    for _ in range(10_000):
        packet = bytearray(rng.choice(originals))
        for _ in range(rng.choice((1, 1, 2, 8))):
            position = rng.choice((0, 1, 2, rng.randrange(len(packet)))) % len(packet)
            packet[position] = rng.randrange(256)
        if rng.random() < 0.3:
            del packet[rng.randrange(1, len(packet) + 1) :]
        damaged.append(bytes(packet))
    expected = checker(damaged)
    assert [described(each) for each in damaged] == expected
    assert 100 < expected.count("bad") < 9_900
    for each in damaged:
        try:
            split = opus_packet.split(each)
        except CodecError:
            continue
        assert split.primary_bytes + split.lbrr_bytes + split.dred_bytes == len(each)
        assert min(split.primary_bytes, split.lbrr_bytes, split.dred_bytes) >= 0


def test_random_extensions(checker):
    """Separators, repetitions and lengths in any order, most of them nonsense."""
    rng = random.Random(2)
    headers = (0, 1, 2, 3, 4, 5, 6, 7, 62, 63, 64, 65, 252, 253)
    packets = []
    for _ in range(10_000):
        frames = rng.randint(1, 6)
        padding = bytearray()
        for _ in range(rng.randint(0, 8)):
            padding.append(rng.choice(headers))
            padding += rng.choice((b"", bytes([rng.randint(0, 4)]), rng.randbytes(rng.randint(0, 5))))
        if rng.random() < 0.05:
            padding += b"\xfd\xff" + bytes([rng.randint(0, 40)]) + rng.randbytes(270)
        length = b"\xff" * (max(0, len(padding) - 1) // 254)
        length += bytes([len(padding) - 254 * len(length)])
        toc = 0x98 | 3  # CELT, 20 ms: frames without a SILK layer
        packets.append(bytes([toc, 0x40 | frames]) + length + rng.randbytes(frames * 3) + padding)
    expected = checker(packets)
    assert [described(packet) for packet in packets] == expected
    kinds = [line.split(" ")[2] for line in expected]
    assert min(kinds.count("bad"), kinds.count("none"), len([k for k in kinds if ":" in k])) > 500
