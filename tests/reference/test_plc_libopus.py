"""Streams with gaps are concealed by us and by libopus's own deep PLC, and compared sample by sample."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from testbed import errors
from testbed.codecs.opus import build as opus_build
from testbed.kernels.plc import AHEAD, conceal, frames_to_hear, hear, plc_network, plc_state, start_gap
from testbed.kernels.weights import read_blob

CLIPS = Path(errors.__file__).with_name("clips")


@cache
def network():
    return plc_network(read_blob(opus_build.installed().weights))


def speech(name, frames):
    samples, _ = soundfile.read(CLIPS / name, dtype="float32", frames=160 * (frames + 60))
    return np.round(32767 * samples[160 * 60 :]).astype("<i2").reshape(-1, 160)


def vectors(count, seed):
    """Return feature vectors as redundancy might bring them."""
    random = np.random.default_rng(seed)
    found = random.normal(0, 0.3, (count, 20)).astype(np.float32)
    found[:, 0] += 3
    found[:, 18] = 0.2
    return found


def run_libopus(network_checker, frames, gaps, brought):
    """Return what libopus puts out for `gaps`, (begin, end) each; `brought` maps a gap to its vectors."""
    data = b""
    for index, frame in enumerate(frames):
        gap = next((number for number, (begin, end) in enumerate(gaps) if begin <= index < end), None)
        if gap is not None and index == gaps[gap][0]:
            data += b"c"
            for vector in brought.get(gap, ()):
                data += b"s" if vector is None else b"f" + vector.tobytes()
        data += b"-" if gap is not None else b"+" + frame.tobytes()
    lost = sum(end - begin for begin, end in gaps)
    found = np.frombuffer(network_checker("plc", data), np.uint8).reshape(lost, -1)
    samples = found[:, :320].copy().view("<i2").reshape(-1)
    return np.split(samples / 32768, np.cumsum([160 * (end - begin) for begin, end in gaps])[:-1])


def run_ours(frames, gaps, brought):
    state, pcm, found = plc_state(1), frames.reshape(-1).astype(np.float32) / 32768, []
    concealed = position = 0
    for gap, (begin, end) in enumerate(gaps):
        count, first = frames_to_hear(concealed, begin - position)
        hear(network(), state, pcm[None, 160 * (begin - count) : 160 * begin], np.array([first]))
        length = end - begin
        given, known = np.zeros((1, AHEAD + length, 20), np.float32), np.zeros((1, AHEAD + length), bool)
        skipped = sum(vector is None for vector in brought.get(gap, ()))
        for place, vector in enumerate(v for v in brought.get(gap, ()) if v is not None):
            if skipped + place < AHEAD + length:
                given[0, skipped + place], known[0, skipped + place] = vector, True
        out = np.empty((1, 160 * length), np.float32)
        start_gap(network(), state, pcm[None, 160 * begin - 320 : 160 * begin], given[:, :2], known[:, :2])
        conceal(network(), state, given[:, AHEAD:], known[:, AHEAD:], out)
        pcm[160 * begin : 160 * end] = out[0]
        found.append(out[0])
        concealed, position = length, end
    return found


CASES = {
    "one": ([(40, 50)], {}),
    "early": ([(4, 8)], {}),
    "close": ([(30, 34), (40, 44), (46, 52)], {}),
    "far": ([(20, 26), (60, 66)], {}),
    "brought": ([(20, 28), (40, 46)], {0: vectors(10, 1), 1: vectors(5, 2)}),
    "partly": ([(20, 30)], {0: [None, None, None, *vectors(4, 3)]}),
}


@pytest.mark.parametrize("name", ["en-allison-1.flac", "fr-june-1.flac"])
@pytest.mark.parametrize("case", CASES)
def test_gaps(network_checker, name, case):
    gaps, brought = CASES[case]
    frames = speech(name, 70)
    expected = run_libopus(network_checker, frames, gaps, brought)
    found = run_ours(frames, gaps, brought)
    for gap, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        # a second of noise may differ later, see test_fargan_libopus.py; rounding is to 16 bits
        error = (ours - theirs)[:320]
        assert np.sum(error**2) <= 0.02 * np.sum(theirs[:320] ** 2) + 320 / 32768**2, gap
