import numpy as np
import pytest
from scipy.signal import lfilter, lfiltic

from reference.lpc import lpc_from_cepstrum
from testbed.codecs.opus import build as opus_build
from testbed.kernels.features import extract_features, feature_state
from testbed.kernels.lpc_vocoder import vocode
from testbed.kernels.pitch_network import pitch_network
from testbed.kernels.weights import read_blob


def voice(period, frames):
    pulses = np.random.default_rng(1).normal(0, 20, frames * 160)
    pulses[::period] += 3000
    return lfilter([1], [1, -1.7, 0.85], pulses).astype(np.float32)


def features_of(pcm):
    network = pitch_network(read_blob(opus_build.installed().weights))
    out = np.empty((1, pcm.size // 160, 20), np.float32)
    extract_features(network, feature_state(1), pcm[None], out)
    return out[0]


def run(features, past, seeds):
    out = np.full((len(features), features.shape[1] * 160), np.nan, np.float32)
    vocode(features.astype(np.float32), past.astype(np.float32), np.array(seeds, np.uint64), out)
    return out


def plain_vocode(features, past, seed):
    """As the kernel, with one item, (frames, 20), by filters that go on from frame to frame."""
    clean = np.where(np.isfinite(features), features, 0).astype(np.float64)
    filters, left = lpc_from_cepstrum(clean[:, :18].astype(np.float32))
    before = np.clip(np.where(np.isfinite(past), past, 0) * 32768.0, -32768, 32768)[-17:]
    emphasised = list(before[1:] - 0.85 * before[:-1])
    state, next_pulse = seed, 0
    for t, (vector, a, energy) in enumerate(zip(clean, filters, left, strict=True)):
        period = int(np.clip(np.floor(0.5 + 256 / 2 ** (vector[18] + 1.5)), 1, 1024))
        voiced = np.clip((vector[19] + 0.4) / 0.6, 0, 1)
        level = min(1e5, np.sqrt(energy / 2))
        excitation = np.empty(160)
        for n in range(160):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            excitation[n] = level * np.sqrt(3 * (1 - voiced)) * ((state >> 40) / 2**23 - 1)
            if 160 * t + n == next_pulse:
                excitation[n] += level * np.sqrt(voiced * period)
                next_pulse += period
        start = lfiltic([1], np.r_[1, a], emphasised[:-17:-1])
        emphasised.extend(lfilter([1], np.r_[1, a], excitation, zi=start)[0])
    speech = lfilter([1], [1, -0.85], emphasised[16:], zi=[0.85 * before[-1]])[0]
    return np.clip(speech / 32768, -1, 1).astype(np.float32)


def test_kernel_and_reference_agree():
    random = np.random.default_rng(4)
    features = random.normal(0, 0.3, (3, 6, 20))
    features[:, :, 0] += 3
    past = random.normal(0, 0.05, (3, 20))
    found = run(features, past, [1, 2, 3])
    for item in range(3):
        expected = plain_vocode(features[item].astype(np.float32), past[item], item + 1)
        np.testing.assert_allclose(found[item], expected, rtol=0, atol=2e-3 * np.abs(expected).max())


@pytest.mark.parametrize("period", [60, 93, 150])
def test_a_voice_comes_back_with_its_pitch_and_level(period):
    pcm = voice(period, 60)
    features = features_of(pcm)
    out = run(features[None, 20:], pcm[None, 20 * 160 - 20 : 20 * 160] / 32768, [7])[0]
    again = features_of(32768 * out)[10:]
    found = np.median(256 / 2 ** (again[:, 18] + 1.5))
    assert abs(found / period - 1) < 0.03
    ratio_db = 10 * np.log10(np.mean((32768 * out[1600:]) ** 2) / np.mean(pcm[4800:] ** 2))
    assert abs(ratio_db) < 3


def test_noise_comes_back_with_its_level():
    pcm = np.random.default_rng(5).normal(0, 1000, 60 * 160).astype(np.float32)
    out = run(features_of(pcm)[None], np.zeros((1, 20)), [7])[0]
    ratio_db = 10 * np.log10(np.mean((32768 * out[1600:]) ** 2) / np.mean(pcm[1600:] ** 2))
    assert abs(ratio_db) < 3


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0, 1, -1, 1e30, -1e30])
def test_degenerate_input_gives_numbers(value):
    good, past = np.zeros((1, 6, 20)), np.full((1, 20), 0.1)
    for features, before in ((good + value, past), (good, past * 0 + value)):
        out = run(features, before, [1])
        assert np.isfinite(out).all()
        assert np.abs(out).max() <= 1


def test_the_seed_makes_the_noise():
    features, past = np.zeros((2, 3, 20)), np.zeros((2, 20))
    features[:, :, 0], features[:, :, 19] = 4, -0.5
    same, other = run(features, past, [5, 5]), run(features, past, [5, 6])
    np.testing.assert_array_equal(same[0], same[1])
    assert not np.array_equal(other[0], other[1])
