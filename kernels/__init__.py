"""Numba kernels for the neural networks and entropy coders of libopus, and for loss models."""

from contextlib import suppress
from pathlib import Path


def _delete_stale_indexes(folder: Path) -> None:
    """Delete Numba's indexes of compiled kernels that are older than the kernels' source.

    Numba ignores a stale index only after it is read, which fails if a class in it has been renamed.
    """
    changed = {source.stem: source.stat().st_mtime for source in folder.glob("*.py")}
    for index in folder.glob("__pycache__/*.nbi"):
        with suppress(OSError):  # another process was faster, or the folder is read-only
            if index.stat().st_mtime < changed.get(index.name.partition(".")[0], 0):
                index.unlink()


_delete_stale_indexes(Path(__file__).parent)
