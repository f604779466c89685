"""LBRR: the extents that libopus finds in its own packets, frames without it, and invalid requests."""

import random
from pathlib import Path

import pytest

from testbed.codecs.opus import lbrr
from testbed.codecs.opus import packet as opus_packet
from testbed.errors import CodecError


def captured():
    lines = Path(__file__).with_name("captured_packets.txt").read_text(encoding="ascii").splitlines()
    for line in lines:
        if not line.startswith("#"):
            eighths, flags, _, packet = line.partition(": ")[2].split(" ")
            yield int(eighths), flags, opus_packet.parse(bytes.fromhex(packet))


def measure(packet, frame):
    bandwidth = "wideband" if packet.mode == "hybrid" else packet.bandwidth
    return lbrr.measure(frame, bandwidth, int(packet.coded_frame_ms), packet.channels)


def test_captured_packets_frame_by_frame():
    for eighths, flags, packet in captured():
        found = [measure(packet, frame) for frame in packet.frames]
        assert 8 * sum(part.bits for part in found) == eighths
        assert "".join("01"[flag] for part in found for flag in part.frames) == flags


@pytest.mark.parametrize("frame", [b"", b"\xff"])
@pytest.mark.parametrize(("frame_ms", "silk_frames"), [(10, 1), (20, 1), (40, 2), (60, 3)])
def test_a_frame_not_sent_has_none(frame, frame_ms, silk_frames):
    assert lbrr.measure(frame, "wideband", frame_ms) == lbrr.MeasuredLbrr(0.0, (False,) * silk_frames)


def test_without_the_flag_there_is_none():
    """The second bit of a mono 20 ms frame is its LBRR flag (RFC 6716, section 4.2.3)."""
    rng = random.Random(4)
    for _ in range(200):
        frame = bytes([rng.randrange(256) & 0b10111111]) + rng.randbytes(60)
        assert lbrr.measure(frame, "wideband", 20) == lbrr.MeasuredLbrr(0.0, (False,))
        with_flag = bytes([frame[0] | 0b01000000]) + frame[1:]
        found = lbrr.measure(with_flag, "wideband", 20)
        assert found.frames == (True,)
        assert 0 < found.bits <= 8 * len(frame) - 3


def test_damaged_packets_give_a_number_within_the_frame():
    rng = random.Random(6)
    frames = [
        (packet, frame) for _, _, packet in captured() if packet.mode != "celt" for frame in packet.frames
    ]
    for _ in range(10_000):
        packet, frame = rng.choice(frames)
        damaged = bytearray(frame)
        for _ in range(rng.choice((1, 3))):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        if rng.random() < 0.3:
            del damaged[rng.randrange(len(damaged)) :]
        found = measure(packet, bytes(damaged))
        assert 0 <= found.bits <= 8 * len(damaged)


@pytest.mark.parametrize(
    ("bandwidth", "frame_ms", "channels"),
    [("fullband", 20, 1), ("wideband", 5, 1), ("wideband", 120, 1), ("wideband", 20, 3)],
)
def test_layers_that_do_not_exist(bandwidth, frame_ms, channels):
    with pytest.raises(CodecError, match="no SILK layer is"):
        lbrr.measure(b"\x00" * 20, bandwidth, frame_ms, channels)
