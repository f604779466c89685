"""Plain version of `testbed.kernels.dred_symbols`."""

import numpy as np

from reference import nn, range_decoder, range_encoder
from testbed.kernels.dred_symbols import Symbols, Tables
from testbed.kernels.nn import TANH
from testbed.kernels.weights import Floats


def level(q0: int, dq: int, qmax: int, index: int) -> int:
    """As the kernel: a sixteenth of the slope for each vector, halves up."""
    return min(qmax, int(np.floor(q0 + [0, 2, 3, 4, 6, 8, 12, 16][dq] * index / 16 + 0.5)))


def quantize(
    tables: Tables, row: int, values: Floats, reciprocal: nn.Reciprocal = nn.host_reciprocal
) -> Symbols:
    """As the kernel."""
    dead = tables.dead_zone[row].astype(np.float32) / np.float32(256)
    scaled = values * tables.scale[row].astype(np.float32) / np.float32(256)
    drawn = scaled - dead * nn.activate(scaled / (dead + np.float32(0.1)), TANH, reciprocal)
    sent = (tables.decay[row] != 0) & (tables.zero[row] != 255)
    return np.where(sent, np.clip(np.floor(np.float32(0.5) + drawn), -1e6, 1e6), 0).astype(np.int32)


def restore(tables: Tables, row: int, symbols: Symbols) -> Floats:
    """As the kernel."""
    return np.asarray(symbols.astype(np.float32) * 256 / np.maximum(tables.scale[row], 1), np.float32)


def read(
    data: bytes, state_tables: Tables, latent_tables: Tables, most: int
) -> tuple[tuple[int, int, int, int], list[int], list[list[int]]]:
    """As the kernel; return q0, dQ, qmax and offset, then the state, then the rows."""
    coder = range_decoder.RangeDecoder(data)
    q0, dq = coder.uniform(16), coder.uniform(8)
    offset = (32 * coder.uniform(256) if coder.uniform(2) else 0) + coder.uniform(32)
    qmax = 15
    if q0 < 14 and dq > 0:
        symbol = coder.frequencies([14 - q0] + [1] * (14 - q0))
        qmax = q0 + symbol if symbol else 15

    def vector(tables: Tables, row: int) -> list[int]:
        pairs = zip(tables.zero[row].tolist(), tables.decay[row].tolist(), strict=True)
        return [
            coder.laplace(128 * zero, 128 * decay) if decay and zero < 255 else 0 for zero, decay in pairs
        ]

    state, rows = vector(state_tables, q0), list[list[int]]()
    while len(rows) < most and 8 * len(data) - coder.tell() >= 8:
        rows.append(vector(latent_tables, level(q0, dq, qmax, len(rows))))
    return (q0, dq, qmax, offset), state, rows


def write(
    state_tables: Tables,
    latent_tables: Tables,
    header: tuple[int, int, int, int],
    state: list[int],
    rows: list[list[int]],
) -> bytes:
    """As the kernel; return the payload."""
    q0, dq, qmax, offset = header
    coder = range_encoder.RangeEncoder()
    extra, rest = divmod(offset, 32)
    fields = [(q0, 16), (dq, 8), *([(1, 2), (extra, 256)] if extra else [(0, 2)]), (rest, 32)]
    for value, total in fields:
        coder.uniform(value, total)
    half = 14 - q0
    if half > 0 and dq > 0:
        low, high = (0, half) if qmax == 15 else (half + qmax - q0 - 1, half + qmax - q0)
        coder.encode(low, high, 2 * half)
    for index, symbols in enumerate([state, *rows]):
        tables = latent_tables if index else state_tables
        row = level(q0, dq, qmax, index - 1) if index else q0
        for symbol, zero, decay in zip(
            symbols, tables.zero[row].tolist(), tables.decay[row].tolist(), strict=True
        ):
            if decay and zero < 255:
                coder.laplace(symbol, 128 * zero, 128 * decay)
    return coder.finish()
