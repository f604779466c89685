"""A program that copies LPCNet's weights out of libcodec2 into a file.

    python -m testbed.codecs.lpcnet.extraction LIBRARY FILE

It is a process of its own, so that a library that crashes takes nothing else down.
"""

import ctypes
import sys
from pathlib import Path

from testbed.codecs.lpcnet.layers import LAYERS, Layer, array_bytes


def extract(library: ctypes.CDLL) -> bytes:
    """Return all arrays of the layers, in the order of `SHAPES`.

    Raises
    ------
    ValueError
        If the library lacks a layer, or its sizes are not LPCNet's.
    """
    return b"".join(array for name, layer in LAYERS.items() for array in _arrays(library, name, layer))


def _arrays(library: ctypes.CDLL, name: str, layer: Layer) -> list[bytes]:
    pointers, numbers = ctypes.c_void_p * len(layer.arrays), ctypes.c_int * len(layer.numbers)
    address = ctypes.addressof(ctypes.c_char.in_dll(library, name))
    found = tuple(numbers.from_address(address + ctypes.sizeof(pointers)))
    if found != layer.numbers:
        raise ValueError(f"{name} has sizes {found}, not {layer.numbers}")
    starts = pointers.from_address(address)
    return [
        ctypes.string_at(start, array_bytes(shape))
        for start, shape in zip(starts, layer.arrays.values(), strict=True)
    ]


def main(library: str, file: str) -> str | None:
    """Copy the weights; return what is wrong, if anything is."""
    try:
        Path(file).write_bytes(extract(ctypes.CDLL(library)))
    except (OSError, ValueError) as error:
        return str(error)
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
