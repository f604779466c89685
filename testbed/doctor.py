"""Checks of this machine, and the command that fixes each problem."""

import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module

from testbed.errors import PluginError, ScenarioError, TestbedError
from testbed.files import cache_dir
from testbed.machine import cores
from testbed.needs import build_command, needs

DISK_NEEDED_BYTES = 1 << 30


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes
    ----------
    name
        Subject of the check.
    ok
        Whether it is in order.
    needed
        Whether the quickstart needs it.
    found
        Result of the check, for people.
    fix
        The command that fixes it; "" where nothing needs fixing.
    """

    name: str
    ok: bool
    needed: bool
    found: str
    fix: str = ""


def examine() -> list[Check]:
    """Run all checks; takes a second, because libopus is probed by use."""
    return [check for look in LOOKS for check in look()]


def can_run(checks: Sequence[Check]) -> bool:
    """Return whether the quickstart has all that it needs."""
    return all(check.ok for check in checks if check.needed)


def as_json(checks: Sequence[Check]) -> str:
    """Return the checks for programs: ``{"ok": ..., "checks": [{name, ok, needed, found, fix}, ...]}``."""
    return json.dumps({"ok": can_run(checks), "checks": [asdict(check) for check in checks]}, indent=2)


def as_text(checks: Sequence[Check]) -> str:
    """Return the checks for people."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        mark = "ok     " if check.ok else ("MISSING" if check.needed else "--     ")
        lines.append(f"{mark}  {check.name.ljust(width)}  {check.found}")
        if check.fix:
            lines.append(f"{' ' * (width + 11)}fix: {check.fix}")
    lines += ["", "The quickstart can run." if can_run(checks) else "The quickstart cannot run yet."]
    return "\n".join(lines)


def _python() -> Iterator[Check]:
    good = sys.version_info >= (3, 11)
    fix = "" if good else "apt-get install python3.11 python3.11-venv"
    yield Check("python", good, True, f"{platform.python_version()} at {sys.executable}", fix)


def _libopus() -> Iterator[Check]:
    from testbed.codecs.opus.capabilities import capabilities

    try:
        able = capabilities()
    except TestbedError as error:
        yield Check("libopus", False, True, str(error), "testbed opus build")
        return
    yield Check("libopus", True, True, f"{able.version} at {able.path}")
    try:
        needed = _needed_by_quickstart()
    except ScenarioError as error:  # a plugin has the name of an item that it uses
        yield Check("quickstart", False, True, str(error).splitlines()[0])
        needed = set()
    for attribute, name in able.names.items():
        has = bool(getattr(able, attribute))
        found = "works" if has else "does not work"
        yield Check(f"  {name}", has, attribute in needed, found, "" if has else build_command())


def _needed_by_quickstart() -> set[str]:
    from testbed.scenario.loading import Scenario, load_scenario, points

    quickstart = load_scenario("quickstart")
    assert isinstance(quickstart, Scenario)
    return {need.capability for point in points(quickstart) for need in needs(point.scenario)}


def _cache() -> Iterator[Check]:
    folder = cache_dir()
    stands = next(parent for parent in (folder, *folder.parents) if parent.exists())
    writable = os.access(stands, os.W_OK)
    fix = "" if writable else "export TESTBED_CACHE=FOLDER, a folder that is writable"
    yield Check("cache", writable, True, f"{folder}{'' if writable else ' (not writable)'}", fix)
    free = shutil.disk_usage(stands).free
    fix = "" if free > DISK_NEEDED_BYTES else "export TESTBED_CACHE=FOLDER, a folder on a larger disk"
    yield Check("  disk", free > DISK_NEEDED_BYTES, True, f"{free / 1e9:.1f} GB free", fix)


def _speech() -> Iterator[Check]:
    from testbed.speech_corpus import CORPORA

    corpus = CORPORA["asterisk"]
    there = corpus.is_there
    found = f"asterisk at {corpus.folder}" if there else "asterisk is not fetched; only the packaged clips"
    yield Check("speech", there, True, found, "" if there else "testbed speech fetch")


def _lpcnet() -> Iterator[Check]:
    from testbed.codecs.lpcnet import weights

    there = not weights.missing()
    found = f"weights at {weights.folder()}" if there else "its weights are not fetched, or are damaged"
    yield Check("LPCNet", there, False, found, "" if there else weights.FETCH_COMMAND)


def _metrics() -> Iterator[Check]:
    from testbed.metrics import METRICS, packages

    usable = METRICS.usable()
    needed = packages(
        metric for name, metric in usable.items() if name in METRICS.builtin and not metric.extra
    )
    install = {package: metric.install for metric in usable.values() for package in metric.packages}
    for package in packages(usable.values()):
        is_needed = package in needed
        try:
            import_module(package)
        except ImportError as error:
            yield Check(package, False, is_needed, f"cannot be imported: {error}", install[package])
        else:
            yield Check(package, True, is_needed, "can be imported")


def _tools() -> Iterator[Check]:
    for name, programs, install, use in (
        ("chromium", ("chromium", "chromium-browser", "google-chrome"), "apt-get install chromium", "tests"),
        ("tshark", ("tshark",), "apt-get install tshark", "tests"),
        ("gcc", ("gcc", "cc"), "apt-get install gcc libc6-dev", "opus build"),
        ("make", ("make",), "apt-get install make", "opus build"),
    ):
        path = next((path for path in map(shutil.which, programs) if path), None)
        yield Check(
            name, path is not None, False, path or f"not found (needed for {use})", "" if path else install
        )


def _plugins() -> Iterator[Check]:
    from testbed.plugins import installed

    for registry, plugin in installed():
        name = f"plugin {plugin.package}"
        try:
            registry[plugin.name]
        except PluginError as error:
            yield Check(name, False, False, str(error), f"pip uninstall {plugin.package}")
        else:
            yield Check(name, True, False, f"{plugin.version or 'no version'}: {plugin.what} {plugin.name}")


def _cores() -> Iterator[Check]:
    yield Check("cores", True, False, f"{cores()}; a run uses all by default (--jobs N for fewer)")


LOOKS: tuple[Callable[[], Iterator[Check]], ...] = (
    _python,
    _libopus,
    _cache,
    _speech,
    _lpcnet,
    _metrics,
    _tools,
    _plugins,
    _cores,
)
