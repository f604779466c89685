"""DRED in real packets: what we read is what libopus reads, and what we write, libopus reads back.

`dred_check.c` is linked with the very library that the testbed uses, and tells the symbols and features that
it gets from packets. What libopus 1.5 made and told is in ``libopus_1_5.json``; see `record_libopus_1_5.py`.
"""

import json
import os
import random
import re
import struct
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from testbed import errors
from testbed.codecs.dred import network, packet, payload
from testbed.codecs.dred.network_folder import LIBOPUS
from testbed.codecs.dred.quantizers import quantizers
from testbed.codecs.opus import codec as opus
from testbed.kernels import dred_symbols
from tests.reference.libopus_build import build

CHECKER = Path(__file__).with_name("dred_check.c")
CLIPS = Path(errors.__file__).with_name("clips")
SECONDS = 6
ENCODES = (
    "24000 -loss 20 -framesize 20 -dred 100",
    "72000 -loss 20 -framesize 20 -dred 100",
    "120000 -loss 30 -framesize 20 -dred 104",
    "64000 -loss 10 -framesize 10 -dred 30",
    "64000 -loss 20 -framesize 60 -dred 100",
    "96000 -loss 20 -framesize 120 -dred 100",
    "64000 -loss 20 -framesize 20 -dred 100 -cbr",
)
LIBOPUS_CHUNKS = 26
CPU = Path("/proc/cpuinfo")
# Bit by bit where libopus computes with AVX2 and FMA, as we do; elsewhere 8-bit levels may differ.
FEATURE_RMS = 0 if CPU.exists() and {"avx2", "fma"} <= set(CPU.read_text().split()) else 1e-2


@cache
def speech():
    samples, rate = soundfile.read(CLIPS / "en-allison-1.flac", dtype="float32")
    assert rate == 16_000
    return np.round(np.resize(samples, SECONDS * rate) * 32767).astype("<i2")


def bitstream(packets):
    return b"".join(struct.pack(">II", len(each), 0) + each for each in packets)


