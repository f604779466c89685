"""Rounds of a run that ends when its differences are known well enough, and what keeps them from it.

A round adds clips, or realizations once it has all clips: for the same number of calls, more clips make an
interval narrower, since it is over clips. However many realizations there are, it is not narrower than the
clips' own scatter makes it: that is the floor.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from testbed.stats import SEQUENTIAL_CONFIDENCE, Estimate, student, upper_limit

FIRST_CLIPS = 8
"""Clips of the first round; of fewer the scatter is hardly known."""
_GROWTH = 1.5
_FLOOR_CONFIDENCE = 0.9
_MOST_UNITS = 1000

Ending = Literal["", "narrow", "floor", "most"]
"""Why a run ends: its differences are narrow enough, or cannot be, or all was used; "" if it goes on."""


@dataclass(frozen=True)
class Extent:
    """A number of clips and realizations, from the first."""

    clips: int
    realizations: int


def extents(most: Extent, needs_all_clips: bool = False) -> list[Extent]:
    """Return the extent of each round, which holds the one before; the last is `most`.

    Parameters
    ----------
    needs_all_clips
        Whether a call depends on the number of clips, so that all rounds must have them all.
    """
    clips = most.clips if needs_all_clips else min(FIRST_CLIPS, most.clips)
    found = [Extent(clips, 1)]
    while found[-1] != most:
        last = found[-1]
        if last.clips < most.clips:
            found.append(Extent(min(most.clips, math.ceil(_GROWTH * last.clips)), 1))
        else:
            found.append(Extent(most.clips, min(most.realizations, math.ceil(_GROWTH * last.realizations))))
    return found


def ending(
    half_width: float, target: float, floors: Sequence[Estimate], extent: Extent, most: Extent
) -> Ending:
    """Return whether a run ends after a round.

    Parameters
    ----------
    half_width
        Of the widest interval; NaN if it is not known.
    floors
        Floor of each difference whose interval is wider than the target.
    most
        The largest extent that is of use.
    """
    if half_width <= target:
        return "narrow"
    if extent.clips == most.clips and any(floor.low > target for floor in floors):
        return "floor"
    is_last = extent.clips >= most.clips and extent.realizations >= most.realizations
    return "most" if is_last else ""


def floor(
    values: ArrayLike, clips: ArrayLike, units: ArrayLike, confidence: float = SEQUENTIAL_CONFIDENCE
) -> Estimate:
    """Return the half-width, with any number of realizations, of the interval of a mean.

    Parameters
    ----------
    values
        One number for each call, (n,), without NaN.
    clips, units
        The clip of each call, and the unit that intervals resample: its speaker or the clip; any labels.
    confidence
        Of the interval whose floor it is.

    Returns
    -------
    Estimate
        With its 90 % interval; NaN if there is one unit, or no clip has several calls. The method: Williams,
        "A confidence interval for variance components", Biometrika 49, 1962.
    """
    numbers = np.asarray(values, dtype=np.float64)
    clip, unit = (np.unique(np.asarray(labels), return_inverse=True)[1] for labels in (clips, units))
    between, within = int(unit.max(initial=-1)), len(numbers) - int(clip.max(initial=-1)) - 1
    if between < 1 or within < 1:
        return Estimate(math.nan, math.nan, math.nan)
    from scipy.stats import chi2, f

    calls = np.bincount(unit)
    scatter = float((np.bincount(unit, numbers) / calls).var(ddof=1))
    squares = (numbers - (np.bincount(clip, numbers) / np.bincount(clip))[clip]) ** 2
    by_calls = float(squares.sum()) / within * float((1 / calls).mean())
    tail = (1 - _FLOOR_CONFIDENCE) / 2
    found = [scatter - by_calls]
    for each in (1 - tail, tail):
        least = scatter - by_calls * f.ppf(each, between, within)
        found.append(between * least / chi2.ppf(each, between))
    reach = student(between, confidence) / math.sqrt(between + 1)
    return Estimate(*(reach * math.sqrt(max(0.0, variance)) for variance in found))


def realizations_needed(half_width: float, floor: float, realizations: int, target: float) -> int | None:
    """Return about how many realizations make an interval narrow enough with the present clips.

    None if none do, or it is not known.
    """
    if not floor < target or not math.isfinite(half_width):
        return None
    return math.ceil(realizations * (half_width**2 - floor**2) / (target**2 - floor**2))


def units_needed(values: ArrayLike, units: ArrayLike, target: float) -> int | None:
    """Return how many units make the interval of a mean narrow enough in 80 % of runs; None above 1000.

    Units are as for `floor`, with as many realizations as the values have.
    """
    numbers, unit = np.asarray(values, dtype=np.float64), np.unique(np.asarray(units), return_inverse=True)[1]
    have = int(unit.max(initial=-1)) + 1
    if have < 2:
        return None
    deviation = float((np.bincount(unit, numbers) / np.bincount(unit)).std(ddof=1)) * upper_limit(have)
    for number in range(2, _MOST_UNITS + 1):
        if student(number - 1, SEQUENTIAL_CONFIDENCE) * deviation <= target * math.sqrt(number):
            return number
    return None
