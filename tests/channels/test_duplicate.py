"""Packets that arrive twice."""

import numpy as np

from testbed.channels.duplicate import Duplicate
from testbed.channels.loss.bernoulli import Bernoulli


def test_a_share_of_the_packets_arrives_twice_the_copy_right_behind(run, call):
    count, rate = 50_000, 0.1
    order = np.array(run([Duplicate(rate=rate)], call(count)).order)
    assert (np.diff(order) <= 1).all() and (np.diff(order) >= 0).all()
    copies = np.bincount(order)
    assert set(copies) == {1, 2}
    assert abs(np.mean(copies == 2) - rate) < 5 * np.sqrt(rate * (1 - rate) / count)


def test_all_or_none(run, call):
    assert run([Duplicate(rate=0)], call(600)).order == list(range(600))
    assert run([Duplicate(rate=1)], call(600)).order == sorted([*range(600), *range(600)])


def test_copies_are_lost_independently(run, call):
    """Each of two copies is lost with 0.5, so both are with 0.25."""
    count = 20_000
    order = run([Duplicate(rate=1), Bernoulli(rate=0.5)], call(count)).order
    gone = 1 - len(set(order)) / count
    assert abs(gone - 0.25) < 5 * np.sqrt(0.25 * 0.75 / count)
    assert abs(len(order) / count - 1) < 5 * np.sqrt(0.5 / count)
