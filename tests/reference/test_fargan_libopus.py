"""Gaps that FARGAN fills are held against libopus's own FARGAN, from the same features and the same past.

The first 20 ms agree to float rounding. Later a level on the border between two steps of 8 bits is rounded
the other way, here or in libopus, and from there two equally good noises go apart, as they do between two
builds of libopus for different instruction sets. What is compared then is the spectrum.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from reference import fargan as plain
from testbed import errors
from testbed.codecs.opus import build as opus_build
from testbed.kernels.bark import COSINES
from testbed.kernels.fargan import fargan, fargan_state, start_fargan, synthesize
from testbed.kernels.features import extract_features, feature_state
from testbed.kernels.pitch_network import pitch_network
from testbed.kernels.weights import read_blob

CLIPS = Path(errors.__file__).with_name("clips")
NAMES = ("en-allison-1.flac", "fr-june-1.flac", "it-carlo-1.flac")
FRAMES = 100
STARTS = (60, 150, 230, 300)


@cache
def weights():
    return read_blob(opus_build.installed().weights)


def features_of(pcm):
    out = np.empty((len(pcm), pcm.shape[1] // 160, 20), np.float32)
    extract_features(pitch_network(weights()), feature_state(len(pcm)), 32768 * pcm, out)
    return out


@cache
def jobs():
    """Return past PCM, its features and those of the second after it, of several places in several clips."""
    past, before, after = [], [], []
    for name in NAMES:
        samples, _ = soundfile.read(CLIPS / name, dtype="float32", frames=160 * (STARTS[-1] + FRAMES + 1))
        features = features_of(samples[None])[0]
        for start in STARTS:
            past.append(samples[160 * start - 320 : 160 * start])
            before.append(features[start - 4 : start + 1])
            after.append(features[start + 1 : start + 1 + FRAMES])
    return np.stack(past), np.stack(before), np.stack(after)


@cache
def ours():
    past, before, after = jobs()
    state, out = fargan_state(len(past)), np.empty((len(past), 160 * FRAMES), np.float32)
    start_fargan(fargan(weights()), state, past, before)
    synthesize(fargan(weights()), state, after, out)
    return out


@pytest.fixture(scope="module")
def libopus(network_checker):
    @cache
    def samples(native=True):
        found = []
        for past, before, after in zip(*jobs(), strict=True):
            data = np.int32(FRAMES).tobytes() + past.tobytes() + before.tobytes() + after.tobytes()
            found.append(np.frombuffer(network_checker("fargan", data, native), "<f4"))
        return np.stack(found)

    return samples


def spectral_distance_db(one, other):
    """Return for each row the distance of the levels of 18 Bark bands, 100 times a second, its mean."""

    def levels(pcm):
        cepstra = features_of(pcm)[:, :, :18] + np.r_[4, np.zeros(17)]
        return 10 * cepstra @ COSINES.T

    return np.sqrt(np.mean((levels(one) - levels(other)) ** 2, axis=2)).mean(axis=1)


def test_first_20_ms(libopus):
    for found, expected in zip(ours()[:, :320], libopus()[:, :320], strict=True):
        assert np.corrcoef(found, expected)[0, 1] > 0.99
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)


def test_spectrum_of_a_second(libopus):
    distance = spectral_distance_db(ours(), libopus())
    assert distance.mean() < 1
    # two builds of libopus are about as far from each other
    assert distance.mean() < spectral_distance_db(libopus(native=False), libopus()).mean() + 0.5


def test_gaps_of_one_stream(network_checker):
    """libopus keeps its units from gap to gap; so does the reference, bit by bit in the first frame."""
    past, before, after = (part[:3] for part in jobs())
    data = b"".join(
        np.int32(1).tobytes() + p.tobytes() + b.tobytes() + a[:1].tobytes()
        for p, b, a in zip(past, before, after, strict=True)
    )
    expected = np.frombuffer(network_checker("fargan", data), "<f4").reshape(3, 160)
    state, reference = fargan_state(1), plain.Fargan(weights())
    for p, b, a, frame in zip(past, before, after, expected, strict=True):
        out = np.empty((1, 160), np.float32)
        start_fargan(fargan(weights()), state, p[None], b[None])
        synthesize(fargan(weights()), state, a[None, :1], out)
        np.testing.assert_allclose(out[0], frame, rtol=0, atol=1e-4)
        reference.start(p, b)
        np.testing.assert_allclose(reference.synthesize(a[:1]), frame, rtol=0, atol=1e-5)
