"""States of many streams: nested named tuples of arrays, each with the streams along its first axis."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

State = TypeVar("State", bound=tuple[Any, ...])


def _each(state: State, change: Callable[[NDArray[Any]], NDArray[Any]]) -> State:
    made: Any = type(state)
    result: State = made(
        *(_each(part, change) if isinstance(part, tuple) else change(part) for part in state)
    )
    return result


def take(state: State, streams: NDArray[Any]) -> State:
    """Return a copy of the states of some streams, by indices, in their order, or by truth values."""
    return _each(state, lambda part: part[streams])


def prefix(state: State, count: int) -> State:
    """Return the states of the first streams, in the same memory."""
    return _each(state, lambda part: part[:count])


def put(state: State, streams: NDArray[np.int64], values: State) -> None:
    """Overwrite the states of some streams by `values`, one for each."""
    for part, value in zip(state, values, strict=True):
        if isinstance(part, tuple):
            put(part, streams, value)
        else:
            part[streams] = value


def state_bytes(state: tuple[Any, ...]) -> int:
    """Return the memory of a state in bytes."""
    return sum(state_bytes(part) if isinstance(part, tuple) else part.nbytes for part in state)
