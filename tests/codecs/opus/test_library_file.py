"""A damaged library is named before it is loaded; loaded, it would kill the process."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.codecs.opus.build import built
from testbed.codecs.opus.library_file import BUILD_FILE, check_file, hashes
from testbed.errors import CodecError


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return Path(shutil.copyfile(built().library, tmp_path / "libopus.so"))


def write_down(library: Path) -> None:
    said = {"files": hashes(library.parent, [library.name])}
    (library.parent / BUILD_FILE).write_text(json.dumps(said))


@pytest.mark.parametrize("left", [0.5, 0.9, 0.999999])
def test_a_library_that_is_cut_short_is_refused_without_its_hash(library: Path, left: float) -> None:
    check_file(library)
    size = library.stat().st_size
    with library.open("rb+") as file:
        file.truncate(int(size * left))
    with pytest.raises(CodecError, match=rf"is cut short: {int(size * left)} of {size} bytes"):
        check_file(library)
    probe = f"from testbed.codecs.opus.library import load; load({str(library)!r})"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 1, "ended by itself, not by a signal"
    assert "is cut short" in done.stderr


def test_one_byte_that_changed_is_found_by_the_hash_of_the_build(library: Path) -> None:
    link = library.with_name("libopus.so.0")
    link.symlink_to(library.name)
    write_down(library)
    check_file(link)
    with library.open("rb+") as file:
        file.seek(1_000_000)
        byte = file.read(1)
        file.seek(1_000_000)
        file.write(bytes([byte[0] ^ 1]))
    for path in (library, link):
        with pytest.raises(CodecError, match=r"is damaged.*`testbed opus build` builds it again"):
            check_file(path)


@pytest.mark.parametrize("said", ["", "[", "[]", '{"files": 1}', '{"files": {"other": "x"}}'])
def test_a_record_without_the_library_does_not_refuse_it(library: Path, said: str) -> None:
    (library.parent / BUILD_FILE).write_text(said)
    check_file(library)


def test_a_file_that_is_not_a_library_is_left_to_the_linker(tmp_path: Path) -> None:
    for content in (b"", b"\x7fELF", b"#!/bin/sh\n" * 50):
        (tmp_path / "x").write_bytes(content)
        check_file(tmp_path / "x")
    with pytest.raises(CodecError, match="cannot be read"):
        check_file(tmp_path / "nowhere")
