"""Debian packages without root: apt-get with a private state folder and the mirror of this machine.

The machine's package lists may be empty, stale, or lack the suite; a private state folder has none of these
problems and changes nothing outside itself. The machine's `apt.conf` (e.g. proxies) still applies.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from testbed.errors import FetchError, NoNetworkError

_ETC_APT = Path("/etc/apt")
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_UNREACHABLE = re.compile(
    r"Temporary failure resolving|Could not resolve|Could not connect|Unable to connect|Cannot initiate the "
    r"connection|Connection (refused|timed out|failed)|Network is unreachable|No route to host"
)
_ARCHIVE_SUITE = re.compile(r"[a-z]+(/.*)?")  # a plain release, not `bookworm-security` or `nodistro/x`


@dataclass(frozen=True)
class AptSource:
    """One line of apt's sources: an archive, a suite of it, and its signing key (a path, or "")."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str = ""
    trusted: bool = False


@dataclass(frozen=True)
class PrivateApt:
    """An `apt-get` over a private state folder."""

    options: tuple[str, ...]

    def run(self, *arguments: str, cwd: Path | None = None) -> str:
        """Run ``apt-get arguments`` in the folder `cwd` and return its output.

        Raises
        ------
        NoNetworkError
            If it cannot reach the archive.
        FetchError
            If it fails for another reason; the message is apt's own.
        """
        done = subprocess.run(
            ["apt-get", "-qq", *self.options, *arguments],
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
        )
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.startswith("E:")]
            if unreachable := [line for line in errors if _UNREACHABLE.search(line)]:
                raise NoNetworkError(f"no network: {unreachable[0].removeprefix('E: ')}")
            raise FetchError(
                f"apt-get {' '.join(arguments)} failed: {' '.join(errors) or done.stderr.strip()}"
            )
        return done.stdout

    def download(self, package: str, folder: Path) -> Path:
        """Fetch a binary package into `folder` and return its file.

        Raises
        ------
        FetchError
            As `run`, or if apt leaves no file.
        """
        self.run("download", package, cwd=folder)
        found = sorted(folder.glob(f"{package}_*.deb"))
        if not found:
            raise FetchError(f"apt-get download {package} left no file in {folder}")
        return found[0]


def unpack(package: Path, folder: Path) -> None:
    """Unpack a binary package into `folder`, which is created if missing.

    Raises
    ------
    FetchError
        If `dpkg` is missing or fails.
    """
    if shutil.which("dpkg") is None:
        raise FetchError("dpkg is not on this machine; packages can only be unpacked on a Debian system")
    done = subprocess.run(
        ["dpkg", "-x", str(package), str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise FetchError(f"{package}: dpkg cannot unpack it: {done.stderr.strip()}")


def private_apt(
    folder: Path, suites: Sequence[str] | None = None, kinds: Sequence[Literal["deb", "deb-src"]] = ("deb",)
) -> PrivateApt:
    """Set up a private apt in `folder` and read the package lists of the given suites.

    Parameters
    ----------
    folder
        Folder of apt's state and cache; created if missing.
    suites
        Suites to read, e.g. ``("forky", "sid")``; by default the one that the machine itself follows.
    kinds
        ``deb`` for binary packages, ``deb-src`` for source packages.

    Raises
    ------
    FetchError
        If this is not a Debian machine, or its mirror cannot be read.
    """
    if shutil.which("apt-get") is None:
        raise FetchError("apt-get is not on this machine; packages can only be fetched on a Debian system")
    mirror = debian_mirror()
    folder = folder.resolve()
    for part in ("state/lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    option = (
        f"[signed-by={mirror.signed_by}] " if mirror.signed_by else "[trusted=yes] " if mirror.trusted else ""
    )
    lines = [
        f"{kind} {option}{mirror.uri} {suite} main\n" for suite in suites or [mirror.suite] for kind in kinds
    ]
    (folder / "sources.list").write_text("".join(lines), encoding="utf-8")
    settings = {
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "/nonexistent",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        # Otherwise apt treats lists that it cannot fetch as empty.
        "APT::Update::Error-Mode": "any",
        # As root, apt would change to its own user, who must not write below a home folder.
        "APT::Sandbox::User": "root",
    }
    apt = PrivateApt(tuple(word for key, value in settings.items() for word in ("-o", f"{key}={value}")))
    apt.run("update")
    return apt


def debian_mirror(etc_apt: Path = _ETC_APT) -> AptSource:
    """Return the source from which this machine takes Debian's main archive.

    Raises
    ------
    FetchError
        If no source of the machine looks like it.
    """
    candidates = [
        source
        for source in sources(etc_apt)
        if "main" in source.components
        and _ARCHIVE_SUITE.fullmatch(source.suite)
        and "security" not in source.uri
    ]
    if not candidates:
        raise FetchError(
            f"no Debian mirror in {etc_apt}/sources.list or {etc_apt}/sources.list.d; add one and try again"
        )
    # other repositories also have suites like `stable main`, and their files may come first
    source = max(candidates, key=lambda one: ("debian-archive" in one.signed_by, "debian" in one.uri))
    if not source.signed_by and not source.trusted and _KEYRING.exists():
        return replace(source, signed_by=str(_KEYRING))
    return source


def sources(etc_apt: Path = _ETC_APT) -> Iterator[AptSource]:
    """Read apt's sources, in apt's order: `sources.list`, then `sources.list.d/*.{list,sources}` by name.

    Both formats of sources.list(5) are read: one line per source, and deb822 stanzas. Disabled and unknown
    entries are ignored, as apt itself reports them.
    """
    for path in [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))]:
        if path.suffix not in {".list", ".sources"} or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        yield from _one_line(text) if path.suffix == ".list" else _deb822(text)


def _one_line(text: str) -> Iterator[AptSource]:
    for line in text.splitlines():
        match = re.fullmatch(
            r"deb(?:-src)?\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)((?:\s+\S+)*)", line.split("#")[0].strip()
        )
        if match:
            options = dict(word.split("=", 1) for word in (match[1] or "").split() if "=" in word)
            signed_by, trusted = options.get("signed-by", ""), options.get("trusted") == "yes"
            yield AptSource(match[2], match[3], tuple(match[4].split()), _path(signed_by), trusted)


def _deb822(text: str) -> Iterator[AptSource]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in re.split(r"\n\s*\n", "\n".join(lines)):
        # A value continues in the following lines that begin with a space.
        fields = {
            key.lower(): value for key, value in re.findall(r"(?m)^([\w-]+):(.*(?:\n[ \t].*)*)", stanza)
        }
        if fields.get("enabled", "yes").strip().lower() in {"no", "false", "0"}:
            continue
        signed_by, trusted = fields.get("signed-by", ""), fields.get("trusted", "").strip() == "yes"
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield AptSource(
                    uri, suite, tuple(fields.get("components", "").split()), _path(signed_by), trusted
                )


def _path(signed_by: str) -> str:
    """Keep a keyring's path; a key written into the source itself or a fingerprint is left out."""
    return signed_by.strip() if re.fullmatch(r"\s*/\S+\s*", signed_by) else ""
