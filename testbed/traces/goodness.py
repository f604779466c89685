"""How well a fitted loss model agrees with the lengths of runs: of losses in a row, and of gaps between them.

Pearson's chi-square over run lengths, neighbouring lengths taken together until 5 runs or more are expected
in each bin. The first and the last run of a recording were cut by its ends and are left out. The p-value is
from the chi-square law with (bins - 1 - m) degrees of freedom, of which m is what the model can adapt in that
histogram: 1 where run lengths are geometric, 3 where they are a mixture of two (Gilbert-Elliott). As the
parameters were fitted to the packets and not to the bins, the law is between that one and one of (bins - 1)
degrees (Chernoff and Lehmann, Annals of Mathematical Statistics 25(3), 1954): a model that is right is
refused slightly more often than the p-value says.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from testbed.traces.fit import Fitted
from testbed.traces.recording import runs

_LEAST_EXPECTED = 5.0
_LONGEST = 1_000_000


@dataclass(frozen=True)
class Goodness:
    """Pearson's test of one histogram.

    Attributes
    ----------
    chi_square
        The statistic.
    degrees
        Degrees of freedom; with less than 1 there are too few runs to tell.
    p_value
        How often a right model would agree no better; NaN with less than 1 degree.
    """

    chi_square: float
    degrees: int
    p_value: float

    def __str__(self) -> str:
        if self.degrees < 1:
            return "too few different runs to tell"
        return f"chi-square {self.chi_square:.1f} on {self.degrees} degrees, p = {self.p_value:.2g}"


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
        What was fitted.
    lost
        Which packets were lost, (n,).
    fate
        True for the runs of losses, False for the gaps between them.
    """
    lengths = inner_runs(lost, fate)
    edges, expected = _bins(model, fate, len(lengths))
    if len(expected) < 2:
        return Goodness(0.0, 0, float("nan"))
    counts, _ = np.histogram(lengths, [*edges, np.inf])
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    degrees = len(expected) - 1 - (3 if model.name == "gilbert_elliott" else 1)
    if degrees < 1:
        return Goodness(chi_square, degrees, float("nan"))
    from scipy.stats import chi2

    return Goodness(chi_square, degrees, float(chi2.sf(chi_square, degrees)))


def _bins(model: Fitted, fate: bool, count: int) -> tuple[list[int], NDArray[np.float64]]:
    """Return the least length of each bin, and how many runs are expected in it; the last has no end."""
    if count < 2 * _LEAST_EXPECTED:
        return [], np.zeros(0)
    longest = 1024
    while (left := count * survival(model, fate, longest))[-1] >= _LEAST_EXPECTED and longest < _LONGEST:
        longest *= 2
    edges = [1]
    for length in range(2, longest + 1):
        here = left[length - 1]
        if here < _LEAST_EXPECTED:
            break
        if left[edges[-1] - 1] - here >= _LEAST_EXPECTED:
            edges.append(length)
    levels = np.append(left[np.array(edges) - 1], 0.0)
    return edges, -np.diff(levels)
