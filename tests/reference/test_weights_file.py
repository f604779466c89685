"""libopus with weights of ours: an ``opus_demo`` that loads them encodes and decodes as our networks do.

Its quantizers are compiled in, so the weights are for libopus's.
"""

import struct
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from weights_file_build import weights_file_demo

from testbed import errors
from testbed.codecs.dred import network, packet, payload, writer
from testbed.codecs.dred.network_folder import LIBOPUS, QUANTIZERS, WEIGHTS, find_network
from testbed.codecs.dred.quantizers import quantizers, text_of
from testbed.codecs.engines.batched import NumbaEngine
from testbed.codecs.engines.engine import decode_one
from testbed.codecs.opus.codec import Encoder
from testbed.codecs.opus.settings import EncoderSettings
from testbed.kernels import weights, weights_writer
from tests.codecs.dred.own_network import perturbed_arrays
from tests.codecs.engines.jobs import job
from tests.reference.libopus_build import build

CLIP = Path(errors.__file__).with_name("clips") / "en-allison-1.flac"
OPTIONS = [
    "voip",
    "16000",
    "1",
    "72000",
    "-bandwidth",
    "WB",
    "-complexity",
    "5",
    "-loss",
    "30",
    "-dred",
    "100",
]
SECONDS = 4
GAPS = ((60, 70), (125, 131))

pytestmark = pytest.mark.long


@cache
def speech():
    samples, _ = soundfile.read(CLIP, dtype="float32")
    return np.round(samples[: SECONDS * 16_000] * 32767).astype(np.int16)


@cache
def libopus_arrays():
    return weights.read_blob(build().weights)


def run(program, folder, *arguments, lost=()):
    speech().tofile(folder / "in.pcm")
    (folder / "loss.txt").write_text(" ".join(str(int(frame in lost)) for frame in range(50 * SECONDS + 9)))
    subprocess.run([program, *arguments, "in.pcm", "out"], cwd=folder, check=True, capture_output=True)
    return (folder / "out").read_bytes()


def sound(program, folder, lost):
    played = run(program, folder, *OPTIONS, "-dec_complexity", "5", "-lossfile", "loss.txt", lost=lost)
    return np.frombuffer(played, np.int16)


def marked(data, mine):
    """Return a packet whose DRED is marked as that of a network."""
    carried = packet.find(data)
    if carried is None:
        return data
    return packet.add(packet.remove(data), bytes([ord("D"), mine.version]) + carried.payload[2:])


def packets(bitstream):
    found, position = [], 0
    while position < len(bitstream):
        (size,) = struct.unpack_from(">I", bitstream, position)
        found.append(bitstream[position + 8 : position + 8 + size])
        position += 8 + size
    return found


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Write perturbed weights into a network's folder, and into one with all that ``opus_demo`` needs."""
    folder, beside = tmp_path_factory.mktemp("own"), tmp_path_factory.mktemp("demo")
    arrays = perturbed_arrays(libopus_arrays(), 1)
    (folder / WEIGHTS).write_bytes(weights_writer.blob(arrays))
    (folder / QUANTIZERS).write_text(text_of(*quantizers(12), "libopus's"), encoding="utf-8")
    (beside / "weights_blob.bin").write_bytes(weights_writer.blob({**libopus_arrays(), **arrays}))
    return find_network(str(folder)), beside


def test_libopus_weights_through_our_writer_give_the_bytes_and_the_sound_of_the_usual_build(tmp_path):
    blob = weights_writer.blob(weights.parse_blob(build().weights.read_bytes()))
    (tmp_path / "weights_blob.bin").write_bytes(blob)
    usual, loaded = (
        run(program, tmp_path, "-e", *OPTIONS) for program in (build().opus_demo, weights_file_demo())
    )
    assert loaded == usual
    assert sum(packet.find(data) is not None for data in packets(usual)) > 100
    lost = {*range(40, 46), *range(90, 104)}
    usual, loaded = (sound(program, tmp_path, lost) for program in (build().opus_demo, weights_file_demo()))
    assert np.array_equal(usual, loaded)


def test_its_dred_has_the_symbols_that_our_encoder_makes_with_these_weights(own):
    mine, beside = own
    sent = packets(run(weights_file_demo(), beside, "-e", *OPTIONS))
    features = writer.feature_frames(np.append(speech(), np.zeros(640, np.int16)), "voip")
    ours, usual = network.encode(features, mine), network.encode(features)
    shares = {"ours": [], "libopus's": []}
    for index, data in enumerate(sent):
        carried = packet.find(data)
        step, offset = writer.newest(index, 20)
        theirs = None if carried is None else payload.parse(carried.payload)
        if theirs is None or theirs.header.offset != offset:
            continue
        for name, latents in (("ours", ours), ("libopus's", usual)):
            header = theirs.header
            made = network.payload(latents, step, theirs.chunks, header.q0, header.dq, header.qmax, offset)
            both = (made.latents, theirs.latents[: made.chunks])
            shares[name].append(np.mean(both[0] == both[1], where=(both[0] != 0) | (both[1] != 0)))
    assert len(shares["ours"]) > 80
    # the features differ a little: libopus's high-pass filter follows the pitch
    assert np.median(shares["ours"]) > 0.9
    assert np.median(shares["libopus's"]) < 0.7


@pytest.mark.parametrize("gap", GAPS)
def test_a_gap_sounds_as_our_engine_makes_it_with_these_weights(own, gap):
    mine, beside = own
    sent = packets(run(weights_file_demo(), beside, "-e", *OPTIONS))
    theirs = sound(weights_file_demo(), beside, range(*gap)).astype(float)
    skip = Encoder(EncoderSettings(bitrate_bps=72_000)).lookahead_samples
    likeness = {}
    for reader, received in ((mine, [marked(data, mine) for data in sent]), (LIBOPUS, sent)):
        played = decode_one(NumbaEngine(), replace(job(tuple(received), [*range(*gap)]), network=reader))
        begin, end = (320 * frame for frame in gap)
        both = (played[begin:end].astype(float), theirs[begin - skip : end - skip])
        likeness[reader.name] = both[0] @ both[1] / np.linalg.norm(both[0]) / np.linalg.norm(both[1])
    assert likeness[mine.name] > 0.95
    assert likeness["libopus"] < 0.9
