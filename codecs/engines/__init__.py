"""The engines' registry: who turns packets into sound."""

from collections.abc import Callable
from functools import cache
from typing import Literal

from testbed.codecs.engines.engine import Engine, LibopusEngine

EngineName = Literal["libopus", "numba"]


def _libopus(batch_mb: int) -> Engine:
    return LibopusEngine()


def _numba(batch_mb: int) -> Engine:
    from testbed.codecs.engines.batched import NumbaEngine

    return NumbaEngine(batch_mb)


_ENGINES: dict[EngineName, Callable[[int], Engine]] = {"libopus": _libopus, "numba": _numba}


@cache
def engine(name: EngineName, batch_mb: int) -> Engine:
    """Return an engine, the same one each time: what it made ready serves again.

    Parameters
    ----------
    name
        Its name.
    batch_mb
        Memory that it may take for calls that it works on together, where it does.

    Raises
    ------
    CodecError
        If it needs what is not there.
    """
    return _ENGINES[name](batch_mb)
