"""Tables of DRED's quantizers and symbol distributions, for each experimental version.

They are in libopus's source, not in its weights blob, and here in ``version_N.txt``.
"""

from functools import cache
from pathlib import Path

import numpy as np

from testbed.kernels.dred_symbols import LEVELS, Tables

STATES = {10: 19, 12: 50}
"""By version, the size of the initial state; the rest of a row belongs to the latent vector."""


@cache
def quantizers(version: int) -> tuple[Tables, Tables]:
    """Return the tables of states and of latent vectors of a version, 10 or 12."""
    path = Path(__file__).with_name(f"version_{version}.txt")
    tables = np.loadtxt(path, np.uint8).reshape(len(Tables._fields), LEVELS, -1)
    state, latent = np.split(tables, [STATES[version]], axis=2)
    return Tables(*state.copy()), Tables(*latent.copy())