@cache
def encode(options):
    """Return the packets that opus_demo makes of 6 s of speech."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        pcm, stream = Path(name, "in.pcm"), Path(name, "out.bit")
        pcm.write_bytes(speech().tobytes())
        command = [build().opus_demo, "-e", "voip", "16000", "1", *options.split(), pcm, stream]
        subprocess.run(command, check=True, capture_output=True)
        data, position, packets = stream.read_bytes(), 0, []
    while position < len(data):
        size, _ = struct.unpack_from(">II", data, position)
        packets.append(data[position + 8 : position + 8 + size])
        position += 8 + size
    return tuple(packets)


@dataclass(frozen=True)
class Answer:
    """The DRED that libopus found in a packet."""

    samples: int
    end: int
    offset: int
    state: np.ndarray
    latents: np.ndarray
    features: np.ndarray


@pytest.fixture(scope="module")
def libopus(tmp_path_factory):
    """Compile the checker; return a function from packets to answers."""
    program = tmp_path_factory.mktemp("checker") / "dred_check"
    command = ["gcc", "-O1", "-w", "-Iinclude", "-Icelt", "-Idnn", "-Isilk", "-DOPUS_BUILD", str(CHECKER)]
    folder = build().library.parent
    command += [str(build().library), f"-Wl,-rpath,{folder}", "-lm", "-o", str(program)]
    subprocess.run(command, cwd=build().source, check=True)

    def ask(packets):
        done = subprocess.run([program], input=bitstream(packets), capture_output=True, check=True)
        position, answers = 0, []
        for _ in packets:
            samples, end, offset, rows = np.frombuffer(done.stdout, np.int32, 4, position)
            position += 16
            floats = np.frombuffer(done.stdout, np.float32, (50 + 106 * rows) if rows else 0, position)
            position += 4 * floats.size
            state, latents, features = np.split(floats, [50, 50 + 26 * rows]) if rows else (floats,) * 3
            shaped = state, latents.reshape(-1, 26), features.reshape(-1, 20)
            answers.append(Answer(int(samples), int(end), int(offset), *shaped))
        assert position == len(done.stdout)
        return answers

    return ask


def check(packets, answers):
    """Compare all that libopus found with what we find; return the largest RMS of features of a packet."""
    state_tables, latent_tables = quantizers(12)
    read, expected_features = [], []
    for each, answer in zip(packets, answers, strict=True):
        carried = packet.find(each)
        if carried is None:
            assert answer.samples == 0
            assert answer.latents.size == 0
            continue
        found = payload.parse(carried.payload, LIBOPUS_CHUNKS)
        assert len(answer.latents) == found.chunks
        assert answer.offset == 16 - found.header.offset + carried.frame * carried.frame_ms / 2.5
        if found.chunks == 0:
            continue
        state = dred_symbols.restore(state_tables, found.header.q0, found.state[None])[0]
        assert np.array_equal(state, answer.state)
        for level, symbols, expected in zip(
            payload.levels(found.header, found.chunks), found.latents, answer.latents, strict=True
        ):
            assert expected[25] == level / 8 - 1
            assert np.array_equal(dred_symbols.restore(latent_tables, level, symbols[None])[0], expected[:25])
        read.append(found)
        expected_features.append(answer.features)
    decoded = network.decode(read)
    differences = [a - b for a, b in zip(decoded, expected_features, strict=True)]
    return max(float(np.sqrt(np.mean(difference**2))) for difference in differences)


@pytest.mark.parametrize("options", ENCODES)
def test_real_packets(libopus, options):
    packets = encode(options)
    answers = libopus(packets)
    assert sum(answer.latents.size > 0 for answer in answers) > len(packets) // 4
    assert check(packets, answers) <= FEATURE_RMS


@pytest.mark.parametrize("options", ENCODES)
def test_real_payloads_are_written_again_byte_by_byte(options):
    """Latent vectors at the very end that take less than 8 bits are there, but no reader looks for them."""
    hidden = 0
    for each in encode(options):
        carried = packet.find(each)
        if carried is None:
            continue
        seen = payload.parse(carried.payload).chunks
        longer = [payload.parse(carried.payload + bytes(2), seen + more) for more in range(4)]
        same = [payload.write(found) == carried.payload for found in longer]
        assert any(same)
        hidden += not same[0]
    assert hidden < len(encode(options)) / 4


def test_libopus_reads_our_dred(libopus, tmp_path):
    """Packets made without DRED get ours, of all quantizers, depths and offsets; opus_demo plays them."""
    rng = random.Random(1)
    sources = [payload.parse(found.payload) for found in map(packet.find, encode(ENCODES[2])) if found]
    plain = encode("24000 -framesize 20")
    assert not any(packet.find(each) for each in plain)
    written, meant = [], []
    for each in plain:
        q0, dq = rng.randrange(16), rng.randrange(8)
        qmax = rng.randint(q0 + 1, 15) if q0 < 14 and dq else 15
        offset = rng.choice((6, 14, 31, 32, 300))
        source = rng.choice([s for s in sources if s.chunks > 5])
        header = payload.DredHeader(12, q0, dq, qmax, offset)
        made = replace(source, header=header, latents=np.resize(source.latents, (rng.randint(1, 60), 25)))
        made = payload.parse(payload.write(made))  # what cannot be sent at these levels becomes 0
        meant.append(made)
        written.append(packet.add(each, payload.write(made)))
    answers = libopus(written)
    assert check(written, answers) <= FEATURE_RMS
    assert max(found.chunks for found in meant) > LIBOPUS_CHUNKS

    for bare, full in zip(plain, written, strict=True):
        assert packet.remove(full) == packet.remove(bare)
    decoder = opus.DredDecoder()
    for full, answer in zip(written, answers, strict=True):
        assert decoder.parse(full, 160_000).samples == answer.samples

    # 30 % of the packets lost: opus_demo conceals from our DRED without complaint, and gives sound
    stream, pcm = tmp_path / "in.bit", tmp_path / "out.pcm"
    real = [packet.add(each, payload.write(sources[i % len(sources)])) for i, each in enumerate(plain)]
    stream.write_bytes(bitstream(real))
    done = subprocess.run(
        [build().opus_demo, "-d", "16000", "1", "-dec_complexity", "7", "-loss", "30", stream, pcm],
        capture_output=True,
        check=True,
    )
    assert b"error" not in done.stderr.lower()
    heard = np.frombuffer(pcm.read_bytes(), "<i2")
    assert heard.size > (SECONDS - 1) * 16_000
    assert np.abs(heard.astype(int)).max() > 1000


def test_quantizers_are_those_of_the_source():
    text = (build().source / "dnn/dred_rdovae_stats_data.c").read_text()
    for kind, tables in zip(("state", "latent"), quantizers(12), strict=True):
        for field, table in zip(("quant_scales", "dead_zone", "r", "p0"), tables, strict=True):
            listed = re.search(rf"\bdred_{kind}_{field}_q8\[\d+\] = {{([\d,\s]*)}}", text)[1]
            assert table.ravel().tolist() == [int(word) for word in listed.replace(",", " ").split()]


@cache
def libopus_1_5():
    return json.loads(Path(__file__).with_name("libopus_1_5.json").read_text())


def test_packets_of_libopus_1_5():
    """Experimental version 10: the same symbols, and the same bytes when written again."""
    state_tables, latent_tables = quantizers(10)
    with_dred = 0
    for told in libopus_1_5():
        carried = packet.find(bytes.fromhex(told["packet"]))
        assert (carried is None) == (not told["latents"])
        if carried is None:
            continue
        with_dred += 1
        found = payload.parse(carried.payload, LIBOPUS_CHUNKS)
        assert (found.header.version, found.chunks) == (10, len(told["latents"]))
        assert told["offset"] == 16 - found.header.offset
        assert told["samples"] == 640 * found.chunks - 40 * told["offset"]
        state = dred_symbols.restore(state_tables, found.header.q0, found.state[None])[0]
        assert np.array_equal(state, np.float32(told["state"]))
        for level, symbols, expected in zip(
            payload.levels(found.header, found.chunks), found.latents, told["latents"], strict=True
        ):
            values = dred_symbols.restore(latent_tables, level, symbols[None])[0]
            assert np.array_equal(values, np.float32(expected))
        longer = [payload.parse(carried.payload + bytes(2), found.chunks + more) for more in range(4)]
        assert any(payload.write(each) == carried.payload for each in longer)
    assert with_dred > 10


def test_a_payload_cut_shorter(libopus):
    """The shorter one has the same symbols, and libopus the same features, as the beginning of the longer."""
    packets = [each for each in encode(ENCODES[1]) if packet.find(each)]
    whole = libopus(packets)
    for chunks in (1, 3, 10):
        deep = [
            (each, answer)
            for each, answer in zip(packets, whole, strict=True)
            if len(answer.latents) > chunks
        ]
        wholes = [payload.parse(packet.find(each).payload) for each, _ in deep]
        shorter = [payload.write(whole.cut(chunks)) for whole in wholes]
        short = [packet.add(each, data) for (each, _), data in zip(deep, shorter, strict=True)]
        lost = 0
        for (each, answer), small, again in zip(deep, short, libopus(short), strict=True):
            assert len(small) < len(each)
            rows = len(again.latents)
            lost += chunks - rows
            assert chunks - 1 <= rows <= chunks
            assert np.array_equal(again.latents, answer.latents[:rows])
            assert np.array_equal(again.features, answer.features[: 4 * rows])
        assert lost < len(deep) / 4


def mutated(rng, originals):
    data = bytearray(rng.choice(originals))
    for _ in range(rng.choice((1, 1, 2, 8))):
        data[rng.randrange(2, len(data))] = rng.randrange(256)
    if rng.random() < 0.3:
        del data[rng.randrange(3, len(data) + 1) :]
    if rng.random() < 0.02:
        data[2:] = rng.choice((b"\0", b"\xff")) * rng.randint(1, 300)
    return bytes(data)


@cache
def originals():
    packets = [each for options in ENCODES for each in encode(options)]
    packets += [bytes.fromhex(told["packet"]) for told in libopus_1_5()] * 20
    return [found.payload for found in map(packet.find, packets) if found]


def test_damaged_payloads(libopus):
    """A hundred thousand mutations are read to an end; many of them held against libopus."""
    rng = random.Random(3)
    kept = []
    for index in range(100_000):
        data = mutated(rng, originals())
        payload.parse(data)
        if index % 100 == 0 and data[1] == LIBOPUS.version:
            kept.append(data)
    carrier = next(each for each in encode("24000 -framesize 20") if len(each) > 20)
    packets = [packet.add(carrier, data) for data in kept]
    answers = libopus(packets)
    for data, each in zip(kept, packets, strict=True):
        assert packet.find(each).payload == data
    assert check(packets, answers) <= FEATURE_RMS
    features = network.decode([payload.parse(data) for data in kept])
    assert all(np.isfinite(each).all() for each in features)


def test_damaged_payloads_are_never_read_outside_their_bytes(tmp_path):
    """Kernels do not check indices unless they are compiled to."""
    rng = random.Random(4)
    (tmp_path / "payloads.txt").write_text("\n".join(mutated(rng, originals()).hex() for _ in range(10_000)))
    program = """
import sys
from testbed.codecs.dred import payload
for line in open(sys.argv[1]):
    payload.parse(bytes.fromhex(line))
"""
    checked = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-c", program, tmp_path / "payloads.txt"]
    subprocess.run(command, env=os.environ | checked, check=True)
