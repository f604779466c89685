"""Compiled kernels of an earlier version, in a folder that was updated."""

import os
from pathlib import Path

from testbed.kernels import _delete_stale_indexes


def test_an_index_older_than_its_kernels_is_deleted_and_others_stay(tmp_path: Path) -> None:
    cache = tmp_path / "__pycache__"
    cache.mkdir()
    names = (
        "nn.dense-10.py311.nbi",
        "plc.predict-7.py311.nbi",
        "gone.old-1.py311.nbi",
        "nn.dense-10.py311.1.nbc",
    )
    for path in (tmp_path / "nn.py", tmp_path / "plc.py", *(cache / name for name in names)):
        path.touch()
        os.utime(path, (1000, 1000))
    os.utime(tmp_path / "nn.py", (2000, 2000))
    _delete_stale_indexes(tmp_path)
    assert {path.name for path in cache.iterdir()} == set(names[1:])
