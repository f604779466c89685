"""Bjøntegaard deltas: mean differences of two curves of quality over bitrate, where both have values.

The curves are piecewise cubic (PCHIP, which keeps a rising curve rising) over the logarithm of the bitrate,
as in JVET's common test conditions. Sources: Bjøntegaard, "Calculation of average PSNR differences between
RD-curves", ITU-T VCEG-M33, 2001; Herglotz et al., "The Bjøntegaard bible", IEEE Transactions on Image
Processing 33, 2024.

All functions take many curves at once, one per resample; `tests/reports/test_bjontegaard.py` compares them
with the package `bjontegaard`.
"""

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]


def mean_difference(x: Rows, y: Rows, other_x: Rows, other_y: Rows) -> Rows:
    """Return the mean of a curve minus another over the x that both have, (rows,).

    Parameters
    ----------
    x, y, other_x, other_y
        Points of each curve, (rows, points), two or more.

    Returns
    -------
    NDArray
        NaN where no x is common, or where the x of a curve do not rise from point to point.
    """
    low = np.maximum(x[:, 0], other_x[:, 0])
    high = np.minimum(x[:, -1], other_x[:, -1])
    with np.errstate(divide="ignore", invalid="ignore"):
        areas = [_area(*curve, low, high) for curve in ((x, y), (other_x, other_y))]
        difference = (areas[0] - areas[1]) / (high - low)
    is_defined = rises(x) & rises(other_x) & (low < high)
    return np.where(is_defined, difference, np.nan)


def value_at(x: Rows, y: Rows, place: float) -> Rows:
    """Return the value of each curve at a place, (rows,); NaN outside the curve."""
    with np.errstate(divide="ignore", invalid="ignore"):
        widths, coefficients = _pieces(x, y)
        inside = np.clip(place - x[:, :-1], 0, widths)
        is_here = (x[:, :-1] <= place) & (place <= x[:, 1:])
        values = np.where(is_here, sum(c * inside**n for n, c in enumerate(coefficients)), -np.inf)
    return np.where(is_here.any(axis=1) & rises(x), values.max(axis=1), np.nan)


def rises(x: Rows) -> NDArray[np.bool_]:
    """Return whether each row rises from point to point."""
    return np.asarray((np.diff(x, axis=1) > 0).all(axis=1))


def _area(x: Rows, y: Rows, low: Rows, high: Rows) -> Rows:
    """Return the integral of each curve from `low` to `high`."""
    widths, coefficients = _pieces(x, y)
    begin, end = (np.clip(limit[:, None] - x[:, :-1], 0, widths) for limit in (low, high))
    parts = [c * (end ** (n + 1) - begin ** (n + 1)) / (n + 1) for n, c in enumerate(coefficients)]
    total: Rows = np.sum(parts, axis=(0, 2))
    return total


def _pieces(x: Rows, y: Rows) -> tuple[Rows, list[Rows]]:
    """Return the width of each piece, and the coefficients of its cubic in the distance from its start."""
    widths = np.diff(x, axis=1)
    secants = np.diff(y, axis=1) / widths
    slopes = _slopes(widths, secants)
    left, right = slopes[:, :-1], slopes[:, 1:]
    square, cube = (3 * secants - 2 * left - right) / widths, (left + right - 2 * secants) / widths**2
    return widths, [y[:, :-1], left, square, cube]


def _slopes(widths: Rows, secants: Rows) -> Rows:
    """Return the slope at each point: Fritsch and Butland, SIAM J. Sci. Stat. Comput. 5(2), 1984."""
    if secants.shape[1] == 1:
        return np.repeat(secants, 2, axis=1)
    before, after = secants[:, :-1], secants[:, 1:]
    weight_before, weight_after = widths[:, :-1] + 2 * widths[:, 1:], 2 * widths[:, :-1] + widths[:, 1:]
    harmonic = (weight_before + weight_after) / (weight_before / before + weight_after / after)
    inner = np.where(before * after > 0, harmonic, 0.0)
    first = _end_slope(widths[:, :2], secants[:, :2])
    last = _end_slope(widths[:, :-3:-1], secants[:, :-3:-1])
    return np.column_stack([first, inner, last])


def _end_slope(widths: Rows, secants: Rows) -> Rows:
    """Return the slope at an end from the two pieces next to it, the outer one first."""
    outer, inner = secants[:, 0], secants[:, 1]
    slope = ((2 * widths[:, 0] + widths[:, 1]) * outer - widths[:, 0] * inner) / widths.sum(axis=1)
    slope = np.where(np.sign(slope) == np.sign(outer), slope, 0.0)
    overshoots = (np.sign(outer) != np.sign(inner)) & (np.abs(slope) > 3 * np.abs(outer))
    return np.where(overshoots, 3 * outer, slope)
