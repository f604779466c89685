"""Matrix products in tiles of vector registers (AVX2 and FMA), with libopus's sums.

Sixteen outputs of four rows of the batch are summed in registers, so each weight that is loaded is used four
times. LLVM does not find this by itself, so it is written as an intrinsic. 8-bit numbers are multiplied with
libopus's instructions (``vec_avx.h`` of libopus 1.6): one multiplies 32 pairs and adds neighbours to 16 bits,
the next adds these to 32. Floats are multiplied and added with one rounding, input by input, for any batch.

If the processor lacks these, or the JIT is off, `AVAILABLE` is false and callers use plain products.
"""

from typing import Any

import numba
import numba.extending
import numpy as np
from llvmlite import binding, ir
from numba.core import cgutils, types
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_features = binding.get_host_cpu_features()
AVAILABLE = all(_features.get(name, False) for name in ("avx2", "fma")) and not getattr(
    numba.config, "DISABLE_JIT", False
)
HIGHEST_LEVEL = 254
"""Beyond it a sum of two products could leave 16 bits."""
_HIGHEST_PAIR = 32767 // HIGHEST_LEVEL
_ROWS = 4
_LANES = 8
_LEVELS = 4
_HIGHEST_BYTE = 127
_STEP_BYTES = 32

_BYTE, _WORD, _SUM, _INDEX, _FLOAT = (
    ir.IntType(8),
    ir.IntType(16),
    ir.IntType(32),
    ir.IntType(64),
    ir.FloatType(),
)
_BYTES, _WORDS, _SUMS, _FLOATS = (
    ir.VectorType(kind, count) for kind, count in ((_BYTE, 32), (_WORD, 16), (_SUM, 8), (_FLOAT, 8))
)


def unpacked() -> NDArray[np.uint8]:
    """Return the placeholder for weights that cannot be packed."""
    return np.empty((0, 0, _STEP_BYTES), np.uint8)


