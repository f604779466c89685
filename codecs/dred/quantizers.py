"""How libopus quantizes DRED's numbers: tables that its weights blob does not hold.

They stand in its source alone (``dnn/dred_rdovae_stats_data.c``), which the build keeps. They are read from
there when they are first needed, in a few milliseconds: numbers and networks come from the same libopus.
"""

import re
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from testbed.codecs import opus_build
from testbed.errors import CodecError
from testbed.kernels.dred_symbols import LEVELS, Tables
from testbed.kernels.rdovae import LATENTS, STATES

_FILE = Path("dnn", "dred_rdovae_stats_data.c")
_MAX_BYTES = 1 << 20
_FIELDS = ("quant_scales", "dead_zone", "r", "p0")


@lru_cache(maxsize=1)
def built() -> opus_build.Build:
    """Return the build of libopus whose weights and tables are used.

    It is looked for once a process: payloads come by the thousand.

    Raises
    ------
    CodecError
        If there is none.
    """
    found = opus_build.installed()
    if found is None:
        raise CodecError("the networks' weights and tables come with libopus: run 'testbed opus build'")
    return found


def quantizers() -> tuple[Tables, Tables]:
    """Return the tables of states and of latent vectors of the libopus that is built.

    Raises
    ------
    CodecError
        If there is none, or its source does not hold them.
    """
    return read_tables(built().source)


@lru_cache(maxsize=4)
def read_tables(source: Path) -> tuple[Tables, Tables]:
    """Read the tables of a source tree of libopus; see `quantizers`."""
    path = source / _FILE
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES).decode("ascii", "replace")
    except OSError as error:
        raise CodecError(f"{path}: DRED's tables cannot be read: {error.strerror or error}") from None
    return _tables(text, path, "state", STATES), _tables(text, path, "latent", LATENTS)


def _tables(text: str, path: Path, kind: str, width: int) -> Tables:
    scale, dead_zone, decay, zero = (
        _array(text, path, f"dred_{kind}_{field}_q8", width) for field in _FIELDS
    )
    # Both would leave a symbol without any probability, and the range coder without a range.
    if np.any((zero == 0) & (decay != 0)):
        raise CodecError(f"{path}: a number of dred_{kind}_p0_q8 is 0")
    return Tables(scale, dead_zone, decay, zero)


def _array(text: str, path: Path, name: str, width: int) -> NDArray[np.uint8]:
    found = re.search(rf"\b{name}\[\d+\]\s*=\s*{{([\s\d,]*)}}", text)
    numbers = [int(word) for word in found[1].replace(",", " ").split()] if found else []
    if len(numbers) != LEVELS * width or max(numbers) > 255:
        raise CodecError(f"{path}: no table {name} of {LEVELS * width} numbers of 0 to 255")
    return np.array(numbers, np.uint8).reshape(LEVELS, width)
