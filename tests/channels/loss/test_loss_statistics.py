"""Every loss law against its theory over a million packets.

The tolerances follow from the statistics: five standard errors of each estimate (chance of a false alarm
below 1e-6), with the standard error taken from theory where there is a formula, and from the spread over 500
stretches of the same realization where there is none; a chi-square test where the runs are independent.
"""

from itertools import islice, pairwise

import numpy as np
import pytest
from scipy import stats

from testbed.channels.loss.bernoulli import Bernoulli
from testbed.channels.loss.gilbert_elliott import GilbertElliott
from testbed.channels.loss.markov import Markov
from testbed.randomness import generator

PACKETS = 1_000_000
STRETCHES = 500
SIGMAS = 5
FALSE_ALARM = 1e-6

MODELS = {
    "bernoulli 1 %": Bernoulli(rate=0.01),
    "bernoulli 30 %": Bernoulli(rate=0.3),
    "gilbert 20 %, bursts of 6": GilbertElliott(rate=0.2, mean_burst_packets=6),
    "gilbert 5 %, bursts of 1": GilbertElliott(rate=0.05, mean_burst_packets=1),
    "gilbert 60 %, bursts of 40": GilbertElliott(rate=0.6, mean_burst_packets=40),
    "gilbert p, r": GilbertElliott(p=0.02, r=0.3),
    "gilbert-elliott": GilbertElliott(p=0.03, r=0.2, h=0.3, k=0.98),
    "gilbert-elliott, the good state worse": GilbertElliott(p=0.3, r=0.1, h=0.95, k=0.4),
    "gilbert-elliott, alternating": GilbertElliott(p=0.9, r=0.8, h=0.2, k=0.9),
    "markov, three states": Markov(
        transitions=[[0.95, 0.04, 0.01], [0.3, 0.6, 0.1], [0.0, 0.2, 0.8]], loss=[0.0, 0.3, 0.95]
    ),
    "markov, in turn": Markov(transitions=[[0.1, 0.9, 0], [0, 0.1, 0.9], [0.9, 0, 0.1]], loss=[0, 0.5, 1]),
}
SIMPLE = [name for name, model in MODELS.items() if not name.startswith(("gilbert-elliott", "markov"))]


@pytest.fixture(scope="module")
def realizations():
    """A million packets of each model, drawn once."""
    drawn = {}
    for name, model in MODELS.items():
        losses = model.losses(generator(7, "statistics", name))
        drawn[name] = np.fromiter(islice(losses, PACKETS), bool, PACKETS)
    return drawn


class Theory:
    """A hidden Markov chain, a state a packet: what its losses must look like."""

    def __init__(self, model):
        if isinstance(model, Markov):
            self.step, self.loss = np.array(model.transitions), np.array(model.loss)
            self.stationary = np.linalg.matrix_power(self.step, 100_000)[0]
        else:
            self._two_states(model)
        self.mean = self.stationary @ self.loss

    def _two_states(self, model):
        p, r, h, k = (
            (model.rate, 1 - model.rate, 0, 1) if isinstance(model, Bernoulli) else model.probabilities
        )
        self.step = np.array([[1 - p, p], [r, 1 - r]])
        self.stationary = np.array([r, p]) / (p + r)
        self.loss = np.array([1 - k, 1 - h])

    def autocovariance(self, lag):
        later = np.linalg.matrix_power(self.step, lag) @ self.loss
        return (self.stationary * self.loss) @ later - self.mean**2

    def standard_error(self, packets):
        """Standard error of the mean of so many packets, correlated as they are (Kemeny and Snell, ch. 4)."""
        states = np.eye(len(self.loss))
        fundamental = np.linalg.inv(states - self.step + self.stationary)
        correlated = 2 * (self.stationary * self.loss) @ (fundamental - states) @ self.loss
        return np.sqrt((self.mean * (1 - self.mean) + correlated) / packets)

    def run_lengths(self, longest, lost=True):
        """Probability of a run of losses (or of deliveries) of each length from 1, by matrix products."""
        inside = np.diag(self.loss if lost else 1 - self.loss)
        outside = np.eye(len(self.loss)) - inside
        state = self.stationary @ outside @ self.step @ inside
        state /= state.sum()
        lengths = []
        for _ in range(longest):
            following = state @ self.step @ inside
            lengths.append(state.sum() - following.sum())
            state = following
        return np.array(lengths)


def runs(losses, lost=True):
    """Lengths of the runs of losses (or deliveries) that begin and end inside the realization."""
    edges = np.flatnonzero(np.diff(losses.astype(np.int8)))
    lengths = np.diff(edges)
    first_is_lost = not losses[edges[0]]
    return lengths[0 if first_is_lost == lost else 1 :: 2]


@pytest.mark.parametrize("name", MODELS)
def test_rate(realizations, name):
    model, theory = MODELS[name], Theory(MODELS[name])
    assert model.mean_loss() == pytest.approx(theory.mean)
    assert abs(realizations[name].mean() - theory.mean) < SIGMAS * theory.standard_error(PACKETS)


