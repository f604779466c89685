"""The source of libopus: accepted tarballs, their origin, and unpacking."""

import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from testbed.apt import private_apt
from testbed.errors import BuildError, FetchError, NoNetworkError
from testbed.files import file_sha256

SUITES = ("forky", "sid", "trixie")
_LIMIT_BYTES = 1 << 30


@dataclass(frozen=True)
class Tarball:
    """A known release of libopus's source."""

    name: str
    version: str
    sha256: str


KNOWN: tuple[Tarball, ...] = (
    Tarball(
        "opus_1.6.1.orig.tar.xz", "1.6.1", "001ac615b9f8f8994b229ad2b1a5969ed12ab48b0d154d0af1016a5899cd6ba1"
    ),
    Tarball("opus-1.6.1.tar.gz", "1.6.1", "6ffcb593207be92584df15b32466ed64bbec99109f007c82205f0194572411a1"),
    Tarball(
        "opus_1.5.2.orig.tar.gz", "1.5.2", "65c1d2f78b9f2fb20082c38cbe47c951ad5839345876e46941612ee87f9a7ce1"
    ),
)


def identify(path: Path) -> Tarball:
    """Return the known release that a tarball has, by its SHA-256.

    Raises
    ------
    BuildError
        If it cannot be read, or is not a known one.
    """
    try:
        digest = file_sha256(path)
    except OSError as error:
        raise BuildError(f"{path}: cannot be read: {error.strerror}") from error
    for tarball in KNOWN:
        if tarball.sha256 == digest:
            return tarball
    names = ", ".join(tarball.name for tarball in KNOWN)
    raise BuildError(f"{path}: SHA-256 {digest} is not that of a known source of libopus: {names}")


def fetch(folder: Path, progress: Callable[[str], None]) -> Path:
    """Fetch Debian's source package of libopus into `folder`, from the first suite with a known release.

    Nothing outside `folder` is changed, and no root is needed.

    Raises
    ------
    BuildError
        If the archive cannot be reached, or no suite has a known release; the message lists what each has.
    """
    if shutil.which("apt-get") is None:
        raise BuildError(
            f"apt-get is not on this machine: download {KNOWN[1].name} and give it with --tarball FILE"
        )
    reasons = []
    for suite in SUITES:
        progress(f"fetching libopus's source from Debian {suite}")
        target = folder / suite
        target.mkdir(parents=True, exist_ok=True)
        try:
            apt = private_apt(folder / "apt", suites=(suite,), kinds=("deb-src",))
            apt.run("source", "--download-only", "opus", cwd=target)
            path = next(target.glob("opus_*.orig.tar.*[!c]"), None)
            if path is None:
                raise BuildError("apt-get source fetched no opus_*.orig.tar")
            identify(path)
            return path
        except NoNetworkError as error:
            raise BuildError(
                f"{error}. Connect this machine, or bring {KNOWN[1].name} and give it with --tarball FILE"
            ) from None
        except (FetchError, BuildError) as error:
            reasons.append(f"{suite}: {error}")
    raise BuildError(
        f"no known source of libopus from Debian ({'; '.join(reasons)}). "
        f"Or download {KNOWN[1].name} and give it with --tarball FILE"
    )


def unpack(path: Path, folder: Path) -> Path:
    """Unpack a tarball into the new `folder` and return its single top folder.

    Only regular files and folders are unpacked, with no permissions but to read, write and execute.

    Raises
    ------
    BuildError
        If a member points outside, is not a regular file or is too large, or the archive is damaged.
    """
    folder.mkdir()
    inside = folder.resolve()
    total_bytes = 0
    try:
        with tarfile.open(path, "r:*") as archive:
            archive.extraction_filter = getattr(tarfile, "data_filter", None)  # not in Python before 3.11.4
            for member in archive:
                target = (inside / member.name).resolve()
                if not target.is_relative_to(inside) or Path(member.name).is_absolute():
                    raise BuildError(f"{path}: {member.name!r} would be written outside; refused")
                if not (member.isfile() or member.isdir()):
                    raise BuildError(f"{path}: {member.name!r} is neither a file nor a folder; refused")
                total_bytes += member.size
                if total_bytes > _LIMIT_BYTES:
                    raise BuildError(f"{path}: unpacks to more than {_LIMIT_BYTES >> 20} MiB; refused")
                member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
                member.uid = member.gid = -1
                member.uname = member.gname = ""
                archive.extract(member, inside, set_attrs=True)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BuildError(f"{path}: cannot be unpacked: {error}") from error
    tops = list(folder.iterdir())
    if len(tops) != 1 or not tops[0].is_dir():
        raise BuildError(f"{path}: a source has one folder at its top, not {len(tops)} entries")
    return tops[0]
