"""Matrix products in tiles of vector registers, with all sums in the order of the inputs.

Outputs are summed in vectors of 16, which LLVM splits where registers are narrower, for four rows at once, so
each weight that is loaded is used four times. Each product is added with one rounding. Without the
instruction for that, or without the JIT, plain loops do the same with two roundings.
"""

from typing import Any

import numba
import numba.extending
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numpy.typing import NDArray

from testbed.kernels.vectors import (
    HAS_TILES,
    HAS_WIDE_REGISTERS,
    INDEX,
    LANES,
    VECTOR,
    everywhere,
    load,
    rows_of_tile,
    vector_at,
)

Floats = NDArray[np.float32]

_BLOCKS = 4 if HAS_WIDE_REGISTERS else 1  # as many as the registers hold
_ROWS = 4


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
        columns = [builder.add(first_block, INDEX(index)) for index in range(blocks)]
        width = builder.extract_value(packed.shape, 1)
        begins = [builder.mul(column, width) for column in columns]
        rows = rows_of_tile(builder, inputs, first_row, _ROWS)
        starts = [builder.mul(row, width) for row in rows]
        variable: Any = cgutils.alloca_once_value
        zeros = ir.Constant(VECTOR, [0.0] * LANES)
        totals = [[variable(builder, zeros) for _ in rows] for _ in columns]
        kind = ir.FunctionType(VECTOR, [VECTOR] * 3)
        find: Any = cgutils.get_or_insert_function
        fma = find(builder.module, kind, f"llvm.fma.v{LANES}f32")
        with cgutils.for_range(builder, width) as loop:
            places = [builder.mul(builder.add(begin, loop.index), INDEX(LANES)) for begin in begins]
            weights = [load(builder, vector_at(builder, packed.data, place)) for place in places]
            for item, start in enumerate(starts):
                value = builder.load(builder.gep(inputs.data, [builder.add(start, loop.index)]))
                value = everywhere(builder, value)
                for index in range(blocks):
                    total = totals[index][item]
                    builder.store(builder.call(fma, [value, weights[index], builder.load(total)]), total)
        outputs = builder.extract_value(out.shape, 1)
        for index, column in enumerate(columns):
            for item, row in enumerate(rows):
                place = builder.add(builder.mul(row, outputs), builder.mul(column, INDEX(LANES)))
                target = vector_at(builder, out.data, place)
                builder.store(builder.load(totals[index][item]), target).align = 4
        return context.get_dummy_value()

    def intrinsic(typing_context: Any, packed: Any, block: Any, inputs: Any, row: Any, out: Any) -> Any:
        return types.void(packed, types.intp, inputs, types.intp, out), generate

    return numba.extending.intrinsic(intrinsic)


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
    if HAS_TILES:
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
