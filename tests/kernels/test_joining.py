import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sounds import noise, vowel

from reference import joining as plain
from testbed.kernels.joining import joint, merged, resumed

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.integers(4, 700), st.integers(10, 250), st.integers(40, 239), st.integers(0, 1 << 14))
def test_merge_against_reference(seed, samples, left, longest_lag, mute_factor):
    continuation, decoded = vowel(404, 130, 5000, seed), vowel(samples, 130, 9000, seed + 1)
    at = joint(continuation, decoded, longest_lag, left)
    assert at == plain.joint(continuation, decoded, longest_lag, left)
    assert at + samples >= max(left, 170)
    found = merged(continuation, at, decoded, mute_factor)
    np.testing.assert_allclose(found, plain.merged(continuation, at, decoded, mute_factor), atol=1)


@given(SEEDS, st.integers(16, 700), st.integers(0, 1 << 14), st.floats(1, 1e7))
def test_normal_against_reference(seed, samples, mute_factor, noise_energy):
    continuation, decoded = vowel(200, 130, 5000, seed), vowel(samples, 130, 9000, seed + 1)
    found = resumed(continuation, decoded, mute_factor, noise_energy)
    np.testing.assert_allclose(found, plain.resumed(continuation, decoded, mute_factor, noise_energy), atol=1)


@pytest.mark.parametrize("shift", [0, 10, 37, 90])
def test_a_vowel_is_joined_in_phase(shift):
    whole = vowel(2000, 130)
    at = joint(whole[:404], whole[shift:][:320], 130, 10)
    period = 16_000 / 130
    assert abs((at - shift + period / 2) % period - period / 2) <= 3


def test_decoded_sound_rises_from_the_loudness_of_the_continuation():
    quiet, loud = noise(404, 500), noise(640, 5000, 1)
    out = merged(quiet, 100, loud, 0).astype(float)
    np.testing.assert_array_equal(out[:100], quiet[:100])
    np.testing.assert_array_equal(out[100 + 500 :], loud[500:])
    assert np.std(out[220:270]) < 0.6 * np.std(loud[120:170])
    assert np.std(merged(quiet, 100, loud, 1 << 14)[220:270]) == pytest.approx(
        np.std(loud[120:170]), rel=0.01
    )
