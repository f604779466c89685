import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import burg as plain_burg
from reference import features as plain_features
from testbed.codecs.opus import build as opus_build
from testbed.kernels.batch import take
from testbed.kernels.burg import burg, burg_cepstrum
from testbed.kernels.features import (
    extract_features,
    feature_state,
)
from testbed.kernels.pitch_network import pitch_network
from testbed.kernels.weights import read_blob


@pytest.fixture(scope="module")
def arrays():
    return read_blob(opus_build.installed().weights)


@pytest.fixture(scope="module")
def network(arrays):
    return pitch_network(arrays)


def voice(seed, frames, period=93):
    """Return pulses through a resonance, with noise, (frames * 160,), scaled to 16 bits."""
    from scipy.signal import lfilter

    random = np.random.default_rng(seed)
    pulses = random.normal(0, 60, frames * 160)
    pulses[::period] += 4000
    return lfilter([1], [1, -1.7, 0.85], pulses).astype(np.float32)


def extract(network, pcm, state=None):
    pcm = np.atleast_2d(pcm)
    out = np.full((len(pcm), pcm.shape[1] // 160, 20), np.nan, np.float32)
    extract_features(network, feature_state(len(pcm)) if state is None else state, pcm, out)
    return out


def test_kernel_and_reference_agree(arrays, network):
    pcm = voice(1, 60)
    kernel, reference = extract(network, pcm)[0], plain_features.extract_features(arrays, pcm)
    np.testing.assert_allclose(kernel[:, :18], reference[:, :18], rtol=0, atol=1e-3)
    # in a few frames the first states are equally good
    assert np.mean(np.abs(kernel[:, 18:] - reference[:, 18:]) > 1e-2) < 0.03


def test_extraction_in_pieces_is_extraction_at_once(network):
    pcm = voice(3, 20)[None]
    state = feature_state(1)
    first = extract(network, pcm[:, : 7 * 160], state)
    kept = take(state, np.array([0, 0]))
    second = extract(network, pcm[:, 7 * 160 :], state)
    np.testing.assert_array_equal(np.concatenate((first, second), axis=1), extract(network, pcm))
    again = extract(network, np.repeat(pcm[:, 7 * 160 :], 2, axis=0), kept)
    np.testing.assert_allclose(again[1, :, :18], second[0, :, :18], atol=1e-4)


def test_pitch_of_a_pulse_train(network):
    """Once it has heard enough, the network finds the period within 1 %."""
    for period in (50, 93, 180):
        found = 256 / 2 ** (extract(network, voice(7, 60, period))[0, 20:, 18] + 1.5)
        assert abs(np.median(found) / period - 1) < 0.01


def test_cepstrum_of_louder_speech(network):
    """Ten times the amplitude is 2 in the logarithm of every band's energy: only the first value moves."""
    pcm = voice(9, 30)
    quiet, loud = extract(network, pcm / 10)[0, 2:, :18], extract(network, pcm)[0, 2:, :18]
    np.testing.assert_allclose(loud[:, 0] - quiet[:, 0], 2 * np.sqrt(18), atol=0.05)
    np.testing.assert_allclose(loud[:, 1:], quiet[:, 1:], atol=0.05)


@pytest.mark.parametrize("value", [0, 1e-20, 32767, -32768, 1e20, np.nan, np.inf])
def test_degenerate_signals_give_numbers(network, value):
    out = extract(network, np.full(160 * 6, value, np.float32))
    assert np.isfinite(out).all()
    burg_out = np.empty((1, 36), np.float32)
    burg_cepstrum(np.full((1, 160), value, np.float32), burg_out)
    assert np.isfinite(burg_out).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-3, 1.0, 1e4]), st.sampled_from([20, 79, 160]))
def test_burg_against_lattice(seed, scale, samples):
    x = scale * np.random.default_rng(seed).normal(size=samples).cumsum()
    a = np.empty(8)
    left = burg(x, a)
    expected, expected_left = plain_burg.burg(x, 8)
    np.testing.assert_allclose(a, expected, rtol=1e-6, atol=1e-6)
    assert left == pytest.approx(expected_left, rel=1e-6, abs=1e-9 * scale**2)


def test_burg_finds_a_filter():
    """Of an autoregressive process Burg's method finds the coefficients, within their standard error."""
    from scipy.signal import lfilter

    truth = np.array([-1.2, 0.8, -0.3])
    samples = 20_000
    x = lfilter([1], np.r_[1, truth], np.random.default_rng(2).normal(size=samples))
    a = np.empty(3)
    burg(x, a)
    # each coefficient's variance is at most 1 / samples (unit noise, true order)
    assert np.all(np.abs(a - truth) < 5 / np.sqrt(samples))


def test_burg_cepstrum_against_reference():
    frames = np.concatenate((voice(4, 10).reshape(-1, 160), np.zeros((1, 160)), np.full((1, 160), 32767)))
    frames = np.concatenate((frames, 32767 * np.sign(np.sin(np.arange(320) / 5)).reshape(2, 160)))
    frames = frames.astype(np.float32)
    out = np.empty((len(frames), 36), np.float32)
    burg_cepstrum(frames, out)
    np.testing.assert_allclose(out, plain_burg.burg_cepstrum(frames), rtol=0, atol=1e-3)
