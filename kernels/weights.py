"""Weights of libopus's neural networks: reads the blob, and makes linear layers of its arrays.

A blob (``dnn/write_lpcnet_weights.c``, libopus 1.6) is a sequence of records. Each has a head of 64 bytes
(the letters ``DNNw``, then version, type, size and block size as little-endian 32-bit numbers, then a name of
up to 43 letters, ended by a zero) and a block of data, of which the first `size` bytes count. Nothing in it
is trusted: a file that is truncated, foreign or structurally damaged is refused.

A layer ``NAME`` is a few arrays: ``NAME_bias``, and ``NAME_weights_float`` or else ``NAME_weights_int8`` with
``NAME_scale`` and ``NAME_subias``. Sparse ones have ``NAME_weights_idx`` too: for every 8 outputs a number of
blocks, then for each the first of its 4 inputs. `linear` makes the form that
`testbed.kernels.nn` takes.
"""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.errors import CodecError
from testbed.kernels.tiles import pack_floats, pack_integers

Arrays = Mapping[str, NDArray[Any]]
Floats = NDArray[np.float32]

MAX_BLOB_BYTES = 1 << 26
HEAD = struct.Struct("<4s4i44s")
"""Head of a record: `MAGIC`, `VERSION`, type, size, block size, name."""
MAGIC, VERSION = b"DNNw", 0
TYPES: dict[int, np.dtype[Any]] = {0: np.dtype("<f4"), 1: np.dtype("<i4"), 3: np.dtype("i1")}
"""Kinds of numbers by their type in a head."""
# Sums of so many products of a level (at most 128) and a weight (at most 128) are exact in float32.
_MAX_INPUTS = 1024
BLOCK_OUTPUTS, BLOCK_INPUTS = 8, 4
"""Size of a block of 8-bit weights."""


class Linear(NamedTuple):
    """An affine layer, ``y = (x W + offset) scale + bias``, as the kernels take it.

    Attributes
    ----------
    weights
        float32 (inputs, outputs). In an 8-bit layer the integers themselves, so that sums of products
        with 8-bit levels are exact in any order.
    offset, scale, bias
        float32 (outputs,). `offset` is added because libopus's levels are unsigned; in a float layer it
        is 0, and `scale` is 1.
    quantized
        Whether the input is quantized to 8-bit levels.
    packed
        The weights as `testbed.kernels.tiles` takes them; empty if tiles cannot be used.
    """

    weights: Floats
    offset: Floats
    scale: Floats
    bias: Floats
    quantized: bool
    packed: NDArray[np.uint8]


