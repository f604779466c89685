"""Matrix products with weights in columns of 16 outputs, of which most may be absent, in float32.

A column holds the weights of 16 neighbouring outputs for one input; LPCNet's sparse unit keeps a tenth of
them (Kalchbrenner et al., "Efficient neural audio synthesis", 2018). Several rows of the batch are summed at
once, in registers, so that each weight that is loaded is used for all of them. Sums are in the order of the
columns for any batch, with one rounding per product where the processor has an instruction for that.
"""

from typing import Any, NamedTuple

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

_ROWS = 8 if HAS_WIDE_REGISTERS else 4  # as many as the registers hold


class Blocks(NamedTuple):
    """Weights in columns of 16 outputs.

    Attributes
    ----------
    weights
        float32 (columns, 16).
    inputs
        int64 (columns,): the input of each.
    begins
        int64 (outputs / 16 + 1,): the first column of each 16 outputs, then the number of columns.
    """

    weights: Floats
    inputs: NDArray[np.int64]
    begins: NDArray[np.int64]


def dense_blocks(weights: Floats) -> Blocks:
    """Return weights (inputs, outputs), outputs a multiple of 16, as blocks without gaps."""
    inputs, outputs = weights.shape
    blocks = outputs // LANES
    columns = weights.reshape(inputs, blocks, LANES).transpose(1, 0, 2).reshape(-1, LANES)
    return Blocks(
        columns.copy(),
        np.tile(np.arange(inputs), blocks),
        np.arange(blocks + 1) * inputs,
    )


def outputs_of(blocks: Blocks, begin: int, end: int) -> Blocks:
    """Return the part of blocks that gives outputs `begin` to `end`, multiples of 16."""
    begins = blocks.begins[begin // LANES : end // LANES + 1]
    columns = slice(begins[0], begins[-1])
    return Blocks(blocks.weights[columns], blocks.inputs[columns], begins - begins[0])


def _tile(
    typing_context: Any,
    weights: Any,
    columns: Any,
    begin: Any,
    end: Any,
    inputs: Any,
    row: Any,
    out: Any,
    block: Any,
) -> Any:
    """Add columns `begin` to `end` to 16 outputs of `_ROWS` rows; rows beyond the last are the last again."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        packed, chosen, given, sums = (
            context.make_array(signature.args[position])(context, builder, arguments[position])
            for position in (0, 1, 4, 6)
        )
        first, stop, first_row, first_block = (arguments[position] for position in (2, 3, 5, 7))
        width, outputs = (builder.extract_value(array.shape, 1) for array in (given, sums))
        rows = rows_of_tile(builder, given, first_row, _ROWS)
        starts = [builder.mul(row, width) for row in rows]
        begin_output = builder.mul(first_block, INDEX(LANES))
        targets = [
            vector_at(builder, sums.data, builder.add(builder.mul(row, outputs), begin_output))
            for row in rows
        ]
        variable: Any = cgutils.alloca_once_value
        totals = [variable(builder, load(builder, target)) for target in targets]
        kind = ir.FunctionType(VECTOR, [VECTOR] * 3)
        find: Any = cgutils.get_or_insert_function
        fma = find(builder.module, kind, f"llvm.fma.v{LANES}f32")
        with cgutils.for_range_slice(builder, first, stop, INDEX(1)) as (column, _):
            weight = load(builder, vector_at(builder, packed.data, builder.mul(column, INDEX(LANES))))
            source = builder.load(builder.gep(chosen.data, [column]))
            for start, total in zip(starts, totals, strict=True):
                value = builder.load(builder.gep(given.data, [builder.add(start, source)]))
                value = everywhere(builder, value)
                builder.store(builder.call(fma, [value, weight, builder.load(total)]), total)
        for target, total in zip(targets, totals, strict=True):
            builder.store(builder.load(total), target).align = 4
        return context.get_dummy_value()

    kinds = (weights, columns, types.intp, types.intp, inputs, types.intp, out, types.intp)
    return types.void(*kinds), generate


_add_tile: Any = numba.extending.intrinsic(_tile)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def add_product(blocks: Blocks, inputs: Floats, out: Floats) -> None:
    """Add a matrix product to `out`.

    Parameters
    ----------
    blocks
        The weights.
    inputs
        (rows, inputs), contiguous, at least one row; must not share memory with `out`.
    out
        (rows, outputs), contiguous: increased by the product.
    """
    for block in range(blocks.begins.size - 1):
        begin, end = blocks.begins[block], blocks.begins[block + 1]
        if HAS_TILES:
            for row in range(0, inputs.shape[0], _ROWS):
                _add_tile(blocks.weights, blocks.inputs, begin, end, inputs, row, out, block)
        else:
            for row in range(inputs.shape[0]):
                for column in range(begin, end):
                    value = inputs[row, blocks.inputs[column]]
                    for lane in range(LANES):
                        out[row, LANES * block + lane] += value * blocks.weights[column, lane]
