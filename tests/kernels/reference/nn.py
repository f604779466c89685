"""Plain version of `testbed.kernels.nn`: on the blob's arrays in libopus's own layout, with integer sums."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.kernels.nn import LINEAR, RELU, SIGMOID, TANH, reciprocals
from testbed.kernels.weights import Floats

Raw = Mapping[str, NDArray[Any]]


Reciprocal = Callable[[Floats], Floats]


def host_reciprocal(values: Floats) -> Floats:
    """Return the reciprocals that libopus's vector code gets on this processor."""
    padded = np.ones(-(-values.size // 8) * 8, np.float32)
    padded[: values.size] = values.ravel()
    reciprocals(padded)
    return padded[: values.size].reshape(values.shape)


def exact_reciprocal(values: Floats) -> Floats:
    """Return 1 / values, rounded to float32."""
    return (np.float32(1) / values).astype(np.float32)


def _fused(a: Floats, b: Floats | np.float32, c: Floats | np.float32) -> Floats:
    """Return a b + c in float32 with one rounding (but for ties of the second one)."""
    return (a.astype(np.float64) * np.asarray(b, np.float64) + np.asarray(c, np.float64)).astype(np.float32)


def activate(values: Floats, kind: int, reciprocal: Reciprocal = host_reciprocal) -> Floats:
    """As the kernel on finite numbers, as AVX2 code does it."""
    x = np.asarray(values, np.float32)
    if kind == RELU:
        return np.asarray(np.maximum(x, 0))
    if kind == LINEAR:
        return x.copy()
    tanh = kind == TANH
    # Beyond this nothing changes, and the sixth power stays within float32.
    x = np.clip(x, -1e3, 1e3).astype(np.float32)
    top = (0.60863042, 96.39235687, 952.52801514) if tanh else (0.00950985, 6.02452230, 238.13200378)
    under = (11.88600922, 413.36801147, 952.72399902) if tanh else (0.74287558, 103.34200287, 952.72399902)
    square = x * x
    fraction = []
    for second, first, constant in (top, under):
        inner = _fused(square, np.float32(second), np.float32(first))
        fraction.append(_fused(inner, square, np.float32(constant)))
    numerator, inverse = fraction[0] * x, reciprocal(fraction[1])
    raw: Floats = numerator * inverse if tanh else _fused(numerator, inverse, np.float32(0.5))
    return np.clip(raw, np.float32(-1 if tanh else 0), np.float32(1))


def linear(arrays: Raw, name: str, inputs: Floats) -> Floats:
    """As the kernel with the layer `name` of a blob's arrays, block by block, on integers."""
    floats = f"{name}_weights_float" in arrays
    bias = arrays[f"{name}_bias" if floats else f"{name}_subias"]
    outputs, width = bias.size, inputs.shape[1]
    blocks = f"{name}_weights_idx" in arrays
    index = iter(arrays[f"{name}_weights_idx"].tolist() if blocks else ())
    if floats:
        weights = arrays[f"{name}_weights_float"]
        total = np.zeros((len(inputs), outputs), np.float32)
        if not blocks:
            for column in range(width):
                total = _fused(inputs[:, [column]], weights[column * outputs : (column + 1) * outputs], total)
            return total + bias
        source, shape = inputs, (-1, 4, 8)
    else:
        levels = np.rint(_fused(np.clip(inputs, -2, 2), np.float32(127), np.float32(127)))
        source = np.clip(levels, 0, 255).astype(np.int64)
        weights, shape = arrays[f"{name}_weights_int8"].astype(np.int64), (-1, 8, 4)
    block = iter(weights.reshape(shape))
    sums = np.zeros((len(inputs), outputs), source.dtype)
    for row in range(0, outputs, 8):
        for position in [next(index) for _ in range(next(index))] if blocks else range(0, width, 4):
            taken = next(block)
            part = source[:, position : position + 4]
            sums[:, row : row + 8] += part @ (taken if shape == (-1, 4, 8) else taken.T)
    if source is inputs:
        return sums + bias
    return sums.astype(np.float32) * arrays[f"{name}_scale"] + bias


def dense(
    arrays: Raw, name: str, inputs: Floats, kind: int, reciprocal: Reciprocal = host_reciprocal
) -> Floats:
    """As the kernel."""
    return activate(linear(arrays, name, inputs), kind, reciprocal)


def gru(
    arrays: Raw, name: str, state: Floats, inputs: Floats, reciprocal: Reciprocal = host_reciprocal
) -> Floats:
    """Return the state after what `gru` does with the layers ``NAME_input`` and ``NAME_recurrent``."""
    of_input = np.split(linear(arrays, f"{name}_input", inputs), 3, axis=1)
    of_state = np.split(linear(arrays, f"{name}_recurrent", state), 3, axis=1)
    update = activate(of_input[0] + of_state[0], SIGMOID, reciprocal)
    reset = activate(of_input[1] + of_state[1], SIGMOID, reciprocal)
    candidate = activate(of_input[2] + of_state[2] * reset, TANH, reciprocal)
    return update * state + (1 - update) * candidate


def glu(arrays: Raw, name: str, inputs: Floats, reciprocal: Reciprocal = host_reciprocal) -> Floats:
    """As the kernel."""
    return inputs * dense(arrays, name, inputs, SIGMOID, reciprocal)


def conv1d(
    arrays: Raw,
    name: str,
    history: Floats,
    dilation: int,
    kind: int,
    reciprocal: Reciprocal = host_reciprocal,
) -> Floats:
    """As the kernel, given all inputs so far, (batch, steps, channels), the new one last."""
    taps = history[:, ::-1][:, ::dilation][:, ::-1]
    return dense(arrays, name, taps.reshape(len(history), -1), kind, reciprocal)
