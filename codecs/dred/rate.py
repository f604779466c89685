"""Bits that quantized vectors take in DRED's range coder."""

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.dred.payload import Symbols
from testbed.kernels import dred_symbols
from testbed.kernels.dred_symbols import HEADER_SIZE, Q0, QMAX, Tables

_MOST_BYTES_PER_NUMBER = 64


def bits_per_vector(tables: Tables, level: int, symbols: Symbols) -> float:
    """Return the mean number of bits of vectors that are coded one after another.

    The range coder writes them all as one stream, so the mean is exact to 8 bits per stream.

    Parameters
    ----------
    tables, level
        Quantizers and distributions of the numbers, and their level.
    symbols
        int32 (vectors, numbers), one vector or more.
    """
    rows = np.ascontiguousarray(symbols, np.int32)
    return 8 * (_bytes(tables, level, rows) - _bytes(tables, level, rows[:0])) / len(rows)


def _bytes(tables: Tables, level: int, rows: Symbols) -> int:
    header: NDArray[np.int64] = np.zeros(HEADER_SIZE, np.int64)
    header[Q0], header[QMAX] = level, dred_symbols.LEVELS - 1
    no_state = Tables(*(each[:, :0].copy() for each in tables))
    room = np.zeros(64 + _MOST_BYTES_PER_NUMBER * rows.size, np.uint8)
    return dred_symbols.write(room, no_state, tables, header, np.zeros(0, np.int32), rows)
