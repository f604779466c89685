"""Convolution of single rows: each from three rows, by Winograd's minimal filtering F(4, 3), and pooled.

A row has bins with channels, and the kernel of a convolution covers three rows by three bins. Four
neighbouring bins of the result take six products per channel instead of twelve (Lavin, Gray: "Fast
algorithms for convolutional neural networks", CVPR 2016), and the largest of the four is kept. Sums are in a
fixed order, so a row does not depend on those computed with it.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from testbed.kernels.wide_product import pack, wide_product

Floats = NDArray[np.float32]

_AT_ONCE = 8
_ROWS = 3
_POINTS = 6
_POOLED = 4
_SLOPE = np.float32(0.1)
_KERNEL = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
"""From a kernel of three bins to its values at Winograd's points 0, 1, -1, 2, -2 and infinity."""


class RowConvolution(NamedTuple):
    """A layer's weights.

    Attributes
    ----------
    packed
        Weights (3 channels, outputs) at each point, from `testbed.kernels.wide_product.pack`; the channels of
        the three rows one after another.
    bias
        (outputs,).
    """

    packed: Floats
    bias: Floats


def row_convolution(kernel: Floats, bias: Floats) -> RowConvolution:
    """Return a layer with a kernel (outputs, channels, 3 rows, 3 bins) and a bias (outputs,).

    The number of outputs is a multiple of 16.
    """
    at_points = np.einsum("pb,ocrb->prco", _KERNEL, kernel.astype(np.float64))
    packed = np.stack([pack(each) for each in at_points.reshape(_POINTS, -1, len(kernel))])
    return RowConvolution(packed, np.ascontiguousarray(bias, np.float32))


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def convolve_rows(layer: RowConvolution, rows: Floats, triples: NDArray[np.int64], out: Floats) -> None:
    """Convolve triples of rows, with a leaky ReLU of slope 0.1, and keep the largest of each 4 bins.

    Parameters
    ----------
    rows
        (n, bins, channels), contiguous. Beyond the bins are zeros.
    triples
        Indexes of three rows for each new one (m, 3).
    out
        (m, bins // 4, outputs), contiguous, written.
    """
    tiles, channels = out.shape[1], rows.shape[2]
    used = min(rows.shape[1], _POOLED * tiles + 1)
    padded = np.zeros((_POOLED * tiles + 2, channels), np.float32)
    values = np.empty((_POINTS, _AT_ONCE * tiles, _ROWS * channels), np.float32)
    sums = np.empty((_POINTS, _AT_ONCE * tiles, out.shape[2]), np.float32)
    for start in range(0, len(triples), _AT_ONCE):
        count = min(_AT_ONCE, len(triples) - start)
        for item in range(count):
            for part in range(_ROWS):
                padded[1 : 1 + used] = rows[triples[start + item, part], :used]
                _to_points(padded, values, item * tiles, part * channels)
        for point in range(_POINTS):
            here = values[point, : count * tiles], sums[point, : count * tiles]
            wide_product(layer.packed[point], here[0], here[1])
        for item in range(count):
            _to_largest(sums, item * tiles, layer.bias, out[start + item])


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _to_points(padded: Floats, values: Floats, first: int, start: int) -> None:
    """Write each six bins, four apart, (bins, channels) as values at the six points."""
    two, four, five = np.float32(2), np.float32(4), np.float32(5)
    for tile in range(len(padded) // _POOLED):
        at, begin = first + tile, _POOLED * tile
        for channel in range(padded.shape[1]):
            a, b, c = padded[begin, channel], padded[begin + 1, channel], padded[begin + 2, channel]
            d, e, f = padded[begin + 3, channel], padded[begin + 4, channel], padded[begin + 5, channel]
            to = start + channel
            values[0, at, to] = four * a - five * c + e
            values[1, at, to] = (d + e) - four * (b + c)
            values[2, at, to] = (e - d) + four * (b - c)
            values[3, at, to] = (e - c) + two * (d - b)
            values[4, at, to] = (e - c) - two * (d - b)
            values[5, at, to] = four * b - five * d + f


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _to_largest(sums: Floats, first: int, bias: Floats, out: Floats) -> None:
    """Write the largest of each four bins (tiles, outputs), from the sums at the six points."""
    two, four, eight = np.float32(2), np.float32(4), np.float32(8)
    for tile in range(out.shape[0]):
        at = first + tile
        for output in range(out.shape[1]):
            even = sums[1, at, output] + sums[2, at, output]
            odd = sums[1, at, output] - sums[2, at, output]
            more_even = sums[3, at, output] + sums[4, at, output]
            more_odd = sums[3, at, output] - sums[4, at, output]
            one, other = sums[0, at, output] + even + more_even, odd + two * more_odd
            largest = one if one > other else other
            other = even + four * more_even
            largest = largest if largest > other else other
            other = odd + eight * more_odd + sums[5, at, output]
            largest = (largest if largest > other else other) + bias[output]
            out[tile, output] = largest if largest > 0 else _SLOPE * largest
