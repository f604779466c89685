"""Products of matrices of small integers, exact and faster than those of floats.

A vector instruction of AVX2 multiplies 16 pairs of 16-bit integers and adds neighbours: twice the products of
its float32 counterpart. Sixteen outputs of four rows of the batch are summed in registers, so that a weight
that is loaded is used four times. LLVM does not find this by itself, so that step is written for it here.
Where there is no AVX2, `AVAILABLE` is false and callers use float32, whose sums are the same.
"""

from typing import Any

import numba
import numba.extending
import numpy as np
from llvmlite import binding, ir
from numba.core import cgutils, types
from numpy.typing import NDArray

AVAILABLE = bool(binding.get_host_cpu_features().get("avx2", False)) and not getattr(
    numba.config, "DISABLE_JIT", False
)
ROWS = 4
"""The batch must be a multiple of this."""
_LANES = 8

_WORD, _SUM, _INDEX = ir.IntType(16), ir.IntType(32), ir.IntType(64)
_WORDS, _SUMS = ir.VectorType(_WORD, 2 * _LANES), ir.VectorType(_SUM, _LANES)


def pack(weights: NDArray[Any]) -> NDArray[np.int16]:
    """Return integer weights, (inputs, outputs), as (outputs / 8, inputs / 2, 8, 2) for `integer_product`.

    Where the sizes do not fit, or there is no AVX2, an empty array.
    """
    inputs, outputs = weights.shape
    if not AVAILABLE or inputs % 2 or outputs % _LANES:
        return np.empty((0, 0, _LANES, 2), np.int16)
    blocks = weights.astype(np.int16).reshape(inputs // 2, 2, outputs // _LANES, _LANES)
    return np.ascontiguousarray(blocks.transpose(2, 0, 3, 1))


def _tile(blocks: int) -> Any:
    """Return an intrinsic that sums `blocks` x 8 outputs of `ROWS` rows of the batch, all inputs of them."""

    def intrinsic(
        typing_context: Any, packed: Any, block: Any, pairs: Any, levels: Any, row: Any, sums: Any
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            if not AVAILABLE:
                return context.get_dummy_value()
            packed, block, pairs, levels, row, sums = arguments
            kinds = signature.args
            weights = context.make_array(kinds[0])(context, builder, packed).data
            inputs = context.make_array(kinds[3])(context, builder, levels).data
            results = context.make_array(kinds[5])(context, builder, sums)
            outputs = builder.extract_value(results.shape, 1)
            kind = ir.FunctionType(_SUMS, [_WORDS, _WORDS])
            multiply = cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
                builder.module, kind, "llvm.x86.avx2.pmadd.wd"
            )

            def number(value: int) -> Any:
                return ir.Constant(_INDEX, value)

            def at(data: Any, *terms: Any) -> Any:
                for term in terms:
                    data = builder.gep(data, [term])
                return data

            before = builder.block
            loop, after = builder.append_basic_block("pairs"), builder.append_basic_block("done")
            builder.branch(loop)
            builder.position_at_end(loop)
            step = builder.phi(_INDEX)
            step.add_incoming(number(0), before)
            totals = [[builder.phi(_SUMS) for _ in range(ROWS)] for _ in range(blocks)]
            columns = []
            for index in range(blocks):
                begin = builder.mul(builder.add(block, number(index)), pairs)
                place = at(weights, builder.mul(builder.add(begin, step), number(2 * _LANES)))
                column = builder.load(builder.bitcast(place, _WORDS.as_pointer()))
                column.align = 2
                columns.append(column)
            grown: list[list[Any]] = [[] for _ in range(blocks)]
            nothing = ir.Constant(_SUMS, ir.Undefined)
            for item in range(ROWS):
                begin = builder.mul(builder.add(row, number(item)), pairs)
                place = at(inputs, builder.mul(builder.add(begin, step), number(2)))
                pair = builder.load(builder.bitcast(place, _SUM.as_pointer()))
                pair.align = 2
                spread = builder.insert_element(nothing, pair, ir.Constant(_SUM, 0))
                lanes = ir.Constant(ir.VectorType(_SUM, _LANES), [0] * _LANES)
                spread = builder.bitcast(builder.shuffle_vector(spread, nothing, lanes), _WORDS)
                for index in range(blocks):
                    product = builder.call(multiply, [spread, columns[index]])
                    grown[index].append(builder.add(totals[index][item], product))
            following = builder.add(step, number(1))
            step.add_incoming(following, loop)
            for index in range(blocks):
                for total, new in zip(totals[index], grown[index], strict=True):
                    total.add_incoming(ir.Constant(_SUMS, [0] * _LANES), before)
                    total.add_incoming(new, loop)
            builder.cbranch(builder.icmp_signed("<", following, pairs), loop, after)
            builder.position_at_end(after)
            for index in range(blocks):
                for item in range(ROWS):
                    begin = builder.mul(builder.add(row, number(item)), outputs)
                    column = builder.mul(builder.add(block, number(index)), number(_LANES))
                    place = at(results.data, begin, column)
                    builder.store(grown[index][item], builder.bitcast(place, _SUMS.as_pointer())).align = 4
            return context.get_dummy_value()

        size = types.intp
        return types.void(packed, size, size, levels, size, sums), generate

    return numba.extending.intrinsic(intrinsic)


_two_blocks, _one_block = _tile(2), _tile(1)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def integer_product(packed: NDArray[np.int16], levels: NDArray[np.int16], sums: NDArray[np.int32]) -> None:
    """Multiply matrices; only where `AVAILABLE`.

    Parameters
    ----------
    packed
        Weights from `pack`.
    levels
        (batch, inputs), contiguous; the batch is a multiple of `ROWS`.
    sums
        (batch, outputs), contiguous, written. No sum may be beyond 32 bits.
    """
    blocks, pairs = packed.shape[0], packed.shape[1]
    even = blocks - blocks % 2
    for block in range(0, even, 2):
        for row in range(0, levels.shape[0], ROWS):
            _two_blocks(packed, block, pairs, levels, row, sums)
    for block in range(even, blocks):
        for row in range(0, levels.shape[0], ROWS):
            _one_block(packed, block, pairs, levels, row, sums)


def integer_product_reference(weights: NDArray[Any], levels: NDArray[np.int16]) -> NDArray[np.int32]:
    """Return the product with weights that are not packed, (inputs, outputs)."""
    product = levels.astype(np.int64) @ weights.astype(np.int64)
    return product.astype(np.int32)
