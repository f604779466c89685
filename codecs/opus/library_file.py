"""Checks of a shared library's file before it is loaded: a truncated one would kill the process.

A build records the SHA-256 of its files. The header of a library that was truncated by a loss of power or a
full disk shows its full size.
"""

import json
import struct
from collections.abc import Iterable
from pathlib import Path

from testbed.errors import CodecError
from testbed.files import file_sha256

BUILD_FILE = "build.json"
"""Record of a build, in its folder; its `files` holds the hashes of files by name."""
_REBUILD = "`testbed opus build` builds it again"


def hashes(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of files in a folder, by name."""
    return {name: file_sha256(folder / name) for name in names}


def check_file(path: Path) -> None:
    """Refuse a file that has changed since its build, and any truncated library.

    Parameters
    ----------
    path
        A library, or another file recorded by a build.

    Raises
    ------
    CodecError
        The file is damaged; the message names the command that repairs it.
    """
    path = path.resolve()
    try:
        wanted = _recorded(path)
        if wanted is not None and file_sha256(path) not in wanted:
            raise CodecError(f"{path}: is damaged: its SHA-256 is not that of the build; {_REBUILD}")
        size, needed = path.stat().st_size, _elf_bytes(path)
    except OSError as error:
        raise CodecError(f"{path}: cannot be read: {error.strerror}") from None
    if size < needed:
        raise CodecError(f"{path}: is cut short: {size} of {needed} bytes; {_REBUILD}")


def _recorded(path: Path) -> set[str] | None:
    """Return the hash that a build recorded for a file, under any name that links to it."""
    try:
        files = json.loads((path.parent / BUILD_FILE).read_text("utf-8"))["files"]
        found = {str(sha256) for name, sha256 in files.items() if (path.parent / name).resolve() == path}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return found or None


def _elf_bytes(path: Path) -> int:
    """Return the smallest size of an ELF file by its section headers, which are last; 0 for other files."""
    with path.open("rb") as file:
        header = file.read(64)
    if len(header) < 64 or header[:4] != b"\x7fELF":
        return 0
    order = "<" if header[5] == 1 else ">"
    if header[4] == 2:
        (offset,), (size, count) = (
            struct.unpack_from(order + "Q", header, 40),
            struct.unpack_from(order + "HH", header, 58),
        )
    else:
        (offset,), (size, count) = (
            struct.unpack_from(order + "I", header, 32),
            struct.unpack_from(order + "HH", header, 46),
        )
    return int(offset + size * count)
