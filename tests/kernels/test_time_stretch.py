import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import noise, vowel

from reference import pitch_search as plain_search
from reference import time_stretch as plain
from testbed.kernels import pitch_search
from testbed.kernels.time_stretch import insert_period, insertion, removal, remove_period

SEEDS = st.integers(0, 2**32 - 1)
QUIET = 10.0


@settings(max_examples=40)
@given(SEEDS, st.floats(60, 390), st.floats(30, 30_000))
def test_splices_against_reference(seed, pitch, level):
    sound = vowel(480 + seed % 400, pitch, level, seed)
    for energy in (QUIET, level**2 / 60):
        for is_fast in (False, True):
            assert tuple(removal(sound, energy, is_fast)) == plain.removal(sound, energy, is_fast)
        for old in (0, 240, 241, 400, len(sound) - 10, len(sound)):
            assert tuple(insertion(sound, energy, old)) == plain.insertion(sound, energy, old)


@given(SEEDS)
def test_the_search_against_reference(seed):
    x = np.random.default_rng(seed).normal(0, 1000, 480)
    low = pitch_search.downsampled(x, 7, 110)
    np.testing.assert_allclose(low, plain_search.downsampled(x, 7, 110), atol=1e-9)
    values = pitch_search.correlations(low, 50, 10, 51)
    np.testing.assert_allclose(values, plain_search.correlations(low, 50, 10, 51), rtol=1e-9)
    for count in (1, 2, 20, 50):
        assert pitch_search.peak(values, count) == pytest.approx(plain_search.peak(values, count))


@pytest.mark.parametrize("pitch", [70, 100, 160, 250, 390])
def test_one_pitch_period_of_a_vowel_is_removed_or_repeated(pitch):
    sound = vowel(480, pitch)
    for splice in (removal(sound, QUIET, False), insertion(sound, QUIET, 0)):
        periods = splice.period * pitch / 16_000
        assert periods == pytest.approx(round(periods), abs=0.05)
        assert periods > 0.9
        assert not splice.is_passive
    removed, inserted = removal(sound, QUIET, False), insertion(sound, QUIET, 0)
    shorter, longer = remove_period(sound, *removed[:2]), insert_period(sound, *inserted[:2])
    assert len(shorter) == 480 - removed.period
    assert len(longer) == 480 + inserted.period
    steepest = np.abs(np.diff(sound.astype(int))).max()
    for changed in (shorter, longer):
        assert np.abs(np.diff(changed.astype(int))).max() <= 1.05 * steepest
        assert changed[0] == sound[0]
        assert changed[-1] == sound[-1]


def test_fast_accelerate_removes_all_periods_within_15_ms_and_asks_for_less_similarity():
    assert removal(vowel(480, 200), QUIET, True).period == 3 * removal(vowel(480, 200), QUIET, False).period
    rough = vowel(480, 150, 8000, 1) + noise(480, 1500)
    assert removal(rough, QUIET, False).period == 0
    assert removal(rough, QUIET, True).period > 0


def test_noise_is_stretched_only_against_as_much_background_noise():
    """Passive speech: up to 8 times its energy."""
    sound = noise(480, 1000)
    assert removal(sound, 1000**2 / 9, False).period == 0
    splice = removal(sound, 1000**2 / 7, False)
    assert (splice.is_passive, splice.period > 0) == (True, True)


def test_preemptive_expand_changes_nothing_that_was_played():
    voiced, quiet = vowel(480, 150), noise(480, 1)
    assert insertion(voiced, QUIET, 240).at == 240
    assert insertion(voiced, QUIET, 241).period == 0
    splice = insertion(quiet, QUIET, 470)
    assert (splice.at, splice.period, splice.is_passive) == (470, 10, True)


def test_another_signal_goes_through_the_same_splice():
    """A ramp shows what became of each sample."""
    ramp = np.arange(480.0)
    shorter = remove_period(ramp, 140, 100)
    np.testing.assert_array_equal(shorter[:140], ramp[:140])
    np.testing.assert_array_equal(shorter[240:], ramp[340:])
    np.testing.assert_allclose(shorter[140:240], ramp[140:240] + 100 * np.arange(1, 101) / 101)
    longer = insert_period(ramp, 240, 100)
    np.testing.assert_array_equal(longer[:240], ramp[:240])
    np.testing.assert_array_equal(longer[340:], ramp[240:])
    np.testing.assert_allclose(longer[240:340], ramp[240:340] - 100 * np.arange(1, 101) / 101)


@pytest.mark.parametrize("samples", [0, 1, 479])
def test_too_little_sound_is_not_stretched(samples):
    sound = np.zeros(samples, np.int16)
    assert removal(sound, QUIET, True).period == 0
    assert insertion(sound, QUIET, 0).period == 0
