"""Debian's package of libcodec2, which holds LPCNet and its weights."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from testbed.apt import private_apt, unpack
from testbed.errors import FetchError, NoNetworkError
from testbed.files import file_sha256

LIBRARY = "libcodec2.so"
WEIGHTS = "weights.bin"
_TIMEOUT_S = 120


@dataclass(frozen=True)
class Package:
    """A known package.

    Attributes
    ----------
    suite
        Debian's release that has it.
    name, version
        Its name and version there.
    sha256
        Of its file, by architecture.
    """

    suite: str
    name: str
    version: str
    sha256: dict[str, str]


KNOWN: tuple[Package, ...] = (  # in the order in which they are tried
    Package(
        "bookworm",
        "libcodec2-1.0",
        "1.0.5-1",
        {
            "amd64": "5f91673bc70e10496389d061a7f01f27f7f0d9090de56cce7ba21b9c461163d9",
            "arm64": "13c5182958d011333d30e1459e5e72acb24a2b3433ac4dd027d35f1afdcb6338",
        },
    ),
    Package(
        "trixie",
        "libcodec2-1.2",
        "1.2.0-3",
        {
            "amd64": "d68a3b754be7aa2d724d01d2079c542fc7cfa53eaa4ac89fbc6e63d950c02bd6",
            "arm64": "33e971eb87601c32b330dc1915b92f3fd88ea74380a30a2d10b657065d36e920",
        },
    ),
    Package(
        "forky",
        "libcodec2-1.2",
        "1.2.0-5",
        {
            "amd64": "4028e7dd7b762e75c52b48b993ff8bd665e8192835985fd4673a59eb7aa2b779",
            "arm64": "ec6b415be7993e38e60a0151cc637956ecee626b021a02e6ce21e20bd109ca86",
        },
    ),
    Package(
        "bullseye",
        "libcodec2-0.9",
        "0.9.2-4",
        {
            "amd64": "27b8f890e7b614ea203826b8ecdff65d742993f1bccb15b22e7ae2683e76ec1e",
            "arm64": "325c2106a587e3c054b31cf6ab8325f61a32f141eee2cea3f2eaa0423b3398d5",
        },
    ),
)


def identify(file: Path) -> Package:
    """Return the known package that a file is, by its SHA-256.

    Raises
    ------
    FetchError
        If it cannot be read, or is not a known one.
    """
    try:
        if file.exists() and not file.is_file():
            raise FetchError(f"{file}: is not a file")
        digest = file_sha256(file)
    except OSError as error:
        raise FetchError(f"{file}: cannot be read: {error.strerror}") from None
    for package in KNOWN:
        if digest in package.sha256.values():
            return package
    names = ", ".join(f"{package.name} {package.version}" for package in KNOWN)
    raise FetchError(
        f"{file}: SHA-256 {digest} is not that of a known package: {names} (amd64 and arm64 of each)"
    )


def fetch_package(folder: Path, progress: Callable[[str], None]) -> Path:
    """Fetch the first known package that Debian's archive has into `folder`.

    Raises
    ------
    FetchError
        If the archive cannot be reached, or has none of them; the message has the reasons.
    """
    reasons: dict[str, list[str]] = {}
    elsewhere = "give a package that you have with --package FILE"
    for package in KNOWN:
        progress(f"Fetching {package.name} from Debian {package.suite}")
        target = folder / package.suite
        target.mkdir()
        try:
            file = private_apt(target / "apt", (package.suite,)).download(package.name, target)
            identify(file)
        except NoNetworkError as error:
            raise NoNetworkError(f"{error}. Connect this machine, or {elsewhere}") from None
        except FetchError as error:
            reasons.setdefault(str(error), []).append(package.suite)
        else:
            return file
    said = "; ".join(f"{', '.join(suites)}: {reason}" for reason, suites in reasons.items())
    raise FetchError(f"no known package of libcodec2 from Debian ({said}). Or {elsewhere}")


def take_out(file: Path, folder: Path) -> None:
    """Put LPCNet's weights, its library and the package's licence into `folder`.

    Parameters
    ----------
    file
        A known package.

    Raises
    ------
    FetchError
        If it cannot be unpacked, or its library does not run here or holds another network.
    """
    package = identify(file)
    root = folder / "package"
    unpack(file, root)
    try:
        library = next(path for path in root.glob("usr/lib/*/libcodec2.so.*") if not path.is_symlink())
        shutil.copyfile(root / f"usr/share/doc/{package.name}/copyright", folder / "copyright.txt")
        library.rename(folder / LIBRARY)
    except (OSError, StopIteration) as error:
        raise FetchError(f"{file}: has no library or no licence: {error}") from None
    finally:
        shutil.rmtree(root, ignore_errors=True)
    program = "testbed.codecs.lpcnet.extraction"
    try:
        done = subprocess.run(
            [sys.executable, "-m", program, str(folder / LIBRARY), str(folder / WEIGHTS)],
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise FetchError(f"{file}: reading its library took longer than {_TIMEOUT_S} s") from None
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or [f"it ended with code {done.returncode}"]
        raise FetchError(f"{file}: its library cannot be read here: {said[0]}")
