"""Likelihood of losses under the Gilbert-Elliott model, and its derivatives by the four parameters.

The forward algorithm (Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77(2), 1989,
section III.A) goes by runs instead of packets: a run of n packets of one fate is the n-th power of that
fate's matrix, and 10^6 packets have at most some thousand different n. Derivatives follow by the product
rule.
"""

import numba
import numpy as np
from numpy.typing import NDArray

_PARTS = 5
"""A matrix and its derivatives by p, r, h and k."""
_BITS = 40
_FAR = 1e100
"""A state so much larger or smaller than 1 is brought back; to do it at every run would take longest."""

Dual = NDArray[np.float64]


@numba.njit(cache=True, fastmath=False, parallel=False)
def _product(a: Dual, b: Dual, out: Dual) -> float:
    """Write a times b, divided by its largest entry, to `out`, derivatives too; return that entry's log."""
    for part in range(_PARTS):
        for i in range(2):
            for j in range(2):
                total = a[0, i, 0] * b[part, 0, j] + a[0, i, 1] * b[part, 1, j]
                if part:
                    total += a[part, i, 0] * b[0, 0, j] + a[part, i, 1] * b[0, 1, j]
                out[part, i, j] = total
    largest = max(out[0, 0, 0], out[0, 0, 1], out[0, 1, 0], out[0, 1, 1])
    if largest <= 0.0:
        return -np.inf
    for part in range(_PARTS):
        for i in range(2):
            for j in range(2):
                out[part, i, j] /= largest
    return float(np.log(largest))


@numba.njit(cache=True, fastmath=False, parallel=False)
def _powers(
    matrix: Dual,
    fate: bool,
    lengths: NDArray[np.int64],
    fates: NDArray[np.bool_],
    powers: Dual,
    logs: NDArray[np.float64],
) -> None:
    """Write the powers of one fate's matrix for the runs of that fate, by repeated squaring."""
    squares = np.empty((_BITS, _PARTS, 2, 2))
    scales = np.zeros(_BITS)
    squares[0] = matrix
    known = 1
    product = np.empty((_PARTS, 2, 2))
    for index in range(len(lengths)):
        if fates[index] != fate:
            continue
        power = powers[index]
        power[:] = 0.0
        power[0, 0, 0] = power[0, 1, 1] = 1.0
        logs[index] = 0.0
        bit = 0
        while lengths[index] >> bit:
            if bit == known:
                scales[bit] = 2.0 * scales[bit - 1] + _product(
                    squares[bit - 1], squares[bit - 1], squares[bit]
                )
                known += 1
            if lengths[index] >> bit & 1:
                logs[index] += _product(power, squares[bit], product) + scales[bit]
                power[:] = product
            bit += 1


@numba.njit(cache=True, fastmath=False, parallel=False)
def log_likelihood(
    parameters: NDArray[np.float64],
    lengths: NDArray[np.int64],
    fates: NDArray[np.bool_],
    order: NDArray[np.int64],
    gradient: NDArray[np.float64],
) -> float:
    """Return the natural log of the losses' probability, starting from the stationary distribution.

    Parameters
    ----------
    parameters
        p, r, h and k as in `testbed.channels.loss.gilbert_elliott`, each above 0 and below 1, (4,).
    lengths, fates
        The distinct runs: number of packets, 1 to 2**40 - 1, and whether they were lost; both (m,).
    order
        The runs in order, as indices of the distinct ones, (runs,).
    gradient
        Its derivatives by the parameters, (4,); overwritten.
    """
    p, r, h, k = parameters
    powers = np.empty((len(lengths), _PARTS, 2, 2))
    logs = np.empty(len(lengths))
    matrix = np.zeros((_PARTS, 2, 2))
    for fate in (False, True):
        good, bad, sign = (1.0 - k, 1.0 - h, -1.0) if fate else (k, h, 1.0)
        matrix[0, 0, 0], matrix[0, 0, 1] = good * (1.0 - p), good * p
        matrix[0, 1, 0], matrix[0, 1, 1] = bad * r, bad * (1.0 - r)
        matrix[1, 0, 0], matrix[1, 0, 1] = -good, good
        matrix[2, 1, 0], matrix[2, 1, 1] = bad, -bad
        matrix[3, 1, 0], matrix[3, 1, 1] = sign * r, sign * (1.0 - r)
        matrix[4, 0, 0], matrix[4, 0, 1] = sign * (1.0 - p), sign * p
        _powers(matrix, fate, lengths, fates, powers, logs)
    total = p + r
    state = np.zeros((_PARTS, 2))
    state[0, 0], state[0, 1] = r / total, p / total
    state[1, 0], state[1, 1] = -r / total**2, r / total**2
    state[2, 0], state[2, 1] = p / total**2, -p / total**2
    result = 0.0
    for run in order:
        power = powers[run]
        good, bad = state[0, 0], state[0, 1]
        for part in range(1, _PARTS):
            d_good, d_bad = state[part, 0], state[part, 1]
            for j in range(2):
                state[part, j] = (
                    d_good * power[0, 0, j]
                    + d_bad * power[0, 1, j]
                    + good * power[part, 0, j]
                    + bad * power[part, 1, j]
                )
        state[0, 0] = good * power[0, 0, 0] + bad * power[0, 1, 0]
        state[0, 1] = good * power[0, 0, 1] + bad * power[0, 1, 1]
        result += logs[run]
        size = state[0, 0] + state[0, 1]
        if not 1.0 / _FAR < size < _FAR:
            if not size > 0.0:
                gradient[:] = 0.0
                return -np.inf
            result += np.log(size)
            for part in range(_PARTS):
                state[part, 0] /= size
                state[part, 1] /= size
    size = state[0, 0] + state[0, 1]
    for part in range(1, _PARTS):
        gradient[part - 1] = (state[part, 0] + state[part, 1]) / size
    return float(result + np.log(size))
