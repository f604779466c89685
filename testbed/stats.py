"""95 % confidence intervals for the mean over other clips, paired by clip and realization.

The clips are the sample, or their speakers where there are enough (`testbed.speakers`): realizations of the
channel are drawn anew for each clip, within which they resemble each other. So the bootstrap resamples whole
clips or speakers, with all of their calls (a cluster bootstrap).

For the few clips of a run, the percentiles of such a bootstrap are too narrow: with 8 clips they cover the
true value in 86 % of cases, not 95 % (as do BCa intervals), because the variance of a resample of n clips is
too small by the factor (n - 1)/n, and Student's t is ignored. Bootstrap-t reaches 95 % but is unbounded for 2
or 3 clips. The method used here takes the bootstrap's standard error times sqrt(n/(n - 1)) and Student's t
with n - 1 degrees of freedom. It covers 95 % from 2 clips on for normally distributed clips, and 93 % (8
clips) for exponentially distributed ones. The method: Efron and Tibshirani, "An introduction to the
bootstrap", 1993, chapters 12 and 13; the two corrections: Hesterberg, "What teachers should know about the
bootstrap", The American Statistician 69(4), 2015. `tests/testbed/test_stats.py` measures the coverage.
"""

from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from testbed.randomness import generator

RESAMPLES = 10_000
POWER = 0.8
"""Share of the runs in which a stated number of further clips does."""
CONFIDENCE = 0.95
SEQUENTIAL_CONFIDENCE = 0.98
"""Nominal confidence of the intervals of a run that ended when they were narrow enough.

Such intervals are those whose clips happened to scatter little, so they cover less than their nominal
confidence: 94 % or more for normally distributed clips.
"""
_MOST_CLIPS = 400
"""Most clips for which the covariance of the resamples is kept."""


class Estimate(NamedTuple):
    """An estimate and its interval, 95 % by default: bounds are NaN for too few data, all without data."""

    value: float
    low: float
    high: float


_NOTHING = Estimate(float("nan"), float("nan"), float("nan"))


def interval(values: ArrayLike, clips: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate a mean.

    Parameters
    ----------
    values
        One number for each call, (n,); NaN where there is none (it is left out).
    clips
        The clip of each call, or its speaker, (n,), any labels. If all calls are of one clip, the
        realizations are resampled instead, and the interval is valid for that clip only.
    confidence
        Of the interval.

    Returns
    -------
    Estimate
        The mean over all calls that have a value; its bounds are NaN for a single call.

    Examples
    --------
    >>> from testbed.stats import interval
    >>> value, low, high = interval([4.1, 3.9, 4.4, 4.2], clips=["a", "a", "b", "b"])
    >>> value, low < value < high
    (4.15, True)
    """
    values = np.asarray(values, dtype=np.float64)
    return _bootstrap(values, np.ones_like(values), np.asarray(clips), confidence)


def ratio(part: ArrayLike, whole: ArrayLike, clips: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate ``mean(part) / mean(whole)`` over the calls that have both, e.g. the share of a loss repaired.

    Parameters
    ----------
    part, whole
        Numbers of the same (clip, realization) pairs in the same order, (n,); NaN where there is no value.
    clips, confidence
        The clip of each pair, (n,), as for `interval`, and the confidence.

    Returns
    -------
    Estimate
        NaN if the mean of `whole` is zero; with NaN bounds if any resample has a mean of zero or of the other
        sign.
    """
    return _bootstrap(
        np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64), np.asarray(clips), confidence
    )


