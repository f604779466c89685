"""Writes weights as libopus's networks take them: layers in its arrays, arrays in its blob.

The inverse of `testbed.kernels.weights`. A layer of 8-bit weights is quantized as libopus's exporter does
(``dnn/torch/weight-exchange``): per output one scale, as small as the largest weight and the largest sum of
two neighbours allow, since vector instructions add products of neighbours in 16 bits.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.errors import CodecError
from testbed.kernels.tiles import HIGHEST_LEVEL
from testbed.kernels.weights import (
    BLOCK_INPUTS,
    BLOCK_OUTPUTS,
    HEAD,
    MAGIC,
    TYPES,
    VERSION,
    Arrays,
    Floats,
)

BLOCK_BYTES = 64
_KINDS = {dtype.str: kind for kind, dtype in TYPES.items()}
_HIGHEST = 127
_HIGHEST_PAIR = 32767 // HIGHEST_LEVEL


def blob(arrays: Arrays) -> bytes:
    """Return a weights blob, which `testbed.kernels.weights.parse_blob` reads.

    Parameters
    ----------
    arrays
        One-dimensional float32, int32 or int8 arrays by name, of at least one number each.

    Raises
    ------
    CodecError
        An array is of another kind, is empty, or has a name of more than 43 letters.
    """
    records = []
    for name, array in arrays.items():
        kind = _KINDS.get(array.dtype.newbyteorder("<").str)
        if kind is None or array.ndim != 1 or not array.size or len(name) > 43 or not name.isascii():
            raise CodecError(f"a blob cannot hold the array {name[:60]!r} of {array.dtype}, {array.shape}")
        data = array.astype(array.dtype.newbyteorder("<")).tobytes()
        size = -(-len(data) // BLOCK_BYTES) * BLOCK_BYTES
        head = HEAD.pack(MAGIC, VERSION, kind, len(data), size, name.encode())
        records.append(head + data.ljust(size, b"\0"))
    return b"".join(records)


def float_layer(name: str, weights: Floats, bias: Floats) -> dict[str, NDArray[Any]]:
    """Return the arrays of a layer whose weights stay float32.

    Parameters
    ----------
    name
        Name of the layer.
    weights
        float (inputs, outputs).
    bias
        float (outputs,).
    """
    return {
        f"{name}_weights_float": np.ascontiguousarray(weights, np.float32).reshape(-1),
        f"{name}_bias": np.array(bias, np.float32),
    }


def integer_layer(name: str, weights: Floats, bias: Floats, is_sparse: bool) -> dict[str, NDArray[Any]]:
    """Return the arrays of a layer whose weights become 8-bit.

    Parameters
    ----------
    name, weights, bias
        As of `float_layer`; multiples of 4 inputs and 8 outputs.
    is_sparse
        Whether blocks of 4 inputs and 8 outputs that are 0 are left out. libopus expects some layers in this
        form, and the others in full.

    Raises
    ------
    CodecError
        The weights are of another size, or not finite.
    """
    inputs, outputs = weights.shape
    if inputs % BLOCK_INPUTS or outputs % BLOCK_OUTPUTS or not np.isfinite(weights).all():
        raise CodecError(
            f"the layer {name!r} of {inputs} inputs and {outputs} outputs cannot be in blocks of "
            f"{BLOCK_INPUTS} and {BLOCK_OUTPUTS} finite numbers"
        )
    exact = np.asarray(weights, np.float64)
    levels, scale = _quantized(exact)
    shape = (inputs // BLOCK_INPUTS, BLOCK_INPUTS, outputs // BLOCK_OUTPUTS, BLOCK_OUTPUTS)
    blocks = levels.astype(np.int8).reshape(shape).transpose(2, 0, 3, 1)
    made: dict[str, NDArray[Any]] = {}
    if is_sparse:
        kept: NDArray[np.bool_] = (blocks != 0).reshape(*blocks.shape[:2], -1).any(axis=2)
        kept[0, 0] |= not kept.any()  # a blob has no empty array
        blocks = blocks[kept]
        index = [number for row in kept for number in (row.sum(), *(BLOCK_INPUTS * np.flatnonzero(row)))]
        made[f"{name}_weights_idx"] = np.array(index, np.int32)
    return {
        f"{name}_weights_int8": blocks.reshape(-1),
        **made,
        f"{name}_subias": (bias - (levels * scale).sum(axis=0)).astype(np.float32),
        f"{name}_scale": (scale / _HIGHEST).astype(np.float32),
        f"{name}_bias": np.array(bias, np.float32),
    }


def _quantized(weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the integers (inputs, outputs) and the scale of each output: their product is the weights."""
    pairs = np.abs(weights[0::2] + weights[1::2]).max(axis=0)
    scale = np.maximum(np.abs(weights).max(axis=0) / _HIGHEST, pairs / _HIGHEST_PAIR)
    levels = np.rint(weights / np.where(scale > 0, scale, 1))
    # two that were rounded away from 0 may exceed the sum: the larger gives way
    even, odd = levels[0::2], levels[1::2]
    excess = np.abs(even + odd) > _HIGHEST_PAIR
    gives_way = excess & (np.abs(even) >= np.abs(odd))
    even -= np.where(gives_way, np.sign(even), 0)
    odd -= np.where(excess & ~gives_way, np.sign(odd), 0)
    return levels, scale
