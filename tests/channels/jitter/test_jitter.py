"""Delays that vary, against theory over a million packets; tolerances of five standard errors."""

from functools import lru_cache
from itertools import islice

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from testbed.channels.jitter.gamma import GammaJitter
from testbed.channels.jitter.normal import NormalJitter
from testbed.channels.packet import Packet
from testbed.channels.spikes import Spikes
from testbed.randomness import generator

PACKETS = 1_000_000
SIGMAS = 5

MODELS = {
    "normal": NormalJitter(mean_ms=100, std_ms=10),
    "normal, correlated": NormalJitter(mean_ms=100, std_ms=10, correlation=0.9),
    "gamma": GammaJitter(mean_ms=30, std_ms=20),
    "gamma, correlated": GammaJitter(mean_ms=30, std_ms=20, correlation=0.8),
    "gamma, long tail": GammaJitter(mean_ms=20, std_ms=30),
}


@lru_cache(maxsize=len(MODELS))
def delays_ms(model, packets=PACKETS):
    drawn = model.delays_ns(generator(1, "jitter", model.model))
    return np.fromiter(islice(drawn, packets), np.int64, packets) / 1e6


def distribution(model):
    if isinstance(model, NormalJitter):
        return stats.norm(model.mean_ms, model.std_ms)
    return stats.gamma((model.mean_ms / model.std_ms) ** 2, scale=model.std_ms**2 / model.mean_ms)


def close(series, expected):
    """Return True if a correlated series has the expected mean, judged by the spread of 500 stretches."""
    means = np.array([stretch.mean() for stretch in np.array_split(series, 500)])
    return abs(means.mean() - expected) < SIGMAS * means.std(ddof=1) / np.sqrt(500)


@pytest.mark.parametrize("name", MODELS)
def test_distribution(name):
    model, delays = MODELS[name], delays_ms(MODELS[name])
    assert delays.min() >= 0
    assert close(delays, model.mean_ms)
    assert close((delays - model.mean_ms) ** 2, model.std_ms**2)
    for share in (0.01, 0.1, 0.5, 0.9, 0.99, 0.999):
        limit_ms = max(distribution(model).ppf(share), 1e-3)  # delays are whole nanoseconds
        assert close(delays <= limit_ms, distribution(model).cdf(limit_ms))


@pytest.mark.parametrize("name", MODELS)
def test_autocorrelation_of_ranks(name):
    """Of normal numbers with correlation rho, the signs of two deviations agree with 1/2 + asin(rho) / pi."""
    model, delays = MODELS[name], delays_ms(MODELS[name])
    above = delays > distribution(model).median()
    for lag in (1, 2, 5, 10, 50):
        assert close(above[lag:] == above[:-lag], 0.5 + np.arcsin(model.correlation**lag) / np.pi)


def test_autocorrelation_of_normal_delays():
    model = MODELS["normal, correlated"]
    deviation = (delays_ms(model) - model.mean_ms) / model.std_ms
    for lag in (1, 2, 5, 10, 50):
        assert close(deviation[lag:] * deviation[:-lag], model.correlation**lag)


def test_a_negative_delay_becomes_none():
    delays = delays_ms(NormalJitter(mean_ms=10, std_ms=10))
    assert close(delays == 0, stats.norm.cdf(-1))


def test_order_is_kept_or_not_as_asked(run, call):
    packets = call(2000)
    free = run([GammaJitter(mean_ms=60, std_ms=60, reorder=True)], packets)
    kept = run([GammaJitter(mean_ms=60, std_ms=60)], packets)
    assert free.order != list(range(2000))
    assert kept.order == list(range(2000))
    own = {event.packet.sequence: event.at_ns for event in free.delivered}
    held = np.maximum.accumulate([own[sequence] for sequence in range(2000)])
    assert [event.at_ns for event in kept.delivered] == held.tolist()


def test_a_deviation_far_above_the_mean_is_refused():
    with pytest.raises(ValidationError) as caught:
        GammaJitter(mean_ms=1, std_ms=11)
    (error,) = caught.value.errors()
    assert error["loc"] == ("std_ms",) and "at most ten times mean_ms, 10" in error["msg"]
    longest = delays_ms(GammaJitter(mean_ms=6000, std_ms=60_000), 50_000).max()
    assert 60_000 < longest < 1e9


def test_spikes_fall_as_fast_as_time_passes_and_happen_as_often_as_asked(run):
    count, stages = 150_000, [Spikes(mean_pause_ms=400, mean_stall_ms=100)]
    result = run(stages, [Packet(100, index * 5_000_000, index) for index in range(count)])
    assert result.order == list(range(count))
    delays = np.array([event.at_ns - event.packet.sent_ns for event in result.delivered]) / 1e6
    stalled = delays > 0
    assert close(stalled, 0.2)
    height = stats.expon(scale=100)
    for share in (0.1, 0.5, 0.9):
        assert close(stalled & (delays <= height.ppf(share)), 0.2 * share)
    goes_on = delays[:-1] > 5
    assert np.allclose(delays[:-1][goes_on] - delays[1:][goes_on], 5)
    changes = 1 - np.exp(-5 * (1 / 400 + 1 / 100))
    assert close(stalled[1:] & ~stalled[:-1], 0.8 * 0.2 * changes)
