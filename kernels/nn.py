"""Layers of libopus's neural networks, in batches (``dnn/nnet.c`` and ``vec_avx.h`` of libopus 1.6).

Arrays are float32, batch first. As in libopus, layers with 8-bit weights quantize their inputs to 8 bits: the
level ``round(127 x + 127)``, halves to even, limited to 0 and 255. Levels and weights are integers whose sums
are exact in float32, so a matrix product gives libopus's sum in any order and for any batch. The few float
layers are summed in libopus's order. Activations are libopus's rational tanh and sigmoid, with the
processor's approximate reciprocal of 12 bits. So on processors with AVX2 and FMA the results are libopus's,
bit by bit. A true division or another order changes some levels, and DRED's features by 0.02.
"""

from typing import Any

import numba
import numba.extending
import numpy as np
from llvmlite import binding, ir
from numba.core import types
from numpy.typing import NDArray

from testbed.kernels.tiles import HIGHEST_LEVEL, floats_product, levels_product
from testbed.kernels.weights import Floats, Linear

LINEAR, SIGMOID, TANH, RELU = 0, 1, 2, 3

_config: Any = numba.config
_WITHOUT_JIT = bool(_config.DISABLE_JIT)
_HAS_RECIPROCAL = bool(binding.get_host_cpu_features().get("avx", False))

# tanh(x) ~ x (a0 + a1 x^2 + a2 x^4) / (b0 + b1 x^2 + b2 x^4), limited to -1 and 1
_A0, _A1, _A2 = np.float32(952.52801514), np.float32(96.39235687), np.float32(0.60863042)
_B0, _B1, _B2 = np.float32(952.72399902), np.float32(413.36801147), np.float32(11.88600922)
# From here on the fraction is beyond 1 (sigmoid: beyond 0.5); higher powers could overflow.
_TANH_FLAT, _SIGMOID_FLAT = np.float32(8), np.float32(16)
# The same for sigmoid(x) - 1/2
_S0, _S1, _S2 = np.float32(238.13200378), np.float32(6.02452230), np.float32(0.00950985)
_T0, _T1, _T2 = np.float32(952.72399902), np.float32(103.34200287), np.float32(0.74287558)
_ZERO, _HALF, _ONE, _LEVEL_ZERO, _LEVEL_TOP = (
    np.float32(0),
    np.float32(0.5),
    np.float32(1),
    np.float32(127),
    np.float32(255),
)


