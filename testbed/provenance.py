"""Provenance of a run: command, overrides, the testbed's version, and every file that shaped a number."""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from testbed.channels.loss.lossgen import WEIGHTS, Lossgen
from testbed.codecs.concealers import ConcealerParameters
from testbed.codecs.lpcnet import weights as lpcnet
from testbed.codecs.opus import library as libopus
from testbed.codecs.opus.build import installed
from testbed.codecs.schemes import SchemeSpec
from testbed.errors import ResultsError
from testbed.escaping import printable
from testbed.files import cache_dir, file_sha256
from testbed.mixing import Mixer
from testbed.parameters import files_of, models_in
from testbed.scenario.base import BaseScenario
from testbed.scenario.flow_scenario import FlowScenario
from testbed.scenario.loading import Point, Scenario
from testbed.speech import Clip
from testbed.version import __version__

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class Input:
    """One file that shaped a number.

    Attributes
    ----------
    path
        Absolute path.
    role
        ``"channel"`` (a recording that is replayed), ``"concealer"`` (its network), ``"speech"``, ``"mixed"``
        (a recording mixed into speech), ``"libopus"``, ``"weights"`` (of its networks and of LPCNet),
        ``"network"`` (a network of DRED that is not libopus's) or ``"scenario"``.
    sha256, bytes
        Of its content.
    """

    path: Path
    role: str
    sha256: str
    bytes: int

    def shown(self) -> dict[str, Any]:
        """Return the manifest's entry."""
        return {
            "path": printable(str(self.path)),
            "role": self.role,
            "sha256": self.sha256,
            "bytes": self.bytes,
        }


@dataclass(frozen=True)
class Provenance:
    """Facts about a run that are known at its start.

    Attributes
    ----------
    command
        The command line; None if the run was started from Python.
    inputs
        The files that shape its numbers.
    began_s
        Time of the start, by `time.monotonic`.
    resumed
        Times at which it was resumed.
    processors
        The kinds of processor that have computed its rows.
    """

    scenario: Scenario | FlowScenario
    command: Sequence[str] | None
    inputs: Sequence[Input]
    began_s: float = field(default_factory=time.monotonic)
    resumed: Sequence[str] = ()
    processors: Sequence[str] = ()

    def as_manifest(self) -> dict[str, Any]:
        """Return the manifest's entries, with the time that the run has taken."""
        scenario = self.scenario
        return {
            "command": None if self.command is None else list(self.command),
            "overrides": scenario.overrides,
            "scenario": scenario.model_dump(mode="json", exclude_none=True),
            "scenario_text": scenario.text,
            "scenario_as_run": scenario.text_as_run,
            "scenario_folder": str(scenario.folder.absolute()),
            "files": [each.shown() for each in self.inputs],
            "duration_s": round(time.monotonic() - self.began_s, 3),
            "resumed": list(self.resumed),
            "processors": list(self.processors),
        }

    def caveats(self) -> list[str]:
        """Return warnings: of interruptions, of kinds of processor, and of each input that has changed."""
        said = []
        if self.resumed:
            said.append(f"the run was interrupted, and resumed at {', '.join(self.resumed)}")
        if len(self.processors) > 1:
            kinds = printable(" and ".join(self.processors))
            said.append(f"kinds of processor computed rows, which can differ in their last digits: {kinds}")
        return said + [
            f"{printable(str(each.path))} changed during the run: its rows may come from either version"
            for each in self.inputs
            if _digest(each.path) != (each.sha256, each.bytes)
        ]


def inputs_of(
    points: Sequence[Point[Any]], clips: Sequence[Clip] = (), mixer: Mixer | None = None
) -> list[Input]:
    """Return the files that shape the numbers of a scenario's points, with their hashes.

    Parameters
    ----------
    clips
        The speech; none in a flow study, which does not use libopus.
    mixer
        What mixes recordings into it.

    Raises
    ------
    ResultsError
        One cannot be read.
    """
    found = dict(_files(points, clips, mixer))
    inputs = []
    for path, role in found.items():
        digest = _digest(path)
        if digest is None:
            raise ResultsError(f"{path}: cannot be read, and the run's numbers depend on it")
        inputs.append(Input(path, role, *digest))
    return inputs


