"""The contract of vocoders, for each in the registry that the engine does not have itself."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from testbed.codecs.opus import build as opus_build
from testbed.codecs.vocoders import VOCODERS
from testbed.codecs.vocoders.synthesis import vocode
from testbed.codecs.vocoders.vocoder import VocoderGap, VocoderKind
from testbed.kernels.features import extract_features, feature_state
from testbed.kernels.pitch_network import pitch_network
from testbed.kernels.weights import read_blob
from testbed.scenario.loading import Speech
from testbed.speech import load_clips

NAMES = [name for name in VOCODERS.builtin if VOCODERS[name].create is not None]


@cache
def speech():
    """Return speech, full scale is 1, and its features, (frames, 20)."""
    pcm = load_clips(Speech(corpus="packaged"), None)[0].pcm[: 16_000 * 2]
    network = pitch_network(read_blob(opus_build.installed().weights))
    features = np.empty((1, len(pcm) // 160, 20), np.float32)
    extract_features(network, feature_state(1), 32768 * pcm[None], features)
    return pcm, features[0]


def gap(start, frames, seed=1):
    """Return the gap of some frames of the speech, with the true features."""
    pcm, features = speech()
    past = pcm[160 * start - 2400 : 160 * start].copy()
    return VocoderGap(past, features[start - 5 : start], features[start : start + frames + 2].copy(), seed)


@pytest.mark.parametrize("name", NAMES)
def test_a_gap_has_the_same_sound_in_any_company(name):
    gaps = [gap(40, 6, 1), gap(60, 2, 2), gap(80, 6, 3), gap(60, 2, 2), gap(100, 1, 4)]
    together = vocode(name, gaps)
    assert [len(sound) for sound in together] == [960, 320, 960, 320, 160]
    for one, sound in zip(gaps, together, strict=True):
        assert sound.dtype == np.int16
        assert np.array_equal(vocode(name, [one])[0], sound)


@pytest.mark.parametrize("name", NAMES)
def test_the_level_of_speech_is_kept_through_a_long_gap(name):
    pcm, _ = speech()
    spoken = np.flatnonzero(np.convolve(pcm**2, np.ones(8000), "valid") > 8000 * 1e-4)[0] // 160
    start = max(15, int(spoken))
    [sound] = vocode(name, [gap(start, 50)])
    real = pcm[160 * start : 160 * (start + 50)]
    ratio_db = 10 * np.log10(np.mean((sound / 32768) ** 2) / np.mean(real**2))
    assert abs(ratio_db) < 4


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_alone_changes_the_sound(name):
    one = gap(60, 4)
    one.features[:, 19] = -0.5  # nothing is periodic
    assert not np.array_equal(vocode(name, [one])[0], vocode(name, [replace(one, seed=2)])[0])


@pytest.mark.parametrize("name", NAMES)
def test_a_gap_at_the_beginning_of_a_call_has_a_sound(name):
    silent = VocoderGap(np.zeros(2400, np.float32), np.zeros((5, 20), np.float32), gap(60, 3).features, 1)
    assert np.abs(vocode(name, [silent])[0].astype(float)).max() > 100


@pytest.mark.parametrize("longest_s", [0, -1, 601, float("nan"), float("inf"), "30"])
def test_a_vocoder_states_a_time_that_ends(longest_s):
    with pytest.raises(ValueError, match="longest_s must be a time of up to 600 s"):
        VocoderKind("odd", None, longest_s=longest_s)
