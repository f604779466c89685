"""Clock skew: the line below all delays, against the linear program that defines it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from testbed.channels.recordings.parts import LOST
from testbed.traces.recording import Recording, from_times
from testbed.traces.skew import slope_below, with_skew


def program(x, y):
    """Moon, Skelly and Towsley's linear program: least sum of y - (a + b x), none of them negative."""
    constraints = np.column_stack((np.ones_like(x), x))
    return linprog(-constraints.sum(axis=0), A_ub=constraints, b_ub=y, bounds=[(None, None)] * 2)


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 1000)), min_size=2, max_size=30).filter(
        lambda points: len({x for x, _ in points}) > 1
    )
)
def test_the_line_is_the_linear_programs(points):
    x, y = np.array(sorted(points), float).T
    slope = slope_below(x, y)
    level = (y - slope * x).min()
    # The best line need not be one only; how near it comes is.
    assert (y - level - slope * x).sum() == pytest.approx(
        program(x, y).fun + y.sum(), abs=1e-6 * y.sum() + 1e-6
    )


def test_degenerate_points_have_no_slope():
    assert slope_below(np.array([]), np.array([])) == 0
    assert slope_below(np.array([3.0]), np.array([1.0])) == 0
    assert slope_below(np.array([3.0, 3.0]), np.array([1.0, 9.0])) == 0


def skewed(ppm, packets=5000):
    rng = np.random.default_rng(1)
    send_ns = np.arange(packets, dtype=np.int64) * 20_000_000
    delay_ns = np.rint(rng.exponential(5e6, packets) + 30e6 + send_ns * ppm * 1e-6).astype(np.int64)
    delay_ns[rng.random(packets) < 0.1] = LOST
    return from_times(send_ns, delay_ns)


@pytest.mark.parametrize("ppm", [-80.0, 0.0, 35.0, 900.0])
def test_a_known_skew_is_found_and_removed(ppm):
    recording = skewed(ppm)
    level = with_skew(recording, remove=True)
    # Of n exponential delays the least is 5 ms / n: over 100 s, two such ends tilt the line by far less
    # than 1 ppm.
    assert level.skew_ppm == pytest.approx(ppm, abs=1)
    assert level.skew_removed
    assert level.delay_ns[~level.lost].min() == 0
    assert (level.lost == recording.lost).all()
    true_ns = skewed(0).delay_ns[~level.lost]
    assert np.abs(level.delay_ns[~level.lost] - (true_ns - true_ns.min())).max() < 100e-6 * 1e9


def test_packets_that_came_together_are_not_reordered():
    """As a receiver that reads in batches logs them."""
    call = skewed(80)
    batch_ns = 50_000_000
    arrivals_ns = -(-(call.send_ns + call.delay_ns) // batch_ns) * batch_ns
    batches = from_times(call.send_ns, np.where(call.lost, LOST, arrivals_ns - call.send_ns))
    level = with_skew(batches, remove=True)
    assert level.skew_removed
    assert level.arrival_order().tolist() == batches.arrival_order().tolist()
    assert batches.reordered() < 10


def test_skew_is_reported_but_kept_unless_removed():
    recording = skewed(50)
    kept = with_skew(recording, remove=False)
    assert kept.skew_ppm == pytest.approx(50, abs=1)
    assert (kept.delay_ns == recording.delay_ns).all() and not kept.skew_removed


def test_a_draining_queue_is_no_skew():
    left = with_skew(skewed(-3000), remove=True)
    assert not left.skew_removed
    assert "-3000 ppm" in left.notes[0]


def test_nothing_to_measure():
    losses = Recording(np.array([True, False]))
    assert with_skew(losses, remove=True) is losses
    gone = from_times(np.array([0, 1]), np.array([LOST, LOST]))
    assert with_skew(gone, remove=True) is gone
