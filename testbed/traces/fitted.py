"""Loss models with a closed-form maximum of the likelihood, and the interface of fitted models.

- Bernoulli: each packet is lost with the same probability.
- Gilbert (the simple model: lost exactly when the state is bad): both transition probabilities are shares of
  independent trials.

Intervals are Wilson's ("Probable inference", Journal of the American Statistical Association 22, 1927).
"""

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

Z = 1.959963984540054
"""The normal law's quantile for 95 % intervals."""


@dataclass(frozen=True)
class Fitted:
    """A model, fitted.

    Attributes
    ----------
    name
        ``"bernoulli"``, ``"gilbert"`` or ``"gilbert_elliott"``.
    values
        The maximum likelihood estimate of each parameter, by its name in a scenario.
    intervals
        The 95 % interval of each.
    log_likelihood
        Natural logarithm.
    packets
        Number of packets recorded.
    covariance
        Of the logits of the values, (k, k), from the observed information; 0 for a value at 0 or 1.
    """

    name: str
    values: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    log_likelihood: float
    packets: int
    covariance: NDArray[np.float64]

    @property
    def aic(self) -> float:
        """Akaike's information criterion: less is better."""
        return 2 * len(self.values) - 2 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Schwarz's information criterion: less is better, and parameters cost more than by Akaike's."""
        return len(self.values) * log(self.packets) - 2 * self.log_likelihood

    def letters(self) -> tuple[float, float, float, float]:
        """Return the model as a Gilbert-Elliott model: p, r, h and k."""
        if self.name == "bernoulli":
            rate = self.values["rate"]
            return rate, 1 - rate, 0.0, 1.0
        p, r = self.values["p"], self.values["r"]
        return p, r, self.values.get("h", 0.0), self.values.get("k", 1.0)


def fit_bernoulli(lost: NDArray[np.bool_]) -> Fitted:
    """Fit independent losses; `lost`, (n,), is true for lost packets; some are, and not all."""
    count, packets = int(lost.sum()), len(lost)
    value, spread = _log_of(count, packets), _logit_variances((count, packets))
    intervals = {"rate": wilson(count, packets)}
    return Fitted("bernoulli", {"rate": count / packets}, intervals, value, packets, spread)


def fit_gilbert(lost: NDArray[np.bool_]) -> Fitted:
    """Fit the simple Gilbert model; `lost`, (n,), is true for lost packets; some are, and not all.

    A transition that had no chance to happen (as when only the last packet was lost) takes the interval from
    0 to 1.
    """
    before, after = lost[:-1], lost[1:]
    from_good, from_bad = int((~before).sum()), int(before.sum())
    to_bad, to_good = int((~before & after).sum()), int((before & ~after).sum())
    p = to_bad / from_good if from_good else 1.0
    r = to_good / from_bad if from_bad else 1.0
    start = (p if lost[0] else r) / (p + r)
    value = _log_of(to_bad, from_good) + _log_of(to_good, from_bad) + (log(start) if start else 0.0)
    intervals = {"p": wilson(to_bad, from_good), "r": wilson(to_good, from_bad)}
    spread = _logit_variances((to_bad, from_good), (to_good, from_bad))
    return Fitted("gilbert", {"p": p, "r": r}, intervals, value, len(lost), spread)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a probability; 0 to 1 without trials."""
    if trials == 0:
        return 0.0, 1.0
    share, square = successes / trials, Z * Z / trials
    middle = (share + square / 2) / (1 + square)
    reach = Z / (1 + square) * (share * (1 - share) / trials + square / (4 * trials)) ** 0.5
    low = 0.0 if successes == 0 else middle - reach
    return low, 1.0 if successes == trials else middle + reach


def _logit_variances(*shares: tuple[int, int]) -> NDArray[np.float64]:
    within = [successes * (trials - successes) for successes, trials in shares]
    return np.diag(
        [trials / product if product else 0.0 for (_, trials), product in zip(shares, within, strict=True)]
    )


def _log_of(successes: int, trials: int) -> float:
    failures = trials - successes
    parts = [count * log(count / trials) for count in (successes, failures) if count]
    return sum(parts)
