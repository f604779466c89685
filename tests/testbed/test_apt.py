"""Which of a machine's sources is taken for Debian's archive, when others look like it."""

from pathlib import Path

import pytest

from testbed.apt import debian_mirror

DEB822 = """\
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""
ONE_LINE = """\
# deb cdrom:[Debian]/ bookworm main
deb http://mirror.example/debian-security bookworm-security main
deb http://mirror.example/debian bookworm main contrib
deb-src http://mirror.example/debian bookworm main
"""
EDITOR = "deb [arch=amd64 signed-by=/usr/share/keyrings/editor.gpg] https://vendor.example/code stable main\n"


@pytest.mark.parametrize("name", ["editor.list", "zz-editor.list"])
@pytest.mark.parametrize(("debian", "text"), [("debian.sources", DEB822), ("debian.list", ONE_LINE)])
def test_other_repositories_are_not_debian(tmp_path: Path, name: str, debian: str, text: str) -> None:
    folder = tmp_path / "sources.list.d"
    folder.mkdir()
    (folder / name).write_text(EDITOR)
    (folder / debian).write_text(text)
    mirror = debian_mirror(tmp_path)
    assert (mirror.uri, mirror.suite) == ("http://mirror.example/debian", "bookworm")
    assert "editor" not in mirror.signed_by
