"""Digests of values, files and software, of which the cache's keys are made."""

import hashlib
import os
import platform
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from testbed.environment import COMPUTE, package_version
from testbed.machine import processor
from testbed.provenance import sha256_of

Key = bytes
_KEY_BYTES = 16
_BEGAN_S = time.time()
"""The files of another package that were written before this time are those that this process runs."""


class FileHashes:
    """The hashes of files at their first use."""

    def __init__(self) -> None:
        self._hashes: dict[Path, str] = {}

    def of(self, paths: Iterable[Path]) -> list[str]:
        """Return the hashes of files."""
        return [self._hashes.setdefault(path, _sha256(path)) for path in paths]

    def are_unchanged(self) -> bool:
        """Return whether all files have these hashes still."""
        return all(_sha256(path) == known for path, known in self._hashes.items())


@cache
def software() -> Key:
    """Return the digest of the versions that shape any result, and of the kind of processor."""
    return key_of(processor(), platform.python_version(), *map(package_version, COMPUTE))


def key_of(*parts: Any) -> Key:
    """Return the digest of values: models, dataclasses, lists, mappings, numbers, text, bytes.

    A class that is not the testbed's counts with the files of its package; fields of a dataclass that do not
    make it equal to another do not count.
    """
    hashed = hashlib.blake2b(digest_size=_KEY_BYTES)
    for token in _tokens(parts):
        hashed.update(len(token).to_bytes(8))
        hashed.update(token)
    return hashed.digest()


def _tokens(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield b"bytes"
        yield value
    elif isinstance(value, BaseModel):
        yield from _of_class(type(value))
        yield from _tokens({name: getattr(value, name) for name in type(value).model_fields})
    elif is_dataclass(value) and not isinstance(value, type):
        yield from _of_class(type(value))
        yield from _tokens({each.name: getattr(value, each.name) for each in fields(value) if each.compare})
    elif isinstance(value, Mapping):
        yield f"mapping {len(value)}".encode()
        for name, item in value.items():
            yield from _tokens(name)
            yield from _tokens(item)
    elif isinstance(value, list | tuple):
        yield f"list {len(value)}".encode()
        for item in value:
            yield from _tokens(item)
    else:
        yield f"{type(value).__name__} {value!r}".encode()


def _of_class(kind: type) -> Iterator[bytes]:
    yield f"{kind.__module__}.{kind.__qualname__}".encode()
    if not kind.__module__.startswith("testbed."):
        yield package_files(kind.__module__)


@cache
def package_files(module: str) -> bytes:
    """Return the digest of all files of the package that a module belongs to.

    If the code is not known, as in a notebook, or may have changed since it was imported, the digest is
    random: nothing of it is found again.
    """
    file = Path(getattr(sys.modules[module.partition(".")[0]], "__file__", None) or "")
    every = sorted(file.parent.rglob("*")) if file.name == "__init__.py" else [file]
    kept = [path for path in every if path.is_file() and "__pycache__" not in path.parts]
    if not kept or any(path.stat().st_mtime >= _BEGAN_S for path in kept):
        return os.urandom(_KEY_BYTES)
    return key_of([(str(path.relative_to(file.parent)), _sha256(path)) for path in kept])


def _sha256(path: Path) -> str:
    return sha256_of(path) or ""