def read_blob(path: Path) -> dict[str, NDArray[Any]]:
    """Read a weights blob.

    Returns
    -------
    dict
        Arrays by name: one-dimensional, read-only float32, int32 or int8, as stored in the file.

    Raises
    ------
    CodecError
        If the file cannot be read or is not a complete blob; the message says where.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BLOB_BYTES:
            raise CodecError(f"{path}: {size} bytes are too many for libopus's weights ({MAX_BLOB_BYTES})")
        data = path.read_bytes()
    except OSError as error:
        raise CodecError(f"{path}: libopus's weights cannot be read: {error.strerror or error}") from None
    return parse_blob(data, str(path))


def parse_blob(data: bytes, where: str = "weights blob") -> dict[str, NDArray[Any]]:
    """Parse a weights blob; see `read_blob`. `where` is named in errors."""
    if not data:
        raise CodecError(f"{where}: empty, not libopus's weights")
    arrays: dict[str, NDArray[Any]] = {}
    position = 0
    while position < len(data):
        name, dtype, size, end = _head(data, position, where)
        if name in arrays:
            raise CodecError(f"{where}: the array {name!r} at byte {position} is there twice")
        start = position + HEAD.size
        array = np.frombuffer(data, dtype, size // dtype.itemsize, start)
        if dtype.kind == "f" and not np.isfinite(array).all():
            raise CodecError(
                f"{where}: the array {name!r} at byte {position} holds numbers that are not finite"
            )
        arrays[name] = array
        position = end
    return arrays


def _head(data: bytes, position: int, where: str) -> tuple[str, np.dtype[Any], int, int]:
    """Return name, type and size in bytes of the array at `position`, and where the next one starts."""
    left = len(data) - position
    if left < HEAD.size:
        raise CodecError(f"{where}: cut off inside the head at byte {position}")
    magic, version, kind, size, block, raw_name = HEAD.unpack_from(data, position)
    if magic != MAGIC or version != VERSION:
        raise CodecError(
            f"{where}: not libopus's weights: at byte {position} should be {MAGIC!r}, version {VERSION}, "
            f"not {magic!r}, version {version}"
        )
    text = raw_name.partition(b"\0")[0]
    if len(text) == len(raw_name) or not text.decode("latin-1").isidentifier() or not text.isascii():
        raise CodecError(f"{where}: the array at byte {position} has no proper name")
    name = text.decode()
    if kind not in TYPES:
        raise CodecError(f"{where}: the array {name!r} at byte {position} is of an unknown type, {kind}")
    if not 0 < size <= block or size % TYPES[kind].itemsize:
        raise CodecError(
            f"{where}: the array {name!r} at byte {position} has an impossible size, {size} of {block}"
        )
    if block > left - HEAD.size:
        raise CodecError(
            f"{where}: cut off inside the array {name!r} at byte {position}: {block} bytes announced, "
            f"{left - HEAD.size} left"
        )
    return name, TYPES[kind], size, position + HEAD.size + block


def take(arrays: Arrays, name: str, size: int, dtype: str) -> NDArray[Any]:
    """Return one array of a blob.

    Raises
    ------
    CodecError
        If it is missing, or does not hold `size` numbers of `dtype`.
    """
    array = arrays.get(name)
    if array is None:
        raise CodecError(f"libopus's weights lack the array {name!r}")
    if array.shape != (size,) or array.dtype != np.dtype(dtype):
        raise CodecError(
            f"libopus's weights have {array.size} numbers of {array.dtype} as {name!r}, "
            f"not {size} of {np.dtype(dtype)}"
        )
    return array


def size_of(arrays: Arrays, name: str) -> int:
    """Return the size of an array of a blob.

    Raises
    ------
    CodecError
        If it is missing.
    """
    if name not in arrays:
        raise CodecError(f"the weights lack the array {name!r}")
    return arrays[name].size


def linear(arrays: Arrays, name: str, inputs: int, outputs: int) -> Linear:
    """Make a layer ready for the kernels.

    Parameters
    ----------
    arrays
        From `read_blob`.
    name
        The layer, e.g. ``"enc_dense1"``.
    inputs, outputs
        Its size; a layer of 8-bit weights has at most 1024 inputs.

    Raises
    ------
    CodecError
        If arrays are missing, of another size, or point outside of the layer.
    """
    ones, zeros = np.ones(outputs, np.float32), np.zeros(outputs, np.float32)
    as_float, as_int8 = f"{name}_weights_float", f"{name}_weights_int8"
    stored, dtype = (as_float, "f4") if as_float in arrays else (as_int8, "i1")
    index = arrays.get(f"{name}_weights_idx")
    if index is not None:
        dense = _spread(arrays, stored, dtype, index, inputs, outputs)
    elif dtype == "f4":
        dense = take(arrays, stored, inputs * outputs, dtype).reshape(inputs, outputs)
    else:
        blocks = take(arrays, stored, inputs * outputs, dtype)
        _check_blocks(name, inputs, outputs)
        shape = (outputs // BLOCK_OUTPUTS, inputs // BLOCK_INPUTS, BLOCK_OUTPUTS, BLOCK_INPUTS)
        dense = blocks.reshape(shape).transpose(1, 3, 0, 2).reshape(inputs, outputs)
    weights = np.array(dense, np.float32, order="C")
    if dtype == "f4":
        bias = take(arrays, f"{name}_bias", outputs, "f4").copy()
        return Linear(weights, zeros, ones, bias, False, pack_floats(weights))
    if inputs > _MAX_INPUTS:
        raise CodecError(f"the layer {name!r} has {inputs} inputs: at most {_MAX_INPUTS} with 8-bit weights")
    scale = take(arrays, f"{name}_scale", outputs, "f4").copy()
    offset = np.float32(127) * weights.sum(axis=0, dtype=np.float32)
    bias = take(arrays, f"{name}_subias", outputs, "f4").copy()
    return Linear(weights, offset, scale, bias, True, pack_integers(weights))


def _check_blocks(name: str, inputs: int, outputs: int) -> None:
    if inputs % BLOCK_INPUTS or outputs % BLOCK_OUTPUTS:
        raise CodecError(
            f"the layer {name!r} of {inputs} inputs and {outputs} outputs cannot be in blocks of "
            f"{BLOCK_INPUTS} and {BLOCK_OUTPUTS}"
        )


def _spread(
    arrays: Arrays, stored: str, dtype: str, index: NDArray[Any], inputs: int, outputs: int
) -> NDArray[Any]:
    """Return the dense form, (inputs, outputs), of sparse weights in blocks of 8 outputs and 4 inputs."""
    if index.dtype != np.dtype("<i4") or outputs % BLOCK_OUTPUTS:
        raise CodecError(f"libopus's weights {stored!r} have no proper index of blocks")
    rows, columns = [], []
    position = 0
    for row in range(outputs // BLOCK_OUTPUTS):
        count = int(index[position]) if position < index.size else -1
        found = index[position + 1 : position + 1 + max(count, 0)]
        if count < 0 or found.size < count or np.any((found < 0) | (found % 4 != 0) | (found > inputs - 4)):
            raise CodecError(
                f"libopus's weights {stored!r} have a damaged index for outputs {8 * row} to {8 * row + 7}"
            )
        rows += [row] * count
        columns += [int(column) for column in found]
        position += 1 + count
    if position != index.size:
        raise CodecError(f"libopus's weights {stored!r} have an index for more than {outputs} outputs")
    flat = take(arrays, stored, BLOCK_OUTPUTS * BLOCK_INPUTS * len(rows), dtype)
    if dtype == "i1":
        blocks = flat.reshape(-1, BLOCK_OUTPUTS, BLOCK_INPUTS).transpose(0, 2, 1)
    else:
        blocks = flat.reshape(-1, BLOCK_INPUTS, BLOCK_OUTPUTS)
    dense = np.zeros((inputs, outputs), np.float32)
    for row, column, block in zip(rows, columns, blocks, strict=True):
        dense[column : column + BLOCK_INPUTS, 8 * row : 8 * row + 8] += block
    return dense
