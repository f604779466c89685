"""The distortion of features: each part alone, and in the words of its definition."""

import math

import numpy as np
import pytest

from testbed.codecs.dred.distortion import distortion
from testbed.errors import CodecError


def features(frames=12, seed=1):
    made = np.random.default_rng(seed).normal(0, 0.3, (frames, 20)).astype(np.float32)
    made[:, 0] += 2
    return made


def bands(cepstrum):
    """Return log energies by the inverse cosine transform, written out."""
    return [
        math.sqrt(2 / 18)
        * sum(
            cepstrum[k] * math.cos(math.pi / 18 * (band + 0.5) * k) * (math.sqrt(0.5) if k == 0 else 1)
            for k in range(18)
        )
        for band in range(18)
    ]


def plain(true, decoded):
    louds = [[10 ** (band / 4) for band in bands(vector)] for vector in true]
    means = [sum(loud[band] ** 2 for loud in louds) / len(true) for band in range(18)]
    for vector, other, loud in zip(true, decoded, louds, strict=True):
        mine, others = bands(vector), bands(other)
        cepstral = sum((a - b) ** 2 for a, b in zip(mine, others, strict=True)) / 18
        error = (
            sum(
                (1.15 - band / 36) * (10 ** (others[band] / 4) - loud[band]) ** 2 / means[band]
                for band in range(18)
            )
            / 18
        )
        voicing = max(0.0, vector[19] + 0.5)
        yield (
            0.05 * cepstral
            + error
            + min(20 * error, 25 * error**2)
            + 14 / 18 * abs(2 * (other[18] - vector[18])) * voicing**2
            + 2 / 18 * (other[19] - vector[19]) ** 2
        )


def test_it_is_the_sum_of_its_definition():
    true, decoded = features(seed=1).astype(np.float64), features(seed=2).astype(np.float64)
    np.testing.assert_allclose(distortion(true, decoded), list(plain(true, decoded)), rtol=1e-5)
    assert not distortion(true, true).any()


def test_payloads_are_apart():
    true, decoded = features(24, 3).reshape(2, 12, 20), features(24, 4).reshape(2, 12, 20)
    alone = [distortion(*pair) for pair in zip(true, decoded, strict=True)]
    np.testing.assert_array_equal(distortion(true, decoded), alone)


def test_a_pitch_counts_where_there_is_voice():
    true = features()
    true[:, 19] = [-0.5, 0.5] * 6
    decoded = true.copy()
    decoded[:, 18] += 0.25
    np.testing.assert_allclose(distortion(true, decoded), [0, 28 / 18 * 0.25] * 6, rtol=1e-5)


def test_loudness_is_relative():
    true, decoded = features(seed=5), features(seed=6)
    louder = [each + np.eye(20)[0].astype(np.float32) for each in (true, decoded)]
    np.testing.assert_allclose(distortion(*louder), distortion(true, decoded), rtol=1e-4)


@pytest.mark.parametrize("shapes", [((4, 20), (5, 20)), ((20,), (20,)), ((4, 19), (4, 19))])
def test_other_shapes_are_refused(shapes):
    with pytest.raises(CodecError, match="equal shapes"):
        distortion(*(np.zeros(shape, np.float32) for shape in shapes))
