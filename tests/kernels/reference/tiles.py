"""Plain version of `testbed.kernels.tiles`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.kernels.tiles import Floats


def levels_product(weights: NDArray[Any], levels: NDArray[np.uint8], scale: Floats, bias: Floats) -> Floats:
    """As the kernel, with weights that are not packed, (inputs, outputs)."""
    sums = levels.astype(np.int64) @ weights.astype(np.int64)
    result: Floats = sums.astype(np.float32) * scale + bias
    return result


def floats_product(weights: Floats, inputs: Floats) -> Floats:
    """As the kernel, with weights that are not packed, (inputs, outputs)."""
    total = np.zeros((len(inputs), weights.shape[1]), np.float32)
    for column, row in zip(inputs.T, weights, strict=True):
        # in double precision a product is exact, and rounding the sum twice is once, but for ties
        total = (np.outer(column.astype(np.float64), row) + total).astype(np.float32)
    return total
