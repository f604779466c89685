"""Plain version of `testbed.kernels.lossgen`."""

import numpy as np
from numpy.typing import NDArray

from reference import nn
from testbed.kernels.nn import SIGMOID, TANH
from testbed.kernels.weights import Floats


def draw(
    arrays: nn.Raw, rate: float, uniforms: Floats, reciprocal: nn.Reciprocal = nn.exact_reciprocal
) -> NDArray[np.bool_]:
    """As the kernel from a fresh state, on `read_arrays`'s weights."""
    state1, state2 = np.zeros((1, 16), np.float32), np.zeros((1, 32), np.float32)
    lost: list[bool] = []
    for uniform in uniforms:
        inputs = np.array([[lost[-1] if lost else 0, rate]], np.float32)
        inside = nn.dense(arrays, "lossgen_dense_in", inputs, TANH, reciprocal)
        state1 = nn.gru(arrays, "lossgen_gru1", state1, inside, reciprocal)
        state2 = nn.gru(arrays, "lossgen_gru2", state2, state1, reciprocal)
        probability = nn.dense(arrays, "lossgen_dense_out", state2, SIGMOID, reciprocal)
        lost.append(bool(uniform < probability[0, 0]))
    return np.array(lost, np.bool_)
