import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import noise, vowel

from reference import expand as plain
from testbed.kernels.expand import FULL, ExpandState, analyse, continued

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=40)
@given(SEEDS, st.floats(60, 390), st.floats(30, 30_000), st.floats(0.2, 5))
def test_analysis_against_reference(seed, pitch, level, growth):
    history = np.clip(vowel(512, pitch, level, seed) * np.linspace(1, growth, 512), -32768, 32767).astype(
        np.int16
    )
    found, expected = analyse(history)._asdict(), plain.analyse(history)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=2e-3, atol=1e-3, err_msg=name)


@settings(max_examples=40)
@given(SEEDS, st.floats(60, 390), st.booleans())
def test_continuation_against_reference(seed, pitch, is_muting):
    history = vowel(512, pitch, 8000, seed)
    model = analyse(history)
    described = model._asdict()
    state = ExpandState(0, 1.0, FULL, model.mute_slope, 777)
    expected_state = tuple(state)
    memory, tail = history[:-7:-1].astype(np.float64), history[-10:].copy()
    expected_memory, expected_tail = memory.copy(), tail.copy()
    for period in range(10):
        lag_index = (0, 1, 2, 1)[period % 4]
        sound, state = continued(model, lag_index, is_muting, state, memory, tail)
        expected, expected_state = plain.continued(
            described, lag_index, is_muting, expected_state, expected_memory, expected_tail
        )
        np.testing.assert_allclose(sound, expected, atol=1)
        np.testing.assert_allclose(tail, expected_tail, atol=1)
        assert state == pytest.approx(expected_state)
        tail, expected_tail = sound[-10:], expected[-10:]


def gains(history, periods):
    """Return the mute factor after each period of 10 ms, and the slope in force."""
    model = analyse(history)
    state = ExpandState(0, 1.0, FULL, model.mute_slope, 1)
    memory, made = np.zeros(6), []
    for _ in range(periods):
        sound, state = continued(model, 0, True, state, memory, np.zeros(10, np.int16))
        made.append((len(sound), state.mute_factor / FULL, state.mute_slope))
    return model, made


def test_a_steady_vowel_is_muted_from_the_fourth_period_on():
    """1.0 to 0.95 in 6.25 ms, then to 0.90 from the eighth on; 1/128 per period besides."""
    model, made = gains(vowel(512, 100), 12)
    assert (model.mute_slope, model.is_onset, model.voiced_share) == (0, False, 1)
    before = 1.0
    for number, (samples, gain, slope) in enumerate(made):
        expected = 0.0 if number < 3 else 0.05 / 100 if number < 7 else 0.10 / 100
        assert slope == expected
        assert gain == pytest.approx(before * (1 - samples * expected - 1 / 128), abs=2 / FULL)
        before = gain


def test_noise_is_muted_from_the_first_period_on():
    model, made = gains(noise(512, 3000), 1)
    assert model.voiced_share <= 0.8
    assert made[0][2] >= 0.25 / 100
    assert made[0][1] <= 1 - made[0][0] * 0.0025


def test_a_decay_goes_on_and_an_onset_is_not_muted_at_first():
    decay = (vowel(512, 100) * np.geomspace(1, 0.3, 512)).astype(np.int16)
    model = analyse(decay)
    assert model.mute_slope == pytest.approx((1 - 0.3 ** (160 / 512)) / 160, rel=0.2)
    rising = (vowel(512, 100) * np.geomspace(0.1, 1, 512)).astype(np.int16)
    model, made = gains(rising, 2)
    assert model.is_onset
    assert made[0][1] == 1
    assert made[1][1] < 1


def test_silence_goes_on_as_silence():
    model = analyse(np.zeros(512, np.int16))
    state = ExpandState(0, 1.0, FULL, model.mute_slope, 1)
    sound, _ = continued(model, 0, True, state, np.zeros(6), np.zeros(10, np.int16))
    assert not sound.any()
    assert model.noise_gain == 0
