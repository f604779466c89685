"""Debian's archive: its detection among a machine's sources, and the message if it cannot be reached."""

from pathlib import Path

import pytest

from testbed.apt import PrivateApt, debian_mirror, unpack
from testbed.errors import FetchError, NoNetworkError

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


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("E: Failed to fetch http://m/InRelease  Temporary failure resolving 'm'", NoNetworkError),
        (
            "E: Failed to fetch http://m/x  Could not connect to m:80 (1.2.3.4), connection timed out",
            NoNetworkError,
        ),
        (
            "E: Failed to fetch http://m/x  Cannot initiate the connection to m:80 (::1). - connect (101)",
            NoNetworkError,
        ),
        ("E: Failed to fetch http://m/x  404  Not Found", FetchError),
        ("E: You must put some 'deb-src' URIs in your sources.list", FetchError),
    ],
)
def test_a_missing_network_is_told_from_a_missing_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, kind: type[FetchError]
) -> None:
    (tmp_path / "apt-get").write_text(f'#!/bin/sh\necho "W: noise" >&2\necho "{said}" >&2\nexit 100\n')
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(FetchError) as caught:
        PrivateApt(()).run("update")
    assert type(caught.value) is kind
    assert str(caught.value).startswith("no network: Failed to fetch") == (kind is NoNetworkError)


def test_a_package_that_cannot_be_unpacked_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "x.deb"
    package.write_bytes(b"x")
    with pytest.raises(FetchError, match=r"x\.deb: dpkg cannot unpack it: dpkg-deb: error"):
        unpack(package, tmp_path / "root")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FetchError, match="dpkg is not on this machine"):
        unpack(package, tmp_path / "root")
