"""The Gilbert-Elliott likelihood: run by run as packet by packet, and against closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference import two_state_likelihood as plain
from testbed.kernels.two_state_likelihood import log_likelihood


def by_runs(parameters, lost):
    lost = np.asarray(lost, bool)
    starts = np.flatnonzero(np.diff(lost, prepend=~lost[:1]))
    pairs = np.stack((np.diff(starts, append=len(lost)), lost[starts]), axis=1)
    table, order = np.unique(pairs, axis=0, return_inverse=True)
    gradient = np.full(4, np.nan)
    value = log_likelihood(
        np.asarray(parameters, float), table[:, 0], table[:, 1].astype(bool), order.ravel(), gradient
    )
    return value, gradient


probability = st.floats(1e-6, 1 - 1e-6)


@given(
    st.tuples(probability, probability, probability, probability),
    st.lists(st.tuples(st.booleans(), st.integers(1, 40)), min_size=1, max_size=12),
)
def test_runs_and_packets_agree(parameters, runs):
    lost = np.concatenate([np.full(count, fate) for fate, count in runs])
    value, gradient = by_runs(parameters, lost)
    expected, expected_gradient = plain.log_likelihood(np.array(parameters), lost)
    assert value == pytest.approx(expected, rel=1e-10, abs=1e-12)
    scale = np.abs(expected_gradient).max()
    assert gradient == pytest.approx(expected_gradient, rel=1e-6, abs=1e-9 * scale + 1e-9)


def test_a_state_that_does_not_matter_gives_independent_losses():
    lost = np.random.default_rng(1).random(5000) < 0.2
    value, gradient = by_runs((0.3, 0.2, 0.8, 0.8), lost)
    assert value == pytest.approx(lost.sum() * np.log(0.2) + (~lost).sum() * np.log(0.8))
    assert gradient[:2] == pytest.approx([0, 0], abs=1e-8)


def test_a_million_packets_of_one_fate():
    """No underflow: the power of a matrix keeps its scale."""
    value, _ = by_runs((0.5, 0.5, 0.25, 0.25), np.ones(1_000_000, bool))
    assert value == pytest.approx(1e6 * np.log(0.75))


@pytest.mark.parametrize("rate", [0.001, 0.5, 0.999])
def test_many_runs(rate):
    """No overflow either, though a power's largest entry is 1 and a state may double at each run."""
    lost = np.random.default_rng(2).random(100_000) < rate
    value, gradient = by_runs((0.5, 0.5, 1 - rate, 1 - rate), lost)
    assert value == pytest.approx(lost.sum() * np.log(rate) + (~lost).sum() * np.log1p(-rate))
    assert gradient[2:] == pytest.approx(
        np.full(2, (~lost).sum() / (1 - rate) - lost.sum() / rate) / 2, rel=1e-6, abs=1e-3
    )


def test_impossible_losses_have_probability_zero():
    value, gradient = by_runs((0.0, 0.5, 0.5, 1.0), [False, True])
    assert value == -np.inf
    assert (gradient == 0).all()