def pack_integers(weights: NDArray[Any]) -> NDArray[np.uint8]:
    """Return integer weights, (inputs, outputs), as `levels_product` takes them.

    That is (outputs / 8, inputs / 4, 32): of 8 outputs 4 inputs each. It is empty if the sizes do
    not fit, if products may not (see `HIGHEST_LEVEL`), or if tiles are not `AVAILABLE`.
    """
    inputs, outputs = weights.shape
    if not AVAILABLE or inputs % _LEVELS or outputs % _LANES or np.abs(weights).max() > _HIGHEST_BYTE:
        return unpacked()
    pairs = weights.reshape(inputs // 2, 2, outputs)
    if max(np.maximum(pairs, 0).sum(axis=1).max(), np.maximum(-pairs, 0).sum(axis=1).max()) > _HIGHEST_PAIR:
        return unpacked()
    blocks = weights.astype(np.int8).reshape(inputs // _LEVELS, _LEVELS, outputs // _LANES, _LANES)
    packed = np.ascontiguousarray(blocks.transpose(2, 0, 3, 1)).view(np.uint8)
    return packed.reshape(outputs // _LANES, inputs // _LEVELS, _STEP_BYTES)


def pack_floats(weights: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return weights, (inputs, outputs), as `floats_product` takes them, or an empty array.

    That is the bytes of float32 (outputs / 8, inputs, 8), with zeros for outputs that fill up the last 8.
    """
    inputs, outputs = weights.shape
    if not AVAILABLE:
        return unpacked()
    padded = np.pad(weights, ((0, 0), (0, -outputs % _LANES))).astype(np.float32)
    blocks = padded.reshape(inputs, -1, _LANES).transpose(1, 0, 2)
    return np.ascontiguousarray(blocks).view(np.uint8)


def _load(builder: Any, array: Any, place: Any, kind: Any) -> Any:
    value = builder.load(builder.bitcast(builder.gep(array.data, [place]), kind.as_pointer()))
    value.align = 1
    return value


def _call(builder: Any, name: str, result: Any, *values: Any) -> Any:
    kind = ir.FunctionType(result, [value.type for value in values])
    find: Any = cgutils.get_or_insert_function
    return builder.call(find(builder.module, kind, name), values)


def _everywhere(builder: Any, value: Any) -> Any:
    """Return a vector of eight times the same value."""
    nothing = ir.Constant(ir.VectorType(value.type, _LANES), ir.Undefined)
    spread = builder.insert_element(nothing, value, ir.Constant(_SUM, 0))
    return builder.shuffle_vector(spread, nothing, ir.Constant(ir.VectorType(_SUM, _LANES), [0] * _LANES))


def _grow_floats(builder: Any, total: Any, value: Any, weights: Any) -> Any:
    return _call(builder, "llvm.fma.v8f32", _FLOATS, value, weights, total)


def _grow_levels(builder: Any, total: Any, value: Any, weights: Any) -> Any:
    """Add products of four levels, the same for each of eight outputs, and their weights."""
    value, weights = builder.bitcast(value, _BYTES), builder.bitcast(weights, _BYTES)
    pairs = _call(builder, "llvm.x86.avx2.pmadd.ub.sw", _WORDS, value, weights)
    fours = _call(builder, "llvm.x86.avx2.pmadd.wd", _SUMS, pairs, ir.Constant(_WORDS, [1] * 16))
    return builder.add(total, fours)


def _tile(blocks: int, floats: bool) -> Any:
    """Return an intrinsic that computes `blocks` x 8 outputs of `_ROWS` rows of the batch, over all inputs.

    Rows beyond the last are the last one again. Sums of levels are scaled, and the bias added.
    """
    lanes, element = (_FLOATS, _FLOAT) if floats else (_SUMS, _SUM)
    grow, per_step = (_grow_floats, 1) if floats else (_grow_levels, _LEVELS)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if not AVAILABLE:
            return context.get_dummy_value()
        packed, inputs, scale, bias, out = (
            context.make_array(signature.args[place])(context, builder, arguments[place])
            for place in (0, 2, 4, 5, 6)
        )
        first_block, first_row = arguments[1], arguments[3]
        columns = [builder.add(first_block, _INDEX(index)) for index in range(blocks)]
        steps = builder.extract_value(packed.shape, 1)
        begins = [builder.mul(column, steps) for column in columns]
        last, rows = builder.sub(builder.extract_value(inputs.shape, 0), _INDEX(1)), []
        for item in range(_ROWS):
            row = builder.add(first_row, _INDEX(item))
            rows.append(builder.select(builder.icmp_signed("<", row, last), row, last))
        starts = [builder.mul(row, builder.mul(steps, _INDEX(per_step))) for row in rows]
        nothing = ir.Constant(lanes, [0] * _LANES)
        variable: Any = cgutils.alloca_once_value
        totals = [[variable(builder, nothing) for _ in rows] for _ in columns]
        with cgutils.for_range(builder, steps) as loop:
            places = [builder.mul(builder.add(begin, loop.index), _INDEX(_STEP_BYTES)) for begin in begins]
            weights = [_load(builder, packed, place, lanes) for place in places]
            for item, start in enumerate(starts):
                place = builder.add(start, builder.mul(loop.index, _INDEX(per_step)))
                value = _everywhere(builder, _load(builder, inputs, place, element))
                for index in range(blocks):
                    total = totals[index][item]
                    builder.store(grow(builder, builder.load(total), value, weights[index]), total)
        for index, column in enumerate(columns):
            begin = builder.mul(column, _INDEX(_LANES))
            for item, row in enumerate(rows):
                result = builder.load(totals[index][item])
                if not floats:
                    result = builder.fmul(
                        builder.sitofp(result, _FLOATS), _load(builder, scale, begin, _FLOATS)
                    )
                    result = builder.fadd(result, _load(builder, bias, begin, _FLOATS))
                place = builder.add(builder.mul(row, builder.extract_value(out.shape, 1)), begin)
                target = builder.bitcast(builder.gep(out.data, [place]), _FLOATS.as_pointer())
                builder.store(result, target).align = 4
        return context.get_dummy_value()

    def intrinsic(
        typing_context: Any, packed: Any, block: Any, inputs: Any, row: Any, scale: Any, bias: Any, out: Any
    ) -> Any:
        return types.void(packed, types.intp, inputs, types.intp, scale, bias, out), generate

    return numba.extending.intrinsic(intrinsic)


_two_of_levels, _one_of_levels = _tile(2, False), _tile(1, False)
_two_of_floats, _one_of_floats = _tile(2, True), _tile(1, True)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def levels_product(
    packed: NDArray[np.uint8], levels: NDArray[np.uint8], scale: Floats, bias: Floats, out: Floats
) -> None:
    """Multiply levels by integer weights, exactly, then scale and add; only where `AVAILABLE`.

    Parameters
    ----------
    packed
        Weights from `pack_integers`.
    levels
        (batch, inputs), contiguous, at most `HIGHEST_LEVEL`.
    scale, bias
        float32 (outputs,).
    out
        float32 (batch, outputs), contiguous, written.
    """
    blocks = packed.shape[0]
    even = blocks - blocks % 2
    for block in range(0, even, 2):
        for row in range(0, levels.shape[0], _ROWS):
            _two_of_levels(packed, block, levels, row, scale, bias, out)
    for block in range(even, blocks):
        for row in range(0, levels.shape[0], _ROWS):
            _one_of_levels(packed, block, levels, row, scale, bias, out)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def floats_product(packed: NDArray[np.uint8], inputs: Floats, out: Floats) -> None:
    """Multiply floats, summed in input order with one rounding per input; only where `AVAILABLE`.

    Parameters
    ----------
    packed
        Weights from `pack_floats`.
    inputs
        float32 (batch, inputs), contiguous.
    out
        float32 (batch, 8 packed.shape[0]), contiguous, written: the outputs, and zeros that fill it up.
    """
    blocks = packed.shape[0]
    even = blocks - blocks % 2
    for block in range(0, even, 2):
        for row in range(0, inputs.shape[0], _ROWS):
            _two_of_floats(packed, block, inputs, row, out, out, out)
    for block in range(even, blocks):
        for row in range(0, inputs.shape[0], _ROWS):
            _one_of_floats(packed, block, inputs, row, out, out, out)
