"""Fair shares, convergence, oscillation and fairness, on series whose answer is known."""

from math import inf, isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.flows.capacity import capacity_kbps, fair_shares
from testbed.flows.periods import convergence_s, jain, oscillation, periods, trailing_mean
from testbed.scenario.loading import parse_scenario

BIN_S = 0.1


def series(*pieces):
    return np.concatenate([np.full(round(seconds / BIN_S), float(kbps)) for seconds, kbps in pieces])


@given(st.floats(0, 1e5), st.lists(st.one_of(st.floats(0, 1e5), st.just(inf)), min_size=1, max_size=8))
def test_shares_are_max_min_fair(capacity, most):
    wants = {str(n): each for n, each in enumerate(most)}
    shares = fair_shares(capacity, wants)
    total = sum(shares.values())
    assert total == pytest.approx(min(capacity, sum(most)))
    for name, share in shares.items():
        assert -1e-9 <= share <= wants[name] + 1e-9
        # Whoever has less than it can use has as much as anybody.
        assert share >= wants[name] - 1e-6 or share == pytest.approx(max(shares.values()), abs=1e-6)


def test_shares_of_an_unknown_capacity_are_unknown():
    assert isnan(fair_shares(nan, {"S1": 5.0})["S1"])


@pytest.mark.parametrize(
    ("pieces", "wanted"),
    [
        ([(10, 1000)], 0.0),
        ([(5, 100), (20, 1000)], 5.7),  # the mean over a second is within 20 % after 8 of 10 bins
        ([(5, 100), (20, 850)], 6.1 - 0.1 * 1),
        ([(4, 100), (2, 1000), (4, 100), (20, 1000)], 10.7),  # two seconds are too short to count
        ([(20, 1250)], nan),
        ([(20, 1190)], 0.0),
        ([(9, 100), (2.9, 1000)], nan),  # the series ends before the hold is over
    ],
)
def test_convergence(pieces, wanted):
    found = convergence_s(series(*pieces), 1000, BIN_S)
    assert found == pytest.approx(wanted, abs=0.11, nan_ok=True)


def test_convergence_to_an_unknown_or_empty_share_is_unknown():
    assert isnan(convergence_s(series((10, 5)), nan, BIN_S))
    assert isnan(convergence_s(series((10, 5)), 0, BIN_S))


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=50), st.integers(1, 20))
def test_the_trailing_mean_is_the_mean_of_the_last(values, window):
    found = trailing_mean(np.array(values), window)
    for index in range(len(values)):
        assert found[index] == pytest.approx(
            np.mean(values[max(0, index + 1 - window) : index + 1]), abs=1e-6
        )


def test_oscillation_is_the_coefficient_of_variation_of_seconds():
    assert oscillation(series((20, 700)), BIN_S) == 0
    square = series(*[(1, 600 if second % 2 else 1400) for second in range(20)])
    assert oscillation(square, BIN_S) == pytest.approx(0.4)
    assert oscillation(np.tile([0.0, 2000.0], 100), BIN_S) == pytest.approx(0)
    assert isnan(oscillation(series((1.5, 700)), BIN_S))


def test_jain():
    assert jain(np.array([5.0, 5.0, 5.0])) == pytest.approx(1)
    assert jain(np.array([9.0, 0.0, 0.0])) == pytest.approx(1 / 3)
    assert jain(np.array([1.0, 3.0])) == pytest.approx(16 / 20)
    assert isnan(jain(np.array([7.0])))


STUDY = """
name: s
flows:
  - {name: S1, media: {kind: video}, stop_s: 90}
  - {name: S2, media: {kind: video}, start_s: 20, pauses_s: [[40, 60]]}
  - {name: A1, media: {kind: audio}}
  - {name: B1, media: {kind: voice}, direction: backward}
duration_s: 100
congestion: {controller: gcc}
forward:
  - link: {steps: [{from_ms: 0, rate_kbps: 4000}, {from_ms: 70000, rate_kbps: 620}], cross_traffic: CROSS}
backward: []
"""


def found(direction="forward", cross="[]"):
    return periods(parse_scenario(STUDY.replace("CROSS", cross)), direction)


def test_periods_lie_between_changes():
    spans = found()
    assert [span.start_s for span in spans] == [0, 20, 40, 60, 70, 90]
    assert [span.stop_s for span in spans] == [20, 40, 60, 70, 90, 100]
    assert [span.fair_kbps for span in spans] == [
        {"S1": 1500},
        {"S1": 1500, "S2": 1500},
        {"S1": 1500},
        {"S1": 1500, "S2": 1500},
        {"S1": 300, "S2": 300},
        {"S2": 600},
    ]
    assert [span.usable_kbps for span in spans] == [1520, 3020, 1520, 3020, 620, 620]


def test_cross_traffic_counts():
    tcp = found(cross="[{model: tcp, flows: 2, start_ms: 70000, stop_ms: 90000}]")
    assert tcp[4].fair_kbps == {"S1": 150, "S2": 150}
    assert tcp[4].usable_kbps == 620
    cbr = found(cross="[{model: cbr, rate_kbps: 300, start_ms: 70000, packet_bytes: 1000}]")
    assert cbr[4].fair_kbps == {"S1": 150, "S2": 150}
    short = found(cross="[{model: tcp, size: {mean_bytes: 9000}, mean_pause_ms: 9, start_ms: 5000}]")
    assert len(short) == len(tcp) == 6
    assert short[4].fair_kbps == {"S1": 300, "S2": 300}


def test_without_a_link_the_capacity_is_unknown():
    (span,) = found("backward")
    assert isnan(span.capacity_kbps)
    assert isnan(span.fair_kbps["B1"])
    assert isnan(span.usable_kbps)
    assert isnan(capacity_kbps([], 0))
