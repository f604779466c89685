"""A cache of its own for each test."""

from pathlib import Path

import pytest

from testbed.files import cache_dir


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an empty cache, for this process and those that it starts."""
    home = tmp_path / "cache"
    home.mkdir()
    (home / "opus").symlink_to(cache_dir() / "opus")
    monkeypatch.setenv("TESTBED_CACHE", str(home))
    monkeypatch.delenv("TESTBED_CACHE_MB")
    return home / "calls"
