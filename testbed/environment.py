"""The environment of a process: what shapes its numbers besides the scenario and the samples of the speech.

Processes with equal environments make equal rows, on one kind of processor.
"""

import hashlib
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from importlib.util import find_spec
from pathlib import Path

from testbed.channels.loss.lossgen import WEIGHTS
from testbed.codecs.concealers import ConcealerParameters
from testbed.codecs.lpcnet import weights as lpcnet
from testbed.codecs.opus.capabilities import capabilities
from testbed.files import cache_dir
from testbed.metrics import METRICS, packages
from testbed.parameters import models_in
from testbed.plugins import packages_used, versions_used
from testbed.provenance import Input, libopus_files, sha256_of
from testbed.registry import version_of
from testbed.scenario.base import BaseScenario
from testbed.version import __version__

Fact = tuple[str, str]
"""A kind (``"testbed"``, ``"version"``, ``"plugin"``, ``"installed"`` or ``"file"``), and a name."""
Environment = Mapping[Fact, str]
"""The value of each fact."""

COMPUTE = ("numpy", "scipy", "numba", "simpy")
"""Packages whose versions can change a number that a call is computed from, besides those of the metrics."""
_SHAPE_NUMBERS = ("speech-testbed", *COMPUTE, "pandas", "soxr", "soundfile")
"""Packages whose versions can change a number in the table, besides those of the metrics."""
_MAKE_NUMBERS = ("testbed", "testbed.channels", "testbed.codecs", "testbed.kernels")


def plugin_hashes(scenarios: Sequence[BaseScenario]) -> dict[str, str]:
    """Return the hashes of the modules of the plugins that scenarios name, by import package."""
    return {package: modules_sha256((package,)) for package in packages_used(scenarios)}


def versions(scenarios: Sequence[BaseScenario]) -> dict[str, str]:
    """Return the versions of everything that shapes a number, the plugins that scenarios name included."""
    used = {name for scenario in scenarios for name in getattr(scenario, "metric_names", ())}
    metrics = [
        METRICS[name]
        for name in METRICS
        if name in used or (name in METRICS.builtin and not METRICS[name].extra)
    ]
    concealers = [model for model in models_in(list(scenarios)) if isinstance(model, ConcealerParameters)]
    concealing = (package for concealer in concealers for package in concealer.packages)
    named = (*packages(metrics), *concealing, *versions_used(scenarios))
    names = ("python", "libopus", *_SHAPE_NUMBERS, *named)
    return {name: _version(name) for name in names}


def environment(scenarios: Sequence[BaseScenario], inputs: Iterable[Input]) -> Environment:
    """Return the environment of this process for scenarios without a sweep.

    Parameters
    ----------
    inputs
        The files that shape their numbers. Speech is left out: its samples travel.
    """
    return like(
        [
            ("testbed", "testbed"),
            *(("version", name) for name in versions(scenarios)),
            *(("plugin", package) for package in packages_used(scenarios)),
            *(("installed", each.path.name) for each in inputs if each.role in ("libopus", "weights")),
            *(("file", str(each.path)) for each in inputs if each.role in ("channel", "concealer")),
        ]
    )


def like(facts: Iterable[Fact]) -> Environment:
    """Return the values of facts in this process."""
    return {fact: _value(*fact) for fact in facts}


def differences(here: Environment) -> list[str]:
    """Return the facts that have other values in this process than in the run's, in words.

    Parameters
    ----------
    here
        The environment of the run.
    """
    there = like(here)
    differing = [fact for fact, value in here.items() if there[fact] != value]
    found = [f"{name} is {there[kind, name]} there and {here[kind, name]} here" for kind, name in differing]
    installed = {name for kind, name in differing if kind == "installed"}
    if lpcnet.file().name in installed:
        found.append(f"run '{lpcnet.FETCH_COMMAND}' there")
    if installed - {lpcnet.file().name}:
        found.append("run 'testbed opus build' there")
    return found


def _value(kind: str, name: str) -> str:
    if kind == "testbed":
        return f"{__version__} with modules of SHA-256 {modules_sha256()[:12]}"
    if kind == "version":
        return _version(name)
    if kind == "plugin":
        return f"SHA-256 {modules_sha256((name,))[:12]}"
    fetched = (cache_dir() / WEIGHTS, lpcnet.file(), *(path for path, _ in libopus_files()))
    own = {path.name: path for path in fetched}
    digest = sha256_of(Path(name) if kind == "file" else own.get(name, Path()))
    return "missing" if digest is None else f"SHA-256 {digest[:12]}"


def _version(name: str) -> str:
    """Return the version of Python, libopus or a package."""
    if name == "python":
        return platform.python_version()
    if name == "libopus":
        return capabilities().version
    return package_version(name)


@cache
def package_version(name: str) -> str:
    """Return the version of a package, given by its own name or the one it is imported by."""
    try:
        return version_of(distribution(name))
    except PackageNotFoundError:
        distributions = packages_distributions().get(name)
        return version_of(distribution(distributions[0])) if distributions else "not installed"


@cache  # a process keeps the modules that it has loaded
def modules_sha256(of: tuple[str, ...] = _MAKE_NUMBERS) -> str:
    """Return the hash of the modules of packages; default: those of the testbed that make the numbers."""
    digest = hashlib.sha256()
    for name, path in sorted(dict(_modules(of)).items()):
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _modules(names: Iterable[str]) -> Iterator[tuple[str, Path]]:
    for package in names:
        spec = find_spec(package)
        if spec and spec.origin and not spec.submodule_search_locations:
            yield package, Path(spec.origin)
        for place in (spec and spec.submodule_search_locations) or ():
            for path in Path(place).rglob("*.py"):
                inside = path.relative_to(place).with_suffix("").parts
                yield ".".join((package, *inside)), path
