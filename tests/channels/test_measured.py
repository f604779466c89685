"""A network given interval by interval."""

import numpy as np
import pytest
from pydantic import ValidationError

from testbed.channels.measured import Measured
from testbed.channels.packet import Packet

SECOND_NS = 10**9


def network(*intervals, **keys):
    return Measured(intervals=intervals, **keys)


def test_each_interval_loses_its_own_share(run, call):
    shares = [0.0, 0.3, 0.05, 1.0]
    stage = network(*({"duration_ms": 2000, "loss": share} for share in shares), offset_ms=0)
    lost = np.array(run([stage], call(16_000)).lost(16_000)).reshape(-1, len(shares), 100)
    found = lost.mean(axis=(0, 2))
    spread = np.sqrt(np.multiply(shares, np.subtract(1, shares)) / 4_000)
    assert (np.abs(found - shares) <= 5 * spread).all()
    assert stage.mean_loss() == pytest.approx(np.mean(shares))


@pytest.mark.parametrize(("burst", "loss"), [(1.0, 0.2), (4.0, 0.2), (4.0, 0.9)])
def test_bursts_are_as_long_as_told_but_not_shorter_than_of_independent_losses(run, call, burst, loss):
    stage = network({"duration_ms": 1000, "loss": loss}, mean_burst_packets=burst)
    lost = np.array(run([stage], call(12_000)).lost(12_000))
    starts = np.count_nonzero(np.diff(lost.astype(int)) == 1)
    expected = max(burst, 1 / (1 - loss))
    assert lost.sum() / starts == pytest.approx(expected, rel=0.15)
    assert lost.mean() == pytest.approx(loss, abs=0.04)


def test_jitter_is_that_of_rfc_3550(run, call):
    stage = network({"duration_ms": 500, "delay_ms": 30, "jitter_ms": 4})
    arrivals_ns = np.array(
        [event.at_ns - event.packet.sent_ns for event in run([stage], call(8_000)).delivered]
    )
    assert np.abs(np.diff(arrivals_ns)).mean() / 1e6 == pytest.approx(4, rel=0.07)
    assert arrivals_ns.mean() / 1e6 == pytest.approx(34, rel=0.02)
    assert arrivals_ns.min() >= 30e6


def test_the_link_follows_the_rates_and_starts_again(run):
    """Ten packets of 1000 bits need 10 ms at 1 Mb/s; the outage-like 1 kb/s passes one bit per ms."""
    stage = network({"duration_ms": 5, "rate_kbps": 1000}, {"duration_ms": 100, "rate_kbps": 1}, offset_ms=0)
    packets = [Packet(125, 0, number) for number in range(8)]
    times_ms = [event.at_ns / 1e6 for event in run([stage], packets).delivered]
    # The sixth has 100 of its bits through when the fast rate comes back.
    assert times_ms == pytest.approx([1, 2, 3, 4, 5, 105.9, 106.9, 107.9])
    assert stage.serializes and "queue" in stage.causes
    assert stage.mean_kbps(1000) == pytest.approx((5 * 1000 + 100) / 105)


def test_a_realization_draws_its_place(run, call):
    stage = network({"duration_ms": 1000, "loss": 1}, {"duration_ms": 1000})
    begins = {tuple(run([stage], call(100), seed=seed).lost(100)) for seed in range(5)}
    assert len(begins) == 5


def test_rates_are_given_for_all_intervals_or_none():
    with pytest.raises(ValidationError, match="needs rate_kbps"):
        network({"duration_ms": 5, "rate_kbps": 1000}, {"duration_ms": 100})
    with pytest.raises(ValidationError, match="at least one interval"):
        network()
