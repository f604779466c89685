"""The registry of engines, which decode the packets of calls."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated

from testbed.codecs.engines.engine import Engine
from testbed.named_parameters import NameIn
from testbed.registry import Registry


@dataclass(frozen=True)
class EngineKind:
    """An engine in the registry.

    Attributes
    ----------
    create
        Makes the engine, given the memory in MB for calls that it decodes together.
    max_calls
        The most calls of one encoding to give it at once: more are faster in a batch, but are spread over
        fewer processes.
    uses_kernels
        Whether it decodes calls of several encodings together, with compiled kernels and the networks of the
        testbed's own build of libopus.
    """

    create: Callable[[int], Engine]
    max_calls: int
    uses_kernels: bool = False


def _libopus(batch_mb: int) -> Engine:
    from testbed.codecs.engines.libopus import LibopusEngine

    return LibopusEngine()


def _numba(batch_mb: int) -> Engine:
    from testbed.codecs.engines.batched import NumbaEngine

    return NumbaEngine(batch_mb)


ENGINES: Registry[EngineKind] = Registry(
    "engine",
    {
        "libopus": EngineKind(_libopus, max_calls=48),
        "numba": EngineKind(_numba, max_calls=192, uses_kernels=True),
    },
)

EngineName = Annotated[str, NameIn(ENGINES)]


@cache
def engine(name: EngineName, batch_mb: int) -> Engine:
    """Return an engine, made once per process: its compiled kernels and weights are reused.

    Parameters
    ----------
    name
        Its name in `ENGINES`.
    batch_mb
        Memory in MB for calls that it decodes together.

    Raises
    ------
    CodecError
        The libopus that it needs is not built.
    """
    return ENGINES[name].create(batch_mb)
