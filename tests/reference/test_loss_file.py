"""opus_demo's loss file, replayed beside the program that defined it."""

import struct
import subprocess

import numpy as np
import pytest

from testbed.channels.clock import Clock
from testbed.channels.packet import Packet
from testbed.channels.realization import Realization
from testbed.channels.trace import Trace
from testbed.codecs.opus import build as opus_build
from testbed.randomness import generator

FRAME_SAMPLES = 320


@pytest.fixture(scope="module")
def opus_demo():
    build = opus_build.installed()
    assert build is not None, "libopus is not built: run 'testbed opus build'"
    return build.opus_demo


def lost_by_opus_demo(program, folder, losses, frames):
    """Encode noise with simulated loss in the encoder, which writes a lost packet as one of no bytes."""
    noise = np.random.default_rng(1).integers(-3000, 3000, frames * FRAME_SAMPLES, dtype=np.int16)
    (folder / "in.pcm").write_bytes(noise.tobytes())
    (folder / "losses.txt").write_bytes(losses)
    options = [
        "-e",
        "voip",
        "16000",
        "1",
        "16000",
        "-complexity",
        "0",
        "-enc_loss",
        "-lossfile",
        "losses.txt",
    ]
    subprocess.run([program, *options, "in.pcm", "out.bit"], cwd=folder, check=True, capture_output=True)
    stream, lost = (folder / "out.bit").read_bytes(), []
    while stream:
        (length,) = struct.unpack_from(">I", stream)
        lost.append(length == 0)
        stream = stream[8 + length :]
    return lost


def lost_by_trace(folder, packets):
    lost = []
    trace = Trace(file="losses.txt", offset_packets=0, after_end="received")
    put = Realization([trace], [generator(1)], folder).build(
        Clock(), lambda packet: lost.append(False), lambda packet, cause: lost.append(True)
    )
    for sequence in range(packets):
        put(Packet(100, sequence * 20_000_000, sequence))
    return lost


@pytest.mark.parametrize(
    "losses",
    [
        b"0 1 1 0 0 0 1",
        b"1\n0\n1\n1\n",
        b" 0\t1\r\n\n1 1 0   0 \n",
        b" ".join(b"%d" % value for value in np.random.default_rng(2).integers(0, 2, 200)),
    ],
    ids=["spaces", "lines", "odd white space", "longer than the call"],
)
def test_the_same_packets_are_lost(opus_demo, tmp_path, losses):
    theirs = lost_by_opus_demo(opus_demo, tmp_path, losses, frames=30)
    assert len(theirs) >= 30 and any(theirs) and not all(theirs)
    assert lost_by_trace(tmp_path, len(theirs)) == theirs
