"""Messages between a run and the process of a plugin: arrays one way, sounds or a reason the other way.

A message is its length (8 bytes), then its content. The content of a request is a line of JSON that describes
the arrays, then their bytes. An answer begins with a byte: `SOUND`, `READY` or `FAILED`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

Item = Mapping[str, NDArray[Any]]
"""Arrays by name."""
SOUND, READY, FAILED = b"S", b"R", b"F"
MOST_BYTES = 1 << 30
"""Largest message."""


def send(pipe: IO[bytes], *parts: bytes) -> None:
    """Write a message."""
    message = memoryview(b"".join((sum(map(len, parts)).to_bytes(8), *parts)))
    while message:
        message = message[pipe.write(message) :]
    pipe.flush()


def receive(pipe: IO[bytes]) -> bytes:
    """Read a message.

    Raises
    ------
    EOFError
        The other end is closed, or sends something else.
    """
    size = int.from_bytes(_read(pipe, 8))
    if size > MOST_BYTES:
        raise EOFError
    return _read(pipe, size)


def _read(pipe: IO[bytes], size: int) -> bytes:
    content = pipe.read(size)
    if len(content) < size:
        raise EOFError
    return content


def packed(items: Sequence[Item]) -> list[bytes]:
    """Return the parts of a request."""
    arrays = [{name: np.asarray(array, order="C") for name, array in item.items()} for item in items]
    described = [{name: (array.dtype.str, array.shape) for name, array in item.items()} for item in arrays]
    content = [array.tobytes() for item in arrays for array in item.values()]
    return [json.dumps(described).encode(), b"\n", *content]


def unpacked(message: bytes) -> list[dict[str, NDArray[Any]]]:
    """Return the items of a request."""
    line, _, content = message.partition(b"\n")
    items, place = [], 0
    for described in json.loads(line):
        item = {}
        for name, (kind, shape) in described.items():
            count = int(np.prod(shape, dtype=np.int64))
            item[name] = np.frombuffer(content, kind, count, place).reshape(shape).copy()
            place += item[name].nbytes
        items.append(item)
    return items
