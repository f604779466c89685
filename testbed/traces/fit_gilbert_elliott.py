"""The Gilbert-Elliott model fitted to losses by maximum likelihood, with 95 % intervals.

The likelihood of the hidden Markov model is maximized directly, over the logits of p, r, h and k, from
several starts. The intervals are those of the profile likelihood (Venzon and Moolgavkar, "A method for
computing profile-likelihood-based confidence intervals", Applied Statistics 37(1), 1988): all values of a
parameter at which the likelihood, maximal over the other three, is within 1.92 of the best. They need no
symmetry and may end at 0 or 1, as they do where a parameter does not matter.
"""

from collections.abc import Callable
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from testbed.kernels.two_state_likelihood import log_likelihood
from testbed.traces.fitted import Fitted, Z, fit_gilbert
from testbed.traces.recording import runs

_HIGHER = 0.01
_EXACT = 0.02
"""Tolerance of the root of the fall at 1.96: a hundredth of the interval's reach."""
_MAX_SEARCH = 60
_EDGE = 16.0
"""Largest absolute logit: probabilities from 1e-7 to 1 - 1e-7; one beyond is taken as 0 or 1."""

Logits = NDArray[np.float64]
Likelihood = Callable[[Logits], tuple[float, Logits]]


def likelihood_of(lost: NDArray[np.bool_]) -> Likelihood:
    """Return the log likelihood, and its derivatives, as a function of the logits of p, r, h and k."""
    fates, lengths = runs(lost)
    kinds, order = np.unique(2 * lengths + fates, return_inverse=True)
    table = kinds // 2, kinds % 2 == 1, order.astype(np.int64)

    def likelihood(logits: Logits) -> tuple[float, Logits]:
        probabilities = 1 / (1 + np.exp(-logits))
        gradient = np.empty(4)
        value = log_likelihood(probabilities, *table, gradient)
        return value, gradient * probabilities * (1 - probabilities)

    return likelihood


def fit_gilbert_elliott(lost: NDArray[np.bool_]) -> Fitted:
    """Fit all four parameters; `lost`, (n,), is true for lost packets; some are, and not all."""
    import scipy.optimize  # noqa: F401 - its linear algebra must be there to be limited
    from threadpoolctl import threadpool_limits

    # For a handful of numbers, waking other threads takes a hundred times as long as the work.
    with threadpool_limits(1):
        return _fit_gilbert_elliott(lost)


def _fit_gilbert_elliott(lost: NDArray[np.bool_]) -> Fitted:
    likelihood = likelihood_of(lost)
    nothing_fixed = np.ones(4, bool)
    tops = [_climb(likelihood, start, nothing_fixed) for start in _starts(lost)]
    best, top = max(tops, key=lambda found: found[1])
    intervals: list[tuple[float, float]] = []
    while len(intervals) < 4:
        index = len(intervals)
        found = []
        for side in (-1.0, 1.0):
            end, higher = _profile_end(likelihood, best, top, index, side)
            if higher is not None:  # the profile led over a saddle to a better maximum: start again there
                best, top = _climb(likelihood, higher, nothing_fixed)
                break
            found.append(_probability(end))
        if len(found) == 2:
            intervals.append((found[0], found[1]))
        else:
            intervals = []
    order = [1, 0, 3, 2] if best[2] > best[3] else [0, 1, 2, 3]  # the bad state is the one that loses more
    names = ("p", "r", "h", "k")
    values = {name: _probability(best[index]) for name, index in zip(names, order, strict=True)}
    ends = {name: intervals[index] for name, index in zip(names, order, strict=True)}
    covariance = _covariance(likelihood, best)[np.ix_(order, order)]
    return Fitted("gilbert_elliott", values, ends, top, len(lost), covariance)


