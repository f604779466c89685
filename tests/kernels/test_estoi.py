"""The kernels of ESTOI, each against the part of `pystoi` that it replaces."""

import numpy as np
import pytest
from pystoi import utils

from reference import estoi as plain
from testbed.kernels import estoi


def noise(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape)


def resampled(signal, frames=None):
    count = estoi.frame_count(len(signal))
    out = np.full((count + 1) * estoi.HOP, np.nan)
    estoi.resample(signal, np.arange(count) if frames is None else np.array(frames), out)
    return out


@pytest.mark.parametrize("samples", [500, 1601, 1602, 1603, 1604, 1605])
def test_resampling_is_that_of_octave(samples):
    signal = noise(samples).astype(np.float32)
    expected = utils.resample_oct(signal.astype(float), 10_000, 16_000)
    found = resampled(signal)
    assert len(found) <= len(expected)
    np.testing.assert_allclose(found, expected[: len(found)], rtol=0, atol=1e-13)


def test_only_the_frames_asked_for_are_resampled():
    signal = noise(2000).astype(np.float32)
    some, whole = resampled(signal, [1, 2, 5]), resampled(signal)
    is_needed = np.zeros(len(whole), bool)
    for frame in (1, 2, 5):
        is_needed[frame * 128 : frame * 128 + 256] = True
    np.testing.assert_array_equal(some[is_needed], whole[is_needed])
    assert np.isnan(some[~is_needed]).all()


@pytest.mark.parametrize("samples", [0, 1, 409, 410, 614, 615, 16_000, 16_001])
def test_frames_are_as_many_as_pystoi_takes(samples):
    resampled_samples = -(-samples * 5 // 8)
    assert estoi.frame_count(samples) == len(range(0, resampled_samples - 256, 128))


def test_pauses_are_removed_as_by_pystoi():
    signal = noise(8 * 128 + 1)
    signal[3 * 128 : 6 * 128] *= 1e-4
    energies = np.empty(7)
    estoi.energies(signal, energies)
    speech = np.flatnonzero(energies > energies.max() / 1e4)
    assert list(speech) == [0, 1, 2, 5, 6]
    joined, _ = utils.remove_silent_frames(signal, signal, 40, 256, 128)
    expected = np.hanning(258)[1:-1] * np.lib.stride_tricks.sliding_window_view(joined, 256)[::128][:-1]
    frames = np.empty((4, 256))
    estoi.join_frames(signal, speech, frames)
    np.testing.assert_allclose(frames, expected, atol=1e-15)


def test_bands_are_those_of_pystoi():
    spectrum = noise(5, 257) + 1j * noise(5, 257, seed=2)
    bands, _ = utils.thirdoct(10_000, 512, 15, 150)
    levels = np.empty((15, 5))
    estoi.band_levels(spectrum, levels)
    np.testing.assert_allclose(levels, np.sqrt(bands @ (np.abs(spectrum) ** 2).T), rtol=1e-14)


def levels_of(kind):
    levels = np.abs(noise(15, 33))
    if kind == "a constant band":
        levels[4] = 0.3
    elif kind == "frames with all bands equal":
        levels[:] = levels[0]
    elif kind == "silence":
        levels[:] = 0
    return levels


@pytest.mark.parametrize("kind", ["noise", "a constant band", "frames with all bands equal", "silence"])
def test_segments_are_normalized_by_bands_then_by_frames(kind):
    levels, others = levels_of(kind), np.abs(noise(15, 33, seed=2))
    found, reference = np.empty((4, 15, 30)), np.empty((4, 15, 30))
    estoi.normalize(levels, found)
    estoi.normalize(others, reference)
    expected = plain.normalized_segments(levels)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    mean = np.sum(expected * plain.normalized_segments(others)) / (4 * 30)
    assert estoi.correlation(reference, levels) == pytest.approx(mean, abs=1e-12)