def _eight_reciprocals(typing_context: Any, array: Any, start: Any) -> Any:
    """Replace eight numbers of a contiguous float32 array by their approximate reciprocals."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        eight = ir.VectorType(ir.FloatType(), 8)
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.bitcast(builder.gep(data, [arguments[1]]), eight.as_pointer())
        values = builder.load(place)
        values.align = 4
        if _HAS_RECIPROCAL:
            kind = ir.FunctionType(eight, [eight])
            function = builder.module.declare_intrinsic("llvm.x86.avx.rcp.ps.256", (), kind)
            inverse = builder.call(function, [values])
        else:
            inverse = builder.fdiv(ir.Constant(eight, [1.0] * 8), values)
        builder.store(inverse, place).align = 4
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


_reciprocal_of_eight: Any = numba.extending.intrinsic(_eight_reciprocals)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def reciprocals(values: NDArray[np.float32]) -> None:
    """Replace numbers by their reciprocals as libopus's vector code computes them on this processor.

    Parameters
    ----------
    values
        float32, contiguous, a multiple of 8 of them.
    """
    if _WITHOUT_JIT:
        values[:] = _ONE / values
    else:
        for start in range(0, values.size - 7, 8):
            _reciprocal_of_eight(values, start)


@numba.njit(cache=True, nogil=True, fastmath={"contract"}, parallel=False)
def _tanh(values: Floats, inverse: Floats) -> None:
    """Apply tanh; `inverse` is room for it, a multiple of 8 and at least as long."""
    for i in range(values.size):
        x = values[i]
        x = x if x < _TANH_FLAT else _TANH_FLAT
        x = x if x > -_TANH_FLAT else -_TANH_FLAT
        square = x * x
        values[i] = ((_A2 * square + _A1) * square + _A0) * x
        inverse[i] = (_B2 * square + _B1) * square + _B0
    reciprocals(inverse)
    for i in range(values.size):
        values[i] = max(-_ONE, min(_ONE, values[i] * inverse[i]))


@numba.njit(cache=True, nogil=True, fastmath={"contract"}, parallel=False)
def _sigmoid(values: Floats, inverse: Floats) -> None:
    """Apply the sigmoid; see `_tanh`."""
    for i in range(values.size):
        x = values[i]
        x = x if x < _SIGMOID_FLAT else _SIGMOID_FLAT
        x = x if x > -_SIGMOID_FLAT else -_SIGMOID_FLAT
        square = x * x
        values[i] = ((_S2 * square + _S1) * square + _S0) * x
        inverse[i] = (_T2 * square + _T1) * square + _T0
    reciprocals(inverse)
    for i in range(values.size):
        values[i] = max(_ZERO, min(_ONE, values[i] * inverse[i] + _HALF))


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _room(width: int) -> Floats:
    """Return ones, a multiple of 8 and at least `width` of them."""
    return np.ones((width + 7) // 8 * 8, np.float32)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def activate(values: Floats, kind: int) -> None:
    """Apply an activation in place.

    Parameters
    ----------
    values
        float32 (batch, width); finite afterwards for TANH and SIGMOID, for any input.
    kind
        `LINEAR`, `SIGMOID`, `TANH` or `RELU`.
    """
    batch, width = values.shape
    room = _room(width)
    for row in range(batch):
        if kind == TANH:
            _tanh(values[row], room)
        elif kind == SIGMOID:
            _sigmoid(values[row], room)
        elif kind == RELU:
            for column in range(width):
                values[row, column] = max(_ZERO, values[row, column])


@numba.njit(cache=True, nogil=True, fastmath={"contract"}, parallel=False)
def _levels(inputs: Floats, levels: NDArray[np.uint8]) -> bool:
    """Write 8-bit levels; return whether tiles can multiply them.

    `contract` makes the product and sum round once, as libopus's do.
    """
    highest = np.uint8(0)
    for row in range(inputs.shape[0]):
        for column in range(inputs.shape[1]):
            level = inputs[row, column] * _LEVEL_ZERO + _LEVEL_ZERO
            level = level if level < _LEVEL_TOP else _LEVEL_TOP
            level = level if level > _ZERO else _ZERO
            whole = np.uint8(np.rint(level))
            levels[row, column] = whole
            highest = max(highest, whole)
    return bool(highest <= HIGHEST_LEVEL)


@numba.njit(cache=True, nogil=True, fastmath={"contract"}, parallel=False)
def product(inputs: Floats, weights: Floats, packed: NDArray[np.uint8]) -> Floats:
    """Multiply float matrices as libopus does: sums in input order, rounded once per input.

    Parameters
    ----------
    inputs
        float32 (batch, inputs), of any strides.
    weights
        float32 (inputs, outputs).
    packed
        The same weights from `testbed.kernels.tiles.pack_floats`.

    Returns
    -------
    array
        float32 (batch, outputs), new.
    """
    batch, width = inputs.shape
    outputs = weights.shape[1]
    if packed.size > 0:
        wide = np.empty((batch, 8 * packed.shape[0]), np.float32)
        floats_product(packed, np.ascontiguousarray(inputs), wide)
        return wide if wide.shape[1] == outputs else wide[:, :outputs].copy()
    result = np.zeros((batch, outputs), np.float32)
    for row in range(batch):
        for column in range(width):
            value = inputs[row, column]
            for output in range(outputs):
                result[row, output] += value * weights[column, output]
    return result


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def linear(layer: Linear, inputs: Floats) -> Floats:
    """Compute an affine layer.

    Parameters
    ----------
    layer
        From `testbed.kernels.weights.linear`.
    inputs
        float32 (batch, inputs), of any strides. Where the layer quantizes, values beyond -1 and 1 + 1/127 are
        limited to these.

    Returns
    -------
    array
        float32 (batch, outputs), new.
    """
    batch, outputs = inputs.shape[0], layer.bias.size
    result = np.empty((batch, outputs), np.float32)
    if layer.quantized:
        levels = np.empty(inputs.shape, np.uint8)
        if _levels(inputs, levels) and layer.packed.size > 0:
            levels_product(layer.packed, levels, layer.scale, layer.bias, result)
            return result
        sums: Floats = np.dot(levels.astype(np.float32) - _LEVEL_ZERO, layer.weights)
    else:
        sums = product(inputs, layer.weights, layer.packed)
    for row in range(batch):
        for column in range(outputs):
            total = sums[row, column] + layer.offset[column]
            result[row, column] = total * layer.scale[column] + layer.bias[column]
    return result


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def dense(layer: Linear, inputs: Floats, kind: int) -> Floats:
    """Compute a layer with an activation; see `linear` and `activate`."""
    result = linear(layer, inputs)
    activate(result, kind)
    return result


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def gru(input_layer: Linear, recurrent_layer: Linear, state: Floats, inputs: Floats) -> None:
    """Compute one step of a gated recurrent unit.

    Parameters
    ----------
    input_layer, recurrent_layer
        Both of 3 N outputs: update gate, reset gate, candidate.
    state
        float32 (batch, N); overwritten.
    inputs
        float32 (batch, inputs); must not share memory with `state`.
    """
    batch, units = state.shape
    gates, recurrent = linear(input_layer, inputs), linear(recurrent_layer, state)
    room = _room(2 * units)
    for row in range(batch):
        held, both, candidate = state[row], gates[row, : 2 * units], gates[row, 2 * units :]
        old_both, old_candidate = recurrent[row, : 2 * units], recurrent[row, 2 * units :]
        for i in range(2 * units):
            both[i] += old_both[i]
        _sigmoid(both, room)
        update, reset = both[:units], both[units:]
        for i in range(units):
            candidate[i] += old_candidate[i] * reset[i]
        _tanh(candidate, room)
        for i in range(units):
            held[i] = update[i] * held[i] + (_ONE - update[i]) * candidate[i]


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def put(source: Floats, target: Floats, begin: int) -> None:
    """Copy float32 (batch, width) into the columns of a wider array, from `begin` on."""
    for row in range(source.shape[0]):
        part = target[row, begin : begin + source.shape[1]]
        for i in range(source.shape[1]):
            part[i] = source[row, i]


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def glu(layer: Linear, inputs: Floats) -> Floats:
    """Gate each input by a sigmoid of all of them: float32 (batch, N) to (batch, N), new."""
    gate = linear(layer, inputs)
    activate(gate, SIGMOID)
    for row in range(gate.shape[0]):
        for column in range(gate.shape[1]):
            gate[row, column] *= inputs[row, column]
    return gate


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def conv1d(layer: Linear, state: NDArray[np.float32], inputs: Floats, dilation: int, kind: int) -> Floats:
    """Compute one step of a causal convolution in time.

    Parameters
    ----------
    layer
        Of taps x channels inputs, oldest tap first.
    state
        float32 (batch, dilation (taps - 1), channels): the inputs before, oldest first; shifted by one.
    inputs
        float32 (batch, channels).
    dilation
        Steps between two taps.
    kind
        Activation.

    Returns
    -------
    array
        float32 (batch, outputs), new.
    """
    batch, channels = inputs.shape
    held = state.shape[1]
    taps = held // dilation + 1
    window = np.empty((batch, taps * channels), np.float32)
    for row in range(batch):
        for tap in range(taps):
            seen = window[row, tap * channels : (tap + 1) * channels]
            for i in range(channels):
                seen[i] = state[row, tap * dilation, i] if tap < taps - 1 else inputs[row, i]
        for step in range(held):
            for i in range(channels):
                state[row, step, i] = state[row, step + 1, i] if step < held - 1 else inputs[row, i]
    return dense(layer, window, kind)