def stratified(
    part: ArrayLike,
    clips: ArrayLike,
    strata: ArrayLike,
    whole: ArrayLike | None = None,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Estimate a mean over strata of equal weight, or the ratio of two such means.

    A clip is drawn with its calls in all strata, since its scores in one resemble those in another. The
    deviation is that of the bootstrap, linearized.

    Parameters
    ----------
    part, clips
        As for `interval`; a clip has the same label in all strata.
    strata
        The stratum of each call, (n,), any labels.
    whole
        Denominators, as for `ratio`; default: ones.
    confidence
        Of the interval.

    Returns
    -------
    Estimate
        Its bounds are NaN for a single clip; all is NaN if a stratum has no value or the denominator is 0.
    """
    above = np.asarray(part, dtype=np.float64)
    below = np.ones_like(above) if whole is None else np.asarray(whole, dtype=np.float64)
    there = ~(np.isnan(above) | np.isnan(below))
    names, places = np.unique(np.asarray(strata), return_inverse=True)
    _, units = np.unique(np.asarray(clips)[there], return_inverse=True)
    above, below, places = above[there], below[there], places[there]
    sizes = np.bincount(places, minlength=len(names))
    if not len(above) or not sizes.all():
        return _NOTHING
    weights = 1 / (len(sizes) * sizes[places])
    denominator = float(weights @ below)
    if denominator == 0:
        return _NOTHING
    value = float(weights @ above) / denominator
    n = int(units.max()) + 1
    if n == 1:
        return Estimate(value, float("nan"), float("nan"))
    gaps = above - value * below
    gaps -= (np.bincount(places, gaps) / sizes)[places]
    spread = np.bincount(units, weights * gaps) / denominator
    reach = student(n - 1, confidence) * float(np.sqrt((spread**2).sum() * n / (n - 1)))
    return Estimate(value, value - reach, value + reach)


def _bootstrap(
    part: NDArray[np.float64], whole: NDArray[np.float64], clips: NDArray[np.generic], confidence: float
) -> Estimate:
    """Estimate sum(part) / sum(whole): a mean, where `whole` is one everywhere."""
    if not part.shape == whole.shape == clips.shape or part.ndim != 1:
        raise ValueError(
            f"shapes {part.shape}, {whole.shape} and {clips.shape} (clips) differ or are not (n,)"
        )
    there = ~(np.isnan(part) | np.isnan(whole))
    part, whole = part[there], whole[there]
    denominator = float(whole.sum())
    if denominator == 0:  # nothing there, or nothing to divide by
        return _NOTHING
    value = float(part.sum()) / denominator
    _, units = np.unique(clips[there], return_inverse=True)
    if units.max() == 0:
        units = np.arange(len(part))
    n = int(units.max()) + 1
    if n == 1:
        return Estimate(value, float("nan"), float("nan"))
    # Centred, so that values that are all the same give exactly no spread.
    spread, denominators = np.bincount(units, part - value * whole), np.bincount(units, whole)
    if n <= _MOST_CLIPS and (denominators == denominators[0]).all():
        # Every resample has the same denominator, so the covariance of the counts gives the deviation.
        deviation = np.sqrt(max(0.0, float(spread @ _covariance(n) @ spread))) / abs(denominator)
    else:
        weights = resamples(n)
        drawn = weights @ denominators
        if (drawn * np.sign(denominator) <= 0).any():
            return Estimate(value, float("nan"), float("nan"))
        deviation = np.std(weights @ spread / drawn)
    error = float(deviation) * np.sqrt(n / (n - 1))
    reach = student(n - 1, confidence) * float(error)
    return Estimate(value, value - reach, value + reach)


@lru_cache(maxsize=8)
def resamples(n: int) -> NDArray[np.float64]:
    """Return the counts of each of n units in each resample, (resamples, n); equal for equal n.

    For many units there are fewer resamples, to bound the memory.
    """
    resamples = min(RESAMPLES, max(1000, 4_000_000 // n))
    return generator(0, "bootstrap", n).multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)


@lru_cache(maxsize=8)
def _covariance(n: int) -> NDArray[np.float64]:
    """Return the covariance of the counts of n units over the resamples, (n, n)."""
    return np.asarray(np.cov(resamples(n), rowvar=False, bias=True))


@cache
def student(degrees: int, confidence: float = CONFIDENCE) -> float:
    """Return the half-width of an interval in standard errors, for a number of degrees of freedom."""
    from scipy.stats import t

    return float(t.ppf((1 + confidence) / 2, degrees))


@lru_cache(maxsize=64)
def upper_limit(units: int) -> float:
    """Return the upper limit of a deviation over units as a multiple of it, at the confidence `POWER`."""
    from scipy.stats import chi2

    return float(np.sqrt((units - 1) / chi2.ppf(1 - POWER, units - 1)))
