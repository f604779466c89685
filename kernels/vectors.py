"""Vectors of 16 floats in the code that LLVM makes of the matrix products, which it splits where needed."""

from typing import Any

import numba
from llvmlite import binding, ir

LANES = 16
INDEX = ir.IntType(64)
VECTOR = ir.VectorType(ir.FloatType(), LANES)
_config: Any = numba.config
_features = binding.get_host_cpu_features()
HAS_WIDE_REGISTERS = bool(_features.get("avx512f", False))
"""Whether a register holds a whole vector."""
HAS_TILES = not _config.DISABLE_JIT and any(_features.get(name, False) for name in ("fma", "neon"))
"""Whether the processor adds a product with one rounding, and the JIT is on."""


def rows_of_tile(builder: Any, array: Any, first: Any, count: int) -> list[Any]:
    """Return `count` rows of an array from the row `first` on; those beyond the last are the last again."""
    last, rows = builder.sub(builder.extract_value(array.shape, 0), INDEX(1)), []
    for item in range(count):
        row = builder.add(first, INDEX(item))
        rows.append(builder.select(builder.icmp_signed("<", row, last), row, last))
    return rows


def vector_at(builder: Any, data: Any, place: Any) -> Any:
    """Return the address of a vector that begins at a number of an array."""
    return builder.bitcast(builder.gep(data, [place]), VECTOR.as_pointer())


def load(builder: Any, address: Any) -> Any:
    """Return the vector at an address, which need not be a multiple of its size."""
    value = builder.load(address)
    value.align = 4
    return value


def everywhere(builder: Any, value: Any) -> Any:
    """Return a vector of the same value."""
    nothing, index = ir.Constant(VECTOR, ir.Undefined), ir.IntType(32)
    one = builder.insert_element(nothing, value, ir.Constant(index, 0))
    return builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(index, LANES), [0] * LANES))
