"""Features, Burg cepstrum and prediction filters are held against libopus's own, frame by frame.

The cepstrum agrees to float rounding. The pitch is the best of 180 states of a network whose layers round to
8 bits, so that in frames without a pitch the last digit of a float can decide between two states that are
equally good. There libopus built for another instruction set differs from itself as well, and just as often.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from reference import features as plain
from testbed import errors
from testbed.codecs.opus import build as opus_build
from testbed.kernels.burg import burg_cepstrum
from testbed.kernels.features import extract_features, feature_state
from testbed.kernels.lpc import lpc_from_cepstrum
from testbed.kernels.pitch_network import pitch_network
from testbed.kernels.weights import read_blob

CLIPS = Path(errors.__file__).with_name("clips")
NAMES = ("en-allison-1.flac", "it-carlo-1.flac", "fr-june-1.flac")
SECONDS = 5


@cache
def weights():
    return read_blob(opus_build.installed().weights)


def awkward():
    """Return silence, a full-scale square wave, noise that is too loud, and a click, each for 0.3 s."""
    random = np.random.default_rng(5)
    square = 32767 * np.sign(np.sin(np.arange(4800) / 9))
    noise = np.clip(random.normal(0, 40000, 4800), -32768, 32767)
    click = np.zeros(4800)
    click[1000] = 32767
    return np.concatenate((np.zeros(4800), square, np.zeros(4800), noise, click)).astype("<i2")


@cache
def signal(name):
    if name == "awkward":
        return awkward()
    samples, rate = soundfile.read(CLIPS / name, dtype="float32", frames=16_000 * SECONDS)
    assert rate == 16_000
    return np.round(samples[: len(samples) // 160 * 160] * 32767).astype("<i2")


def ours(pcm):
    network = pitch_network(weights())
    out = np.empty((1, pcm.size // 160, 20), np.float32)
    extract_features(network, feature_state(1), pcm.astype(np.float32)[None], out)
    return out[0]


@pytest.fixture(scope="module")
def libopus(network_checker):
    def table(name, native=True):
        return np.frombuffer(network_checker("features", signal(name).tobytes(), native), "<f4").reshape(
            -1, 72
        )

    return table


@pytest.mark.parametrize("name", [*NAMES, "awkward"])
def test_cepstrum(libopus, name):
    np.testing.assert_allclose(ours(signal(name))[:, :18], libopus(name)[:, :18], rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", [*NAMES, "awkward"])
def test_burg_cepstrum(libopus, name):
    pcm = signal(name).astype(np.float32).reshape(-1, 160)
    out = np.empty((len(pcm), 36), np.float32)
    burg_cepstrum(pcm, out)
    np.testing.assert_allclose(out, libopus(name)[:, 36:], rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_prediction_filter(libopus, name):
    theirs = libopus(name)
    filters, left = np.empty((len(theirs), 16), np.float32), np.empty(len(theirs), np.float32)
    lpc_from_cepstrum(theirs[:, :18].copy(), filters, left)
    np.testing.assert_allclose(filters, theirs[:, 20:36], rtol=0, atol=5e-3)


def test_pitch_and_correlation(libopus):
    """All but one frame in a hundred within 1e-2, and not many more than between two builds of libopus."""
    differences, between_builds = [], []
    for name in NAMES:
        theirs = libopus(name)[:, 18:20]
        differences.append(np.abs(ours(signal(name))[:, 18:20] - theirs))
        between_builds.append(np.abs(libopus(name, native=False)[:, 18:20] - theirs))
    beyond = np.mean(np.concatenate(differences) > 1e-2, axis=0)
    by_build = np.mean(np.concatenate(between_builds) > 1e-2, axis=0)
    assert np.all(np.median(np.concatenate(differences), axis=0) < 1e-3)
    assert beyond[0] < 0.01
    assert beyond[1] < 0.02
    assert np.all(beyond < by_build + 0.01)


def test_pitch_with_the_same_arithmetic(libopus, processors_reciprocal):
    """Only the processor's reciprocal differs: with it the kernel's pitch is libopus's to 1e-3."""
    found = plain.extract_features(
        weights(), signal(NAMES[0])[: 160 * 200].astype(np.float32), processors_reciprocal
    )
    difference = np.abs(found[:, 18] - libopus(NAMES[0])[:200, 18])
    assert np.mean(difference > 1e-3) < 0.01
