"""Names of DRED's networks: libopus's own, those in ``networks/`` beside this file, and any other folder.

A folder has ``weights.bin``, the encoder and decoder as libopus's blob holds them
(`testbed.kernels.weights`), ``quantizers.txt`` (`testbed.codecs.dred.quantizers`) and ``card.md``, which says
how they were trained. Neither weights nor quantizers are trusted: their sizes are bounded, and both are read
as plain numbers.
"""

import hashlib
from collections.abc import Container
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from testbed.codecs.opus.packet import DRED_EXPERIMENTAL_VERSIONS
from testbed.errors import CodecError, reason
from testbed.words import suggestion

WEIGHTS, QUANTIZERS, CARD = "weights.bin", "quantizers.txt", "card.md"
LIBOPUS_VERSION = 12
"""The experimental version of DRED in libopus 1.6."""
MAX_WEIGHTS_BYTES, MAX_QUANTIZERS_BYTES = 1 << 24, 1 << 18
_SHIPPED = Path(__file__).with_name("networks")


@dataclass(frozen=True, slots=True)
class DredNetwork:
    """A network's name and content, which alone makes two networks equal.

    Attributes
    ----------
    name
        As a scenario names it: ``"libopus"``, a network that comes with the testbed, or a folder.
    folder
        Absolute path of its folder; ``""`` for libopus's.
    sha256
        Of its quantizers and weights; ``""`` for libopus's.
    """

    name: str = field(compare=False)
    folder: str = field(default="", compare=False)
    sha256: str = ""

    @property
    def version(self) -> int:
        """Experimental version in its packets: libopus's 12; else one of 128 to 255, by its content."""
        return int(self.sha256[:2], 16) | 0x80 if self.sha256 else LIBOPUS_VERSION

    @property
    def versions(self) -> Container[int]:
        """Experimental versions whose payloads it reads."""
        return (self.version,) if self.sha256 else DRED_EXPERIMENTAL_VERSIONS

    @property
    def title(self) -> str:
        """Short name for tables."""
        return Path(self.folder or self.name).name

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that shape its numbers; none for libopus's, which are those of its build."""
        return (Path(self.folder) / QUANTIZERS, Path(self.folder) / WEIGHTS) if self.folder else ()

    def content(self) -> tuple[str, bytes]:
        """Return the text of its quantizers and its weights.

        Raises
        ------
        CodecError
            They cannot be read, or are no longer those that its name was given to.
        """
        quantizers, weights = _read(Path(self.folder))
        if _digest(quantizers, weights) != self.sha256:
            raise CodecError(f"{self.folder}: the network has changed since the scenario was read")
        return quantizers.decode("utf-8", "replace"), weights


LIBOPUS = DredNetwork("libopus")


@cache
def shipped_networks() -> dict[str, DredNetwork]:
    """Return the networks that come with the testbed, by name."""
    folders = sorted(path.parent for path in _SHIPPED.glob(f"*/{WEIGHTS}"))
    return {folder.name: _network(folder.name, folder) for folder in folders}


def find_network(name: str, folder: Path = Path()) -> DredNetwork:
    """Return the network that a name or a path means.

    Parameters
    ----------
    name
        ``"libopus"``, a network that comes with the testbed, or the path of a folder.
    folder
        Folder that the path is relative to.

    Raises
    ------
    CodecError
        There is no such network, or its files cannot be read or are too large.
    """
    known = {LIBOPUS.name: LIBOPUS, **shipped_networks()}
    if name in known:
        return known[name]
    try:
        path = (folder / Path(name).expanduser()).absolute()
        is_folder = path.is_dir()
    except (OSError, RuntimeError) as error:  # too long, or the home of an unknown user
        raise CodecError(f"no network {name[:200]!r}: {reason(error)}") from None
    if not is_folder:
        raise CodecError(
            f"no network {name[:200]!r}, and no folder {str(path)[:400]}{suggestion(name, list(known))}"
        )
    return _network(name, path)


def _network(name: str, folder: Path) -> DredNetwork:
    return DredNetwork(name, str(folder), _digest(*_read(folder)))


def _digest(quantizers: bytes, weights: bytes) -> str:
    return hashlib.sha256(hashlib.sha256(quantizers).digest() + hashlib.sha256(weights).digest()).hexdigest()


def _read(folder: Path) -> tuple[bytes, bytes]:
    return _bounded(folder / QUANTIZERS, MAX_QUANTIZERS_BYTES), _bounded(folder / WEIGHTS, MAX_WEIGHTS_BYTES)


def _bounded(path: Path, most: int) -> bytes:
    try:
        if not path.is_file():
            raise CodecError(f"{path}: no such file; a network is a folder with {WEIGHTS} and {QUANTIZERS}")
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise CodecError(f"{path}: cannot be read: {error.strerror or error}") from None
    if len(content) > most:
        raise CodecError(f"{path}: more than {most} bytes")
    return content
