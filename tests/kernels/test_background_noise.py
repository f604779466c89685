import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import noise, vowel

from reference import background_noise as plain
from testbed.kernels.background_noise import NoiseLevel, updated


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_estimate_against_reference(seed):
    random = np.random.default_rng(seed)
    level, expected = NoiseLevel(), tuple(NoiseLevel())
    for _ in range(20):
        sound = noise(256, 10 ** random.uniform(-0.5, 4), int(random.integers(1000)))
        if random.random() < 0.3:
            sound = vowel(256, random.uniform(80, 300), 10 ** random.uniform(1, 4))
        level, expected = updated(level, sound), plain.updated(expected, sound)
        assert level == pytest.approx(expected, rel=1e-6)


def test_noise_is_known_once_it_was_heard_and_speech_does_not_change_it():
    level = NoiseLevel()
    assert not level.is_known
    level = updated(level, noise(256, 100))
    assert level.is_known
    assert level.energy == pytest.approx(100**2, rel=0.2)
    for _ in range(100):
        level = updated(level, vowel(256, 120))
    assert level.energy == pytest.approx(100**2, rel=0.2)


def test_a_tone_is_no_noise_however_quiet():
    level = updated(NoiseLevel(), np.rint(300 * np.cos(0.3 * np.arange(256))).astype(np.int16))
    assert not level.is_known


def test_noise_that_grew_louder_is_known_again_in_time():
    """The threshold grows by 0.35 % every 10 ms: by a factor of 4 in 4 s."""
    level, needed = updated(NoiseLevel(), noise(256, 100)), 0
    while level.energy < 150**2:
        level, needed = updated(level, noise(256, 200, needed)), needed + 1
    assert 300 < needed < 500
