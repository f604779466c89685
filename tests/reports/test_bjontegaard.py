"""Bjøntegaard deltas: the same numbers as the package `bjontegaard`, where those are defined."""

import warnings

import bjontegaard
import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from testbed.reports.bjontegaard import mean_difference, value_at


def curves(random, points):
    return [np.sort(random.uniform(low, high, points)) for low, high in 2 * [(10, 100), (1, 4.5)]]


def test_the_deltas_are_those_of_the_package():
    random = np.random.default_rng(0)
    defined = 0
    for _ in range(100):
        kbps, score, other_kbps, other_score = curves(random, int(random.integers(4, 9)))
        with warnings.catch_warnings(action="ignore"):
            about = {"method": "pchip", "min_overlap": 0}
            rate = bjontegaard.bd_rate(kbps, score, other_kbps, other_score, **about)
            quality = bjontegaard.bd_psnr(kbps, score, other_kbps, other_score, **about)
        mine, other = (np.log(kbps)[None], score[None]), (np.log(other_kbps)[None], other_score[None])
        assert mean_difference(*other, *mine)[0] == pytest.approx(quality, nan_ok=True)
        logs = mean_difference(*other[::-1], *mine[::-1])[0]
        assert 100 * np.expm1(logs) == pytest.approx(rate, nan_ok=True)
        defined += np.isfinite(logs)
    assert defined > 50


def test_a_value_on_a_curve_is_that_of_the_interpolation_and_none_beyond_it():
    random = np.random.default_rng(1)
    for points in (2, 3, 6):
        x, y = np.sort(random.uniform(size=points)), random.uniform(size=points)
        curve = PchipInterpolator(x, y)
        for place in (x[0], x[-1], random.uniform(x[0], x[-1])):
            assert value_at(x[None], y[None], place)[0] == pytest.approx(float(curve(place)))
        assert np.isnan(value_at(x[None], y[None], x[-1] + 0.01)[0])


def test_rows_are_separate_and_a_row_that_does_not_rise_has_no_difference():
    x = np.array([[0.0, 1, 2, 3], [0, 1, 1, 3], [5, 6, 7, 8]])
    y = np.tile([1.0, 2, 3, 4], (3, 1))
    difference = mean_difference(x, y + 0.5, x[[0, 0, 0]], y)
    assert difference[0] == pytest.approx(0.5)
    assert np.isnan(difference[1:]).all()