def _starts(lost: NDArray[np.bool_]) -> list[Logits]:
    """Return starts: the simple model, rare long spells of much loss, and states of a few packets."""
    simple = fit_gilbert(lost).values
    rate = float(lost.mean())
    guesses = [
        (simple["p"], simple["r"], 0.1, 1 - rate / 10),
        (0.002, 0.02, 1 - min(0.9, 3 * rate), 1 - rate / 3),
        (0.05, 0.2, 1 - min(0.9, 2 * rate), 1 - rate / 2),
        (0.0005, 0.2, 0.2, 1 - rate / 2),
    ]
    shares = np.clip(np.array(guesses), 1e-4, 1 - 1e-4)
    return list(np.log(shares / (1 - shares)))


def _climb(likelihood: Likelihood, start: Logits, free: NDArray[np.bool_]) -> tuple[Logits, float]:
    """Return the logits of greatest likelihood, those not `free` held, and that likelihood."""
    from scipy.optimize import minimize

    logits = np.clip(start, -_EDGE, _EDGE)

    def downhill(part: Logits) -> tuple[float, Logits]:
        logits[free] = part
        value, gradient = likelihood(logits)
        return (-value, -gradient[free]) if isfinite(value) else (1e300, np.zeros(len(part)))

    bounds = [(-_EDGE, _EDGE)] * int(free.sum())
    # The likelihood itself is needed to a thousandth, however large it is.
    share = 1e-5 / max(1.0, abs(likelihood(logits)[0]))
    found = minimize(
        downhill,
        logits[free],
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"ftol": share, "gtol": 1e-3, "maxiter": 500},
    )
    logits[free] = found.x
    return logits.copy(), float(-found.fun)


def _profile_end(
    likelihood: Likelihood, best: Logits, top: float, index: int, side: float
) -> tuple[float, Logits | None]:
    """Return the logit at which the profile likelihood has fallen by 1.92, or the edge if there is none.

    If a point on the way is higher than `top`, it is returned as the second value.
    """
    free = np.arange(4) != index
    step = _step(likelihood, best, index)
    inside, above = best, -Z
    outside, below = np.nan, np.nan
    for _ in range(_MAX_SEARCH):
        if np.isnan(outside):
            if abs(inside[index]) == _EDGE:
                return side * _EDGE, None
            logit = inside[index] + side * step
            step *= 2
        else:
            # Where the profile is a parabola its root is a straight line, and this is the end at once.
            share = np.clip(above / (above - below), 0.1, 0.9)
            logit = inside[index] + share * (outside - inside[index])
        start = inside.copy()
        start[index] = np.clip(logit, -_EDGE, _EDGE)
        # Always from inside: the interval is the part connected with the maximum.
        found, value = _climb(likelihood, start, free)
        if value > top + _HIGHER:
            return found[index], found
        excess = max(0.0, 2 * (top - value)) ** 0.5 - Z
        if abs(excess) < _EXACT:
            return found[index], None
        if excess < 0:
            inside, above = found, excess
        else:
            outside, below = found[index], excess
    return inside[index], None


def _step(likelihood: Likelihood, best: Logits, index: int) -> float:
    """Return the approximate reach of the interval, by the observed information if it is usable."""
    variance = _covariance(likelihood, best)[index, index]
    return float(np.clip(Z * variance**0.5, 0.02, 4.0)) if variance > 0 else 0.5


def _covariance(likelihood: Likelihood, best: Logits) -> NDArray[np.float64]:
    """Return the inverse of the observed information of the logits that are within their edges."""
    reach = 1e-3
    inside = np.abs(best) < _EDGE - 1
    information = np.zeros((4, 4))
    for row in np.flatnonzero(inside):
        shift = reach * (np.arange(4) == row)
        information[row] = (likelihood(best - shift)[1] - likelihood(best + shift)[1]) / (2 * reach)
    information[:, ~inside] = 0.0
    inverse = np.linalg.pinv((information + information.T) / 2, rcond=1e-9, hermitian=True)
    return np.asarray(inverse, np.float64)


def _probability(logit: float) -> float:
    if abs(logit) >= _EDGE - 1:
        return float(logit > 0)
    return float(1 / (1 + np.exp(-logit)))
