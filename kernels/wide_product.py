"""Matrix products in tiles of vector registers, with all sums in the order of the inputs.

Outputs are summed in vectors of 16, which LLVM splits where registers are narrower, for four rows at once, so
each weight that is loaded is used four times. Each product is added with one rounding. Without the
instruction for that, or without the JIT, plain loops do the same with two roundings.
"""

from typing import Any

import numba
import numba.extending
import numpy as np
from llvmlite import binding, ir
from numba.core import cgutils, types
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LANES = 16
_config: Any = numba.config
_features = binding.get_host_cpu_features()
_HAS_TILES = not _config.DISABLE_JIT and any(_features.get(name, False) for name in ("fma", "neon"))
_BLOCKS = 4 if _features.get("avx512f", False) else 1  # as many as the registers hold
_ROWS = 4
_INDEX, _FLOAT = ir.IntType(64), ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)


def pack(weights: Floats) -> Floats:
    """Return weights (inputs, outputs), outputs a multiple of 16, as (outputs / 16, inputs, 16)."""
    inputs, outputs = weights.shape
    blocks = weights.reshape(inputs, outputs // LANES, LANES).transpose(1, 0, 2)
    return np.ascontiguousarray(blocks, np.float32)


def _tile(blocks: int) -> Any:
    """Return an intrinsic that computes `blocks` x 16 outputs of four rows.

    Rows beyond the last are the last one again.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        packed, inputs, out = (
            context.make_array(signature.args[place])(context, builder, arguments[place])
            for place in (0, 2, 4)
        )
        first_block, first_row = arguments[1], arguments[3]
        columns = [builder.add(first_block, _INDEX(index)) for index in range(blocks)]
        width = builder.extract_value(packed.shape, 1)
        begins = [builder.mul(column, width) for column in columns]
        last, rows = builder.sub(builder.extract_value(inputs.shape, 0), _INDEX(1)), []
        for item in range(_ROWS):
            row = builder.add(first_row, _INDEX(item))
            rows.append(builder.select(builder.icmp_signed("<", row, last), row, last))
        starts = [builder.mul(row, width) for row in rows]
        variable: Any = cgutils.alloca_once_value
        zeros = ir.Constant(_VECTOR, [0.0] * LANES)
        totals = [[variable(builder, zeros) for _ in rows] for _ in columns]
        kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
        find: Any = cgutils.get_or_insert_function
        fma = find(builder.module, kind, f"llvm.fma.v{LANES}f32")
        with cgutils.for_range(builder, width) as loop:
            weights = [_load(builder, packed, builder.add(begin, loop.index)) for begin in begins]
            for item, start in enumerate(starts):
                value = builder.load(builder.gep(inputs.data, [builder.add(start, loop.index)]))
                value = _everywhere(builder, value)
                for index in range(blocks):
                    total = totals[index][item]
                    builder.store(builder.call(fma, [value, weights[index], builder.load(total)]), total)
        outputs = builder.extract_value(out.shape, 1)
        for index, column in enumerate(columns):
            for item, row in enumerate(rows):
                place = builder.add(builder.mul(row, outputs), builder.mul(column, _INDEX(LANES)))
                target = builder.bitcast(builder.gep(out.data, [place]), _VECTOR.as_pointer())
                builder.store(builder.load(totals[index][item]), target).align = 4
        return context.get_dummy_value()

    def intrinsic(typing_context: Any, packed: Any, block: Any, inputs: Any, row: Any, out: Any) -> Any:
        return types.void(packed, types.intp, inputs, types.intp, out), generate

    return numba.extending.intrinsic(intrinsic)


def _load(builder: Any, packed: Any, vector: Any) -> Any:
    """Load one vector of the packed weights."""
    place = builder.gep(packed.data, [builder.mul(vector, _INDEX(LANES))])
    value = builder.load(builder.bitcast(place, _VECTOR.as_pointer()))
    value.align = 4
    return value


def _everywhere(builder: Any, value: Any) -> Any:
    """Return a vector of the same value."""
    nothing, index = ir.Constant(_VECTOR, ir.Undefined), ir.IntType(32)
    one = builder.insert_element(nothing, value, ir.Constant(index, 0))
    return builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(index, LANES), [0] * LANES))


_many_blocks, _one_block = _tile(_BLOCKS), _tile(1)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def wide_product(packed: Floats, inputs: Floats, out: Floats) -> None:
    """Multiply matrices.

    Parameters
    ----------
    packed
        Weights from `pack`.
    inputs
        (rows, inputs), contiguous, at least one row.
    out
        (rows, outputs), contiguous, written.
    """
    blocks = packed.shape[0]
    if _HAS_TILES:
        even = blocks - blocks % _BLOCKS
        for block in range(0, even, _BLOCKS):
            for row in range(0, inputs.shape[0], _ROWS):
                _many_blocks(packed, block, inputs, row, out)
        for block in range(even, blocks):
            for row in range(0, inputs.shape[0], _ROWS):
                _one_block(packed, block, inputs, row, out)
    else:
        out[:] = 0
        for row in range(inputs.shape[0]):
            for block in range(blocks):
                for place in range(inputs.shape[1]):
                    for lane in range(LANES):
                        out[row, LANES * block + lane] += inputs[row, place] * packed[block, place, lane]
