"""Symbols of a DRED payload: quantization and range coding, in both directions.

As libopus 1.6 does (``dnn/dred_decoder.c``, ``dred_encoder.c``). A range-coded payload holds the header
(q0, dQ, offset, qmax), the initial state (in version 12 50 numbers) at quantizer level q0, and a latent
vector (there 25 numbers) for each 40 ms, latest first, at levels that grow with age. Each number has its own
Laplace-like distribution at each level; the tables say how many numbers there are. The number of vectors is
not sent: a reader goes on while more than 7 bits are left.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from testbed.kernels import range_decoder, range_encoder
from testbed.kernels.nn import TANH, activate
from testbed.kernels.weights import Floats

LEVELS = 16
HEADER_SIZE = 4
Q0, DQ, QMAX, OFFSET = range(HEADER_SIZE)
MAX_OFFSET = 255 * 32 + 31
_SLOPES = (0, 2, 3, 4, 6, 8, 12, 16)
_EPSILON, _HALF, _PER_256 = np.float32(0.1), np.float32(0.5), np.float32(1 / 256)

Bytes = NDArray[np.uint8]
Symbols = NDArray[np.int32]


class Tables(NamedTuple):
    """Quantizers and distributions of numbers at each level: uint8 (16, numbers), in 256ths.

    Attributes
    ----------
    scale
        Steps per unit; dequantization reads 0 as 1.
    dead_zone
        Fraction of a step by which a number is drawn toward 0 before rounding.
    decay, zero
        Of the distribution, see `testbed.kernels.range_decoder.decode_laplace`. Where `decay` is 0 or `zero`
        255, nothing is sent and the number is 0.
    """

    scale: Bytes
    dead_zone: Bytes
    decay: Bytes
    zero: Bytes


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def level(q0: int, dq: int, qmax: int, index: int) -> int:
    """Return the quantizer level of the latent vector `index`, 0 being the latest."""
    return min(q0 + (_SLOPES[dq] * index + 8) // 16, qmax)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def quantize(tables: Tables, row: int, values: Floats) -> Symbols:
    """Quantize vectors at level `row`, with dead zones: float32 (batch, n) to int32 (batch, n)."""
    batch, width = values.shape
    scaled = np.empty((batch, width), np.float32)
    pulled = np.empty((batch, width), np.float32)
    for item in range(batch):
        for k in range(width):
            dead = np.float32(tables.dead_zone[row, k]) * _PER_256
            scaled[item, k] = values[item, k] * np.float32(tables.scale[row, k]) * _PER_256
            pulled[item, k] = scaled[item, k] / (dead + _EPSILON)
    activate(pulled, TANH)
    symbols = np.zeros((batch, width), np.int32)
    for item in range(batch):
        for k in range(width):
            if tables.decay[row, k] == 0 or tables.zero[row, k] == 255:
                continue
            dead = np.float32(tables.dead_zone[row, k]) * _PER_256
            rounded = np.floor(_HALF + (scaled[item, k] - dead * pulled[item, k]))
            symbols[item, k] = np.int32(max(-1e6, min(1e6, rounded)))
    return symbols


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def restore(tables: Tables, row: int, symbols: Symbols) -> Floats:
    """Dequantize vectors: int32 (batch, n) to float32 (batch, n)."""
    values = np.empty(symbols.shape, np.float32)
    for item in range(symbols.shape[0]):
        for k in range(symbols.shape[1]):
            step = np.float32(max(1, tables.scale[row, k]))
            values[item, k] = np.float32(symbols[item, k]) * np.float32(256) / step
    return values


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _read_header(coder: NDArray[np.int64], data: Bytes, header: NDArray[np.int64]) -> None:
    q0 = range_decoder.decode_uniform(coder, data, 16)
    dq = range_decoder.decode_uniform(coder, data, 8)
    extra = 0
    if range_decoder.decode_uniform(coder, data, 2):
        extra = range_decoder.decode_uniform(coder, data, 256)
    header[OFFSET] = 32 * extra + range_decoder.decode_uniform(coder, data, 32)
    qmax = LEVELS - 1
    if q0 < 14 and dq > 0:
        lower = 14 - q0
        symbol = range_decoder.peek(coder, 2 * lower)
        if symbol >= lower:
            qmax = q0 + 1 + symbol - lower
            range_decoder.consume(coder, data, symbol, symbol + 1, 2 * lower)
        else:
            range_decoder.consume(coder, data, 0, lower, 2 * lower)
    header[Q0], header[DQ], header[QMAX] = q0, dq, qmax


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def read_header(data: Bytes, header: NDArray[np.int64]) -> None:
    """Read the header of a payload alone; see `read`."""
    coder = np.zeros(range_decoder.STATE_SIZE, np.int64)
    range_decoder.start(coder, data)
    _read_header(coder, data, header)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _read_vector(coder: NDArray[np.int64], data: Bytes, tables: Tables, row: int, symbols: Symbols) -> None:
    for k in range(symbols.size):
        decay, zero = np.int64(tables.decay[row, k]), np.int64(tables.zero[row, k])
        symbols[k] = 0
        if decay != 0 and zero != 255:
            symbols[k] = range_decoder.decode_laplace(coder, data, int(zero << 7), int(decay << 7))


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def read(
    data: Bytes,
    state_tables: Tables,
    latent_tables: Tables,
    header: NDArray[np.int64],
    state: Symbols,
    latents: Symbols,
) -> int:
    """Read a payload.

    Parameters
    ----------
    data
        Its bytes, uint8; any. Nothing beyond them is read.
    state_tables, latent_tables
        Tables of the payload's version.
    header
        int64, `HEADER_SIZE`; written: q0, dQ, qmax, offset.
    state
        int32 (numbers,); written.
    latents
        int32 (most, numbers); written, one row per vector.

    Returns
    -------
    int
        Number of rows, at most `most`.
    """
    coder = np.zeros(range_decoder.STATE_SIZE, np.int64)
    range_decoder.start(coder, data)
    _read_header(coder, data, header)
    q0, dq, qmax = int(header[Q0]), int(header[DQ]), int(header[QMAX])
    _read_vector(coder, data, state_tables, q0, state)
    rows = 0
    while rows < latents.shape[0] and 8 * data.size - range_decoder.tell(coder) > 7:
        _read_vector(coder, data, latent_tables, level(q0, dq, qmax, rows), latents[rows])
        rows += 1
    return rows


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _write_vector(coder: NDArray[np.int64], data: Bytes, tables: Tables, row: int, symbols: Symbols) -> None:
    for k in range(symbols.size):
        decay, zero = np.int64(tables.decay[row, k]), np.int64(tables.zero[row, k])
        if decay != 0 and zero != 255:
            range_encoder.encode_laplace(coder, data, int(symbols[k]), int(zero << 7), int(decay << 7))


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def write(
    data: Bytes,
    state_tables: Tables,
    latent_tables: Tables,
    header: NDArray[np.int64],
    state: Symbols,
    latents: Symbols,
) -> int:
    """Write a payload; the parameters are those of `read`, `header` must be one that can be sent.

    Returns
    -------
    int
        Its size in bytes. If `data` is smaller, its content is invalid.
    """
    coder = np.zeros(range_encoder.STATE_SIZE, np.int64)
    range_encoder.start(coder)
    q0, dq, qmax, offset = int(header[Q0]), int(header[DQ]), int(header[QMAX]), int(header[OFFSET])
    range_encoder.encode_uniform(coder, data, q0, 16)
    range_encoder.encode_uniform(coder, data, dq, 8)
    range_encoder.encode_uniform(coder, data, int(offset > 31), 2)
    if offset > 31:
        range_encoder.encode_uniform(coder, data, offset >> 5, 256)
    range_encoder.encode_uniform(coder, data, offset & 31, 32)
    if q0 < 14 and dq > 0:
        lower = 14 - q0
        if qmax >= LEVELS - 1:
            range_encoder.encode(coder, data, 0, lower, 2 * lower)
        else:
            low = lower + qmax - (q0 + 1)
            range_encoder.encode(coder, data, low, low + 1, 2 * lower)
    _write_vector(coder, data, state_tables, q0, state)
    for index in range(latents.shape[0]):
        _write_vector(coder, data, latent_tables, level(q0, dq, qmax, index), latents[index])
    return range_encoder.finish(coder, data)