def check_unchanged(
    manifest: dict[str, Any], now: Sequence[Input], clips: Sequence[Clip], folder: Path
) -> None:
    """Refuse to repeat a call with recordings, speech or a libopus that differ from those of the run.

    Parameters
    ----------
    manifest
        The run's manifest.
    now, clips
        The present files and speech. For speech, the samples are compared, not the paths.
    folder
        The run's folder, for the message.

    Raises
    ------
    ResultsError
        A file has changed; the message names it.
    """
    again = "the call cannot be repeated; restore that file, or run the scenario again"
    spoken = {clip["name"]: clip.get("sha256") for clip in manifest["clips"]}
    for clip in clips:
        if spoken.get(clip.name) != clip.sha256:
            raise ResultsError(f"{folder}: the speech in {clip.file} has changed since this run: {again}")
    if list(spoken) != [clip.name for clip in clips]:
        raise ResultsError(f"{folder}: the scenario's speech has fewer clips than in this run: {again}")
    known = {input_name(each["path"], each["role"]): each["sha256"] for each in manifest.get("files", ())}
    for each in now:
        before = known.get(input_name(str(each.path), each.role), each.sha256)
        if each.role not in ("speech", "scenario") and before != each.sha256:
            what = f"SHA-256 {before[:12]} then, {each.sha256[:12]} now"
            raise ResultsError(f"{folder}: {each.path} has changed since this run ({what}): {again}")


def testbed_version() -> dict[str, str | None]:
    """Return the testbed's version, and the commit if it runs from a Git checkout."""
    return {"version": __version__, "commit": _commit(Path(__file__).parent.parent / ".git")}


def _commit(git: Path) -> str | None:
    """Read the commit from a checkout's `.git`, without git; None where there is none."""
    try:
        if git.is_file():  # a worktree's
            git = (git.parent / git.read_text("utf-8").removeprefix("gitdir:").strip()).resolve()
        head = (git / "HEAD").read_text("utf-8").strip()
        if not head.startswith("ref: "):
            return head if _COMMIT.fullmatch(head) else None
        ref = head.removeprefix("ref: ")
        common = git / "commondir"
        for root in (git, (git / common.read_text("utf-8").strip()) if common.is_file() else git):
            if (root / ref).is_file():
                found = (root / ref).read_text("utf-8").strip()
                return found if _COMMIT.fullmatch(found) else None
            if (root / "packed-refs").is_file():
                for line in (root / "packed-refs").read_text("utf-8").splitlines():
                    if line.endswith(f" {ref}") and _COMMIT.fullmatch(line.split(" ")[0]):
                        return line.split(" ")[0]
    except (OSError, ValueError):
        pass
    return None


def _files(
    points: Sequence[Point[Any]], clips: Sequence[Clip], mixer: Mixer | None
) -> Iterator[tuple[Path, str]]:
    first = points[0].scenario
    if first.file is not None:
        yield first.file.absolute(), "scenario"
    for point in points:
        yield from named_files(point.scenario)
        for scheme in getattr(point.scenario, "schemes", ()):
            yield from network_files(scheme)
            if scheme.synthesized_by() == "lpcnet":
                yield lpcnet.file(), "weights"
    for path in () if mixer is None else mixer.files:
        yield path.absolute(), "mixed"
    for clip in clips:
        yield clip.file.absolute(), "speech"
    if clips:
        yield from libopus_files()


def named_files(scenario: BaseScenario) -> Iterator[tuple[Path, str]]:
    """Yield each file that a scenario without a sweep names, but for speech, and its role."""
    for model in models_in(scenario):
        role = "concealer" if isinstance(model, ConcealerParameters) else "channel"
        for name in files_of(model):
            yield (scenario.folder / name).absolute(), role
    if any(isinstance(model, Lossgen) for model in models_in(scenario)):
        yield cache_dir() / WEIGHTS, "weights"


def network_files(scheme: SchemeSpec) -> Iterator[tuple[Path, str]]:
    """Yield the files of the network with which the testbed writes a scheme's DRED, and their role."""
    for path in scheme.dred_network().files:
        yield path, "network"


def libopus_files() -> Iterator[tuple[Path, str]]:
    """Yield the files of this machine's libopus, each with its role."""
    library = Path(libopus.find())
    if library.is_file():  # else a bare name that the dynamic linker knows
        yield library, "libopus"
    build = installed()
    if build is not None and build.library.resolve() == library.resolve():
        yield build.exchange, "libopus"
        yield build.weights, "weights"


def sha256_of(path: Path) -> str | None:
    """Return the SHA-256 of a file's content; None if it cannot be read."""
    digest = _digest(path)
    return None if digest is None else digest[0]


def input_name(path: str, role: str) -> str:
    """Return the identity of an input within its role; libopus has the same one in any folder."""
    return Path(path).name if role in ("libopus", "weights") else path


def _digest(path: Path) -> tuple[str, int] | None:
    try:
        status = path.stat()
        return _hashed(path, status.st_mtime_ns, status.st_size, status.st_ino), status.st_size
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=4096)
def _hashed(path: Path, _changed_ns: int, _size: int, _inode: int) -> str:
    return file_sha256(path)
