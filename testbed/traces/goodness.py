"""Goodness of fit of a loss model to the lengths of runs: losses in a row, and gaps between them.

Pearson's chi-square over run lengths, neighbouring lengths taken together until 5 runs or more are expected
in each bin. The first and the last run of a recording were cut by its ends and are left out.

As the parameters were fitted to the packets and not to the bins, the statistic's law under the model is no
chi-square but a sum of squares with weights from 0 to 1 (Chernoff and Lehmann, Annals of Mathematical
Statistics 25(3), 1954). The weights are the eigenvalues of the bins' covariance minus the reduction by the
fit, which follows from the parameters' covariance and the bins' derivatives. The p-value is that of the
nearest multiple of a chi-square (Satterthwaite, Biometrics Bulletin 2(6), 1946): theory, without resampling.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from testbed.traces.fitted import Fitted
from testbed.traces.recording import runs

_LEAST_EXPECTED = 5.0
_LONGEST = 1_000_000
_LEAST_WEIGHT = 0.5


@dataclass(frozen=True)
class Goodness:
    """Pearson's test of one histogram.

    Attributes
    ----------
    chi_square
        The statistic.
    expected
        Its mean if the model is right; 0 if there are too few runs for a test.
    p_value
        Probability of such a statistic or a larger one under a right model; NaN with too few runs.
    """

    chi_square: float
    expected: float
    p_value: float

    def __str__(self) -> str:
        if self.expected == 0:
            return "too few different runs for a test"
        return (
            f"chi-square {self.chi_square:.1f} where {self.expected:.1f} is expected, p = {self.p_value:.2g}"
        )


def inner_runs(lost: NDArray[np.bool_], fate: bool) -> NDArray[np.int64]:
    """Return the lengths of the runs of one fate, those that the recording's ends cut left out."""
    fates, lengths = runs(lost)
    inner: NDArray[np.int64] = lengths[1:-1][fates[1:-1] == fate]
    return inner


def survival(model: Fitted, fate: bool, longest: int) -> NDArray[np.float64]:
    """Return the probability that a run of one fate lasts n packets or more, for n of 1 to `longest`.

    Parameters
    ----------
    model
        The law.
    fate
        True for runs of losses, False for the gaps between them.
    longest
        1 or more.
    """
    p, r, h, k = model.letters()
    move = np.array(((1 - p, p), (r, 1 - r)))
    deliver, lose = np.diag((k, h)) @ move, np.diag((1 - k, 1 - h)) @ move
    before, stay = (deliver, lose) if fate else (lose, deliver)
    # A run begins after a packet of the other fate.
    states = (np.array((r, p)) @ before @ stay)[np.newaxis, :]
    power = stay
    while len(states) < longest:
        states = np.concatenate((states, states @ power))
        power = power @ power
    lasting = states[:longest].sum(axis=1)
    return lasting / lasting[0] if lasting[0] > 0 else np.zeros(longest)


def goodness(model: Fitted, lost: NDArray[np.bool_], fate: bool) -> Goodness:
    """Test a model that was fitted to `lost` against the lengths of its runs.

    Parameters
    ----------
    model
        The fitted model.
    lost
        True for each lost packet, (n,).
    fate
        True for the runs of losses, False for the gaps between them.
    """
    lengths = inner_runs(lost, fate)
    edges = _bins(model, fate, len(lengths))
    if len(edges) < 2:
        return Goodness(0.0, 0.0, float("nan"))
    shares = _shares(model, fate, edges)
    counts, _ = np.histogram(lengths, [*edges, np.inf])
    chi_square = float((counts**2 / (len(lengths) * shares)).sum() - len(lengths))
    weights = _weights(model, fate, edges, shares, len(lengths))
    mean, squares = float(weights.sum()), float((weights**2).sum())
    if mean < _LEAST_WEIGHT:
        return Goodness(chi_square, 0.0, float("nan"))
    from scipy.stats import chi2

    return Goodness(chi_square, mean, float(chi2.sf(chi_square * mean / squares, mean**2 / squares)))


def _weights(
    model: Fitted, fate: bool, edges: list[int], shares: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """Return the weights of the statistic's law."""
    derivatives = np.zeros((len(edges), len(model.values)))
    for column, (name, value) in enumerate(model.values.items()):
        if not 0 < value < 1:
            continue
        reach = 1e-4 * value * (1 - value)
        above, below = (replace(model, values={**model.values, name: value + d}) for d in (reach, -reach))
        change = _shares(above, fate, edges) - _shares(below, fate, edges)
        derivatives[:, column] = change / 2e-4 / np.sqrt(shares)  # by the logit
    root = np.sqrt(shares)
    taken = count * derivatives @ model.covariance @ derivatives.T
    return np.clip(np.linalg.eigvalsh(np.eye(len(edges)) - np.outer(root, root) - taken), 0.0, 1.0)


def _shares(model: Fitted, fate: bool, edges: list[int]) -> NDArray[np.float64]:
    """Return the probability of each bin; the last has no end."""
    return -np.diff(np.append(survival(model, fate, edges[-1])[np.array(edges) - 1], 0.0))


def _bins(model: Fitted, fate: bool, count: int) -> list[int]:
    """Return the least length of each bin."""
    if count < 2 * _LEAST_EXPECTED:
        return []
    longest = 1024
    while (left := count * survival(model, fate, longest))[-1] >= _LEAST_EXPECTED and longest < _LONGEST:
        longest *= 2
    edges = [1]
    for length in range(2, longest + 1):
        if left[length - 1] < _LEAST_EXPECTED:
            break
        if left[edges[-1] - 1] - left[length - 1] >= _LEAST_EXPECTED:
            edges.append(length)
    return edges
