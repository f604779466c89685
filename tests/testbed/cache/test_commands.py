"""The commands `testbed cache`."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from testbed.cache.database import Database, Entry
from testbed.cli import app


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_info_names_the_file_its_size_and_its_entries(own_cache: Path):
    Database(own_cache, 10**7, 1).write(
        [Entry("score", bytes(16), b"1"), Entry("sound", b"1" * 16, bytes(2_000_000))]
    )
    lines = said("cache", "info").splitlines()
    assert lines[0] == str(own_cache / "cache-1.sqlite")
    assert [line.split() for line in lines[2:]] == [
        ["largest", "4000.0", "MB", "TESTBED_CACHE_MB"],
        ["score", "0.0", "MB", "1", "entry"],
        ["sound", "2.0", "MB", "1", "entry"],
    ]


def test_prune_frees_space(own_cache: Path):
    Database(own_cache, 10**7, 1).write([Entry("sound", b"1" * 16, bytes(2_000_000))])
    assert said("cache", "prune", "--to-mb", "5") == "freed 0.0 MB\n"
    assert float(said("cache", "prune").split()[1]) > 1.5
    assert "sound" not in said("cache", "info")


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--to-mb", "abc"], "must be a whole number, not 'abc'"),
        (["--to-mb", "-1"], "must be at least 0, not '-1'"),
        (["500"], "write the size as an option: --to-mb 500"),
    ],
)
def test_a_size_that_is_wrong_is_refused_with_what_is_right(own_cache: Path, words: list[str], answer: str):
    result = CliRunner().invoke(app, ["cache", "prune", *words])
    assert result.exit_code == 2
    assert answer in result.output


def test_a_cache_that_is_not_there_is_empty(own_cache: Path):
    assert "size" in said("cache", "info")
    assert said("cache", "prune") == "freed 0.0 MB\n"
    assert not own_cache.exists()


def test_a_size_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TESTBED_CACHE_MB", "4G")
    result = CliRunner().invoke(app, ["cache", "info"])
    assert result.exit_code == 2
    assert "TESTBED_CACHE_MB=4G: must be a whole number of megabytes" in result.output
