"""Distributions of symbols, counted on speech, for quantizers whose training does not learn them."""

import numpy as np

from testbed.kernels import dred_symbols
from testbed.kernels.dred_symbols import LEVELS, Tables
from testbed.kernels.weights import Floats

_SENT = 1


def counted(tables: Tables, values: Floats) -> Tables:
    """Return tables with the decay and the probability of zero that fit vectors best.

    Where a number is never other than 0, it is not sent at that level.

    Parameters
    ----------
    tables
        Scales and dead zones.
    values
        float32 (vectors, numbers), not quantized.
    """
    # a number without a decay is not quantized
    asked = tables._replace(decay=np.full_like(tables.decay, _SENT), zero=np.full_like(tables.zero, _SENT))
    decay, zero = np.zeros_like(tables.decay), np.zeros_like(tables.zero)
    for level in range(LEVELS):
        sizes = np.abs(dred_symbols.quantize(asked, level, values))
        others = np.count_nonzero(sizes, axis=0)
        # a geometric distribution of the sizes from 1 on: its decay is 1 - 1 / mean
        fitted = 1 - others / np.maximum(sizes.sum(axis=0), 1)
        decay[level] = np.where(others > 0, np.clip(np.rint(256 * fitted), 1, 255), 0)
        share = 1 - others / len(values)
        zero[level] = np.where(others > 0, np.clip(np.rint(256 * share), 1, 254), 255)
    return tables._replace(decay=decay, zero=zero)
