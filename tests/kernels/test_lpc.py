import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import solve_toeplitz

from reference import lpc as plain
from testbed.kernels.lpc import (
    levinson,
    lpc_from_cepstrum,
)


def run_levinson(autocorrelation):
    autocorrelation = np.atleast_2d(autocorrelation).astype(np.float32)
    filters = np.full((len(autocorrelation), autocorrelation.shape[1] - 1), np.nan, np.float32)
    error = np.full(len(autocorrelation), np.nan, np.float32)
    levinson(autocorrelation, filters, error)
    return filters, error


def run_cepstrum(cepstrum):
    cepstrum = np.atleast_2d(cepstrum).astype(np.float32)
    filters, error = np.empty((len(cepstrum), 16), np.float32), np.empty(len(cepstrum), np.float32)
    lpc_from_cepstrum(cepstrum, filters, error)
    return filters, error


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 16))
def test_levinson_solves_the_normal_equations(seed, order):
    x = np.random.default_rng(seed).normal(size=200)
    r = np.array([x[: 200 - lag] @ x[lag:] for lag in range(order + 1)])
    filters, error = run_levinson(r)
    expected = solve_toeplitz(r[:-1], -r[1:])
    np.testing.assert_allclose(filters[0], expected, atol=1e-4)
    assert error[0] == pytest.approx(r[0] + expected @ r[1:], rel=1e-4)
    reference, left = plain.levinson(r[None])
    np.testing.assert_allclose(filters, reference, atol=1e-4)
    np.testing.assert_allclose(error, left, rtol=1e-4)


def test_levinson_stops_at_30_db():
    """A sinusoid is predicted from two samples; the filter ends there."""
    filters, error = run_levinson(1e6 * np.cos(0.3 * np.arange(17)))
    np.testing.assert_allclose(filters[0, :2], [-2 * np.cos(0.3), 1], atol=1e-3)
    np.testing.assert_array_equal(filters[0, 2:], 0)
    assert 0 <= error[0] < 1e3
    np.testing.assert_array_equal(run_levinson(np.zeros(17))[0], 0)


def test_cepstrum_to_filter_against_reference():
    random = np.random.default_rng(3)
    cepstrum = random.normal(0, 1, (40, 18)) * np.r_[4, 2, np.ones(16) * 0.3]
    filters, error = run_cepstrum(cepstrum)
    reference, left = plain.lpc_from_cepstrum(cepstrum.astype(np.float32))
    np.testing.assert_allclose(filters, reference, atol=5e-3)
    np.testing.assert_allclose(error, left, rtol=2e-3)


def test_flat_cepstrum_is_white():
    """With every band at the same density nothing can be predicted (but for the missing highest bin)."""
    width = 4 * np.diff([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 34, 40])
    bands = np.convolve(width, [0.5, 0.5])
    bands[[0, -1]] *= 2
    angles = np.pi / 18 * np.outer(np.arange(18) + 0.5, np.arange(18))
    cepstrum = np.log10(1e4 * bands) @ np.cos(angles) * np.sqrt(2 / 18) * np.r_[np.sqrt(0.5), np.ones(17)]
    cepstrum[0] -= 4
    filters, error = run_cepstrum(cepstrum)
    assert np.abs(filters).max() < 0.15
    assert error[0] == pytest.approx(4 * 1e4 * 320, rel=0.2)


@pytest.mark.parametrize("value", [-1e3, -10, 0, 10, 1e3])
def test_extreme_cepstrum_gives_numbers(value):
    filters, error = run_cepstrum(np.full(18, value))
    assert np.isfinite(filters).all()
    assert np.isfinite(error).all()
