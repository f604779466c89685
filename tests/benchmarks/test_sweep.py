import numpy as np
import pytest
from sweep import Spread, steady_rate


def test_the_rate_leaves_out_the_beginning_and_the_end():
    rows = np.arange(0, 1001, 10)
    seconds = rows / 20.0
    seconds[rows >= 50] += 100
    seconds[rows >= 950] += 300
    assert steady_rate(seconds, rows) == pytest.approx(20)


def test_spread_is_split_into_that_between_clips_and_that_within_one():
    rng = np.random.default_rng(1)
    differences = rng.normal(scale=0.3, size=(4000, 1)) + rng.normal(scale=0.5, size=(4000, 6))
    spread = Spread.of(differences)
    assert spread.clips == pytest.approx(0.3**2, rel=0.1)
    assert spread.realizations == pytest.approx(0.5**2, rel=0.1)


def test_a_part_gains_the_time_of_the_metric_where_clips_differ_and_loses_clips_where_realizations_do():
    assert Spread(1, 0).gain(1, 100, 10, 90) == pytest.approx(100 * 100 / (100 * 10 + 90))
    assert Spread(0, 1).clips_for(10, 100) == pytest.approx(10)
    assert Spread(0, 1).gain(10, 100, 10, 90) == pytest.approx(10_000 / (10 * 1900))
    assert Spread(0.2, 1).gain(100, 100, 10, 90) == 1