@pytest.mark.parametrize("name", MODELS)
def test_autocorrelation(realizations, name):
    theory = Theory(MODELS[name])
    deviation = realizations[name] - theory.mean
    for lag in (1, 2, 3, 5, 10, 20, 50):
        products = deviation[:-lag] * deviation[lag:]
        means = np.array([stretch.mean() for stretch in np.array_split(products, STRETCHES)])
        error = means.std(ddof=1) / np.sqrt(STRETCHES)
        assert abs(means.mean() - theory.autocovariance(lag)) < SIGMAS * error


@pytest.mark.parametrize("lost", [True, False], ids=["losses", "deliveries"])
@pytest.mark.parametrize("name", SIMPLE)
def test_run_lengths_where_runs_are_independent(realizations, name, lost):
    lengths = runs(realizations[name], lost)
    expected = Theory(MODELS[name]).run_lengths(2000, lost) * len(lengths)
    expected[-1] += len(lengths) - expected.sum()
    observed = np.bincount(np.minimum(lengths, len(expected)), minlength=len(expected) + 1)[1:]
    starts = pooled(expected)
    observed, expected = np.add.reduceat(observed, starts), np.add.reduceat(expected, starts)
    if len(expected) > 1:
        assert stats.chisquare(observed, expected).pvalue > FALSE_ALARM
    else:
        assert observed[0] == len(lengths) > 1000, "only one length can occur"


def pooled(expected, least=10):
    """Return the starts of bins, with neighbours pooled until at least `least` are expected in each."""
    starts, content = [], least
    for index, count in enumerate(expected):
        if content >= least:
            starts.append(index)
            content = 0
        content += count
    return starts if content >= least else starts[:-1]


@pytest.mark.parametrize("name", [name for name in MODELS if name not in SIMPLE])
def test_run_lengths_where_runs_are_correlated(realizations, name):
    lengths = runs(realizations[name])
    for length, probability in enumerate(Theory(MODELS[name]).run_lengths(8), start=1):
        if probability * len(lengths) < STRETCHES:
            continue  # too rare for the spread over the stretches to be known
        shares = np.array([np.mean(stretch == length) for stretch in np.array_split(lengths, STRETCHES)])
        error = shares.std(ddof=1) / np.sqrt(STRETCHES)
        assert abs(np.mean(lengths == length) - probability) < SIGMAS * error


@pytest.mark.parametrize(("rate", "burst"), [(0.2, 6), (0.02, 1.5), (0.5, 30)])
def test_mean_burst_is_what_was_asked_for(rate, burst):
    model = GilbertElliott(rate=rate, mean_burst_packets=burst)
    lengths = runs(
        np.fromiter(islice(model.losses(generator(3, "burst", str(rate))), PACKETS), bool, PACKETS)
    )
    deviation = np.sqrt(burst * (burst - 1))
    assert abs(lengths.mean() - burst) < SIGMAS * deviation / np.sqrt(len(lengths))


@pytest.mark.parametrize("position", [0, 1, 9])
def test_a_call_starts_in_the_stationary_distribution(position):
    model = GilbertElliott(p=0.01, r=0.04, h=0.1, k=0.95)
    calls = 10_000
    lost = sum(next(islice(model.losses(generator(11, call)), position, None)) for call in range(calls))
    assert abs(lost / calls - model.mean_loss()) < SIGMAS * np.sqrt(
        model.mean_loss() * (1 - model.mean_loss()) / calls
    )


def test_certainties():
    rng = generator(1, "certain")
    assert not any(islice(Bernoulli(rate=0).losses(rng), 5000))
    assert all(islice(Bernoulli(rate=1).losses(rng), 5000))
    assert not any(islice(GilbertElliott(rate=0, mean_burst_packets=3).losses(rng), 5000))
    assert all(islice(GilbertElliott(p=1, r=0).losses(rng), 5000))
    alternating = list(islice(GilbertElliott(p=1, r=1).losses(rng), 100))
    assert all(one != other for one, other in pairwise(alternating))
    assert not any(islice(GilbertElliott(p=0.5, r=0.5, h=1, k=1).losses(rng), 5000))


def test_losses_do_not_depend_on_how_many_are_drawn():
    model = GilbertElliott(rate=0.3, mean_burst_packets=4)
    short = list(islice(model.losses(generator(5, "x")), 700))
    assert short == list(islice(model.losses(generator(5, "x")), 2000))[:700]
    assert short != list(islice(model.losses(generator(6, "x")), 700))


def test_a_markov_chain_that_ends_in_one_state_is_there_from_the_start():
    model = Markov(transitions=[[0.5, 0.5, 0], [0, 0.5, 0.5], [0, 0, 1]], loss=[0, 0, 1])
    assert model.stationary() == pytest.approx([0, 0, 1])
    assert all(islice(model.losses(generator(1)), 1000))
