"""Differences between all schemes with simultaneous lower bounds: multiple comparisons with the best.

The calls themselves determine the best scheme and its closest rivals. A bound for one pair that was fixed
before the run would be too narrow for a pair that is selected by its result. So a bound here holds, at 97.5
%, for all schemes and points at once, for any truly best scheme (Hsu, "Multiple comparisons: theory and
methods", 1996, chapter 4).

The critical value is that of a max-t bootstrap: clips are resampled with all their schemes and points, and
each resample gives the largest studentized error over schemes and points. Studentizing accounts for few clips
and for skewed distributions. One-sided 97.5 %, where 95 % would do for normally distributed clips, and 99 %
with fewer than 8 clips keep the error at 5 % for exponentially distributed ones.
`tests/testbed/test_choice.py` measures both. For more skewed distributions it is higher (9 % for 8
log-normally distributed clips), and no bound covers an event that no clip had, such as a rare long burst.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from testbed.stats import resamples

RESAMPLES = 2000
_LEAST_VARIANCE = 0.05
"""Smallest variance of a resample, as a share of the clips' own. If one clip differs and all others are
equal, a third of the resamples do not draw it, and the bound would be infinite."""


def confidence(clips: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the confidence of a bound, by the number of clips, or of speakers where they are the sample."""
    return np.where(clips < 8, 0.99, 0.975)


@dataclass(frozen=True)
class Differences:
    """Each scheme minus each other, by point; NaN where a scheme has no score.

    Attributes
    ----------
    mean
        (points, schemes, schemes): score of the first scheme minus that of the second.
    low
        Its simultaneous lower bound; minus infinity where there are too few clips.
    deviation
        Its standard deviation over clips.
    clips
        (points,): number of clips with a score of every scheme.
    """

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    deviation: NDArray[np.float64]
    clips: NDArray[np.int64]


def differences(scores: NDArray[np.float64], candidates: NDArray[np.bool_] | None = None) -> Differences:
    """Compare all schemes with each other.

    Parameters
    ----------
    scores
        (clips, points, schemes): means over the calls of a clip, or of a speaker, larger is better; NaN
        for a scheme without a score at a point, and for all schemes of a clip that is not complete at a
        point.
    candidates
        (points, schemes): the schemes whose bounds must hold; default: all. Fewer schemes give closer bounds;
        the bounds of other schemes are meaningless.
    """
    with threadpool_limits(1, "blas"):  # threads slow down such small products
        return _differences(scores, np.ones(scores.shape[1:], bool) if candidates is None else candidates)


def _differences(scores: NDArray[np.float64], candidates: NDArray[np.bool_]) -> Differences:
    points, schemes = scores.shape[1:]
    mean = np.full((points, schemes, schemes), np.nan)
    deviation = mean.copy()
    clips = np.zeros(points, np.int64)
    largest = np.zeros((schemes, min(RESAMPLES, len(resamples(max(1, len(scores)))))))
    for point in range(points):
        here = scores[:, point]
        compared = np.flatnonzero(~np.isnan(here).all(axis=0))
        is_complete = np.asarray(~np.isnan(here[:, compared]).any(axis=1), np.bool_)
        is_complete &= len(compared) > 0
        clips[point] = is_complete.sum()
        if not clips[point]:
            continue
        for best in compared:
            gaps = here[is_complete][:, compared] - here[is_complete][:, [best]]
            mean[point, compared, best] = gaps.mean(axis=0)
            if clips[point] > 1:
                deviation[point, compared, best] = gaps.std(axis=0, ddof=1)
                errors = _largest_errors(gaps[:, candidates[point, compared]], is_complete, largest.shape[1])
                np.maximum(largest[best], errors, out=largest[best])
    critical = np.quantile(largest, confidence(clips), axis=1, method="higher")[:, None, :]
    with np.errstate(invalid="ignore"):
        reach = critical * deviation / np.sqrt(np.maximum(clips, 1))[:, None, None]
    reach = np.where(deviation == 0, 0.0, reach)
    low = np.where(np.isnan(reach) & ~np.isnan(mean), -np.inf, mean - reach)
    return Differences(mean, low, deviation, clips)


def _largest_errors(
    gaps: NDArray[np.float64], is_complete: NDArray[np.bool_], count: int
) -> NDArray[np.float64]:
    """Return the largest studentized error of a mean in each resample, (count,)."""
    gaps = gaps - gaps.mean(axis=0)
    scale = np.sqrt((gaps**2).mean(axis=0))
    gaps = gaps[:, scale > 1e-9] / scale[scale > 1e-9]  # schemes that are equal in every call have no error
    if not gaps.shape[1]:
        return np.zeros(count)
    weights = resamples(len(is_complete))[:count, is_complete]
    drawn = weights.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = weights @ gaps / drawn
        variances = np.maximum(weights @ gaps**2 / drawn - means**2, _LEAST_VARIANCE)
        errors = means / np.sqrt(variances / (drawn - 1))
    largest: NDArray[np.float64] = np.where(drawn < 2, np.inf, errors).max(axis=1)
    return largest
