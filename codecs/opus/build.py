"""Builds libopus with everything that the testbed needs, without root, into the user's cache.

The folder ``opus/`` of the cache holds one folder per source, and a link ``current`` to the one in use. A
folder gets its name by a rename when it is complete. Only one build runs at a time; others wait for it.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from testbed.codecs.opus import library as libopus
from testbed.codecs.opus import source as opus_source
from testbed.codecs.opus.library_file import BUILD_FILE, check_file, hashes
from testbed.codecs.opus.source import Tarball
from testbed.errors import BuildError, CodecError
from testbed.files import cache_dir, sync, written_whole
from testbed.locks import one_at_a_time
from testbed.machine import cores

CONFIGURE = ("--enable-dred", "--enable-deep-plc", "--enable-osce", "--enable-lossgen")
_PROGRAMS = ("opus_demo", "lossgen_demo")
_WEIGHTS = "weights_blob.bin"
_EXCHANGE = "libopus_exchange.so"
_EXCHANGE_SOURCE = Path(__file__).parents[1] / "engines" / "exchange.c"
_EXCHANGED = ("lpcnet_plc_conceal", "lpcnet_plc_update")
_HASHED = ("libopus.so", _EXCHANGE, _WEIGHTS)
_UNFINISHED = ".building-"
# a user's own flags would make the codec's numbers differ between machines
_MEDDLING = frozenset({"CFLAGS", "CPPFLAGS", "LDFLAGS", "CONFIG_SITE", "MAKEFLAGS", "MFLAGS", "DESTDIR"})
_PLAIN_PATH = re.compile(r"[\w/.+-]+", re.ASCII)


@dataclass(frozen=True)
class Build:
    """A finished build.

    Attributes
    ----------
    library
        ``libopus.so``.
    exchange
        The same libopus, linked with ``exchange.c``; see `testbed.codecs.engines.replay`.
    opus_demo, lossgen_demo
        libopus's own programs; they run in their folder, which also holds the library.
    weights
        The networks' weights, as libopus's ``dump_weights_blob`` writes them.
    source
        The source tree, as it was unpacked.
    version
        Release of libopus, such as ``"1.6.1"``.
    sha256
        Of the tarball that it was built from.
    """

    library: Path
    exchange: Path
    opus_demo: Path
    lossgen_demo: Path
    weights: Path
    source: Path
    version: str
    sha256: str


def installed() -> Build | None:
    """Return the build in use, or None if there is no complete one."""
    return _read(_home() / "current")


@lru_cache(maxsize=1)
def built() -> Build:
    """Return the build in use; it is searched for only once.

    Raises
    ------
    CodecError
        If there is no complete build, or a file of it is damaged.
    """
    found = installed()
    if found is None:
        raise CodecError("the networks' weights come with libopus: run 'testbed opus build'")
    check_file(found.exchange)
    check_file(found.weights)
    return found


def build(tarball: Path | None = None, progress: Callable[[str], None] = print) -> Build:
    """Build libopus unless a build exists, and make it the one in use.

    Parameters
    ----------
    tarball
        A source of libopus that `testbed.codecs.opus.source.KNOWN` lists; default: an existing build is used,
        or else Debian's source package is fetched.
    progress
        Called with a line of text at the start of each step.

    Raises
    ------
    BuildError
        If a tool is missing, the source is not a known one, or it does not compile.
    """
    source = None if tarball is None else opus_source.identify(tarball)
    with one_at_a_time(
        _home() / ".lock", lambda: progress("another build of libopus is running: waiting for it")
    ):
        _remove_unfinished()
        done = _undamaged(installed())
        if done is None or (source is not None and source.sha256 != done.sha256):
            ready = None if source is None else _undamaged(_read(_target(source)))
            done = ready or _build_new(tarball, progress)
            _use(done.source.parent)
    libopus.forget()
    built.cache_clear()
    return done


def _home() -> Path:
    return cache_dir() / "opus"


def _target(source: Tarball) -> Path:
    return _home() / f"{source.version}-{source.sha256[:12]}"


def _read(folder: Path) -> Build | None:
    """Return the build in a folder, or None if it is incomplete or was made with another recipe."""
    try:
        folder = folder.resolve(strict=True)
        manifest = json.loads((folder / BUILD_FILE).read_text(encoding="utf-8"))
        done = Build(
            library=folder / "libopus.so",
            exchange=folder / _EXCHANGE,
            opus_demo=folder / "opus_demo",
            lossgen_demo=folder / "lossgen_demo",
            weights=folder / _WEIGHTS,
            source=folder / "source",
            version=str(manifest["version"]),
            sha256=str(manifest["sha256"]),
        )
        for path in (
            done.library,
            done.exchange,
            done.opus_demo,
            done.lossgen_demo,
            done.weights,
            done.source,
        ):
            path.stat()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    recipe = _recipe()
    return done if {key: manifest.get(key) for key in recipe} == recipe else None


def _recipe() -> dict[str, Any]:
    """Return the recipe of this version's builds; a build made with another one is not used."""
    digest = hashlib.sha256(_EXCHANGE_SOURCE.read_bytes()).hexdigest()
    return {"configure": list(CONFIGURE), "exchange_sha256": digest}


def _remove_unfinished() -> None:
    """Remove the files of builds that were killed; the caller holds the lock, so none of them is in use."""
    for path in _home().glob(f"{_UNFINISHED}*"):
        shutil.rmtree(path, ignore_errors=True)


def _build_new(tarball: Path | None, progress: Callable[[str], None]) -> Build:
    _require_tools()
    with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=_home(), ignore_cleanup_errors=True) as name:
        work = Path(name)
        if tarball is None:
            path = opus_source.fetch(work, progress)
        else:
            path = work / tarball.name
            shutil.copyfile(tarball, path)
        source = opus_source.identify(path)
        finished = work / "finished"
        finished.mkdir()
        if _PLAIN_PATH.fullmatch(str(work)):
            _compile(source, path, work, finished, progress)
        else:  # libtool and make do not work in a path with a space
            with tempfile.TemporaryDirectory(prefix="opus-") as plain:
                _compile(source, path, Path(plain), finished, progress)
        manifest = {"version": source.version, "sha256": source.sha256, **_recipe()}
        _write_down(finished, manifest)
        os.sync()
        target = _target(source)
        if target.exists():
            target.rename(work / "broken")
        finished.rename(target)
        sync(target.parent)
    done = _read(target)
    assert done is not None
    return done


def _undamaged(done: Build | None) -> Build | None:
    """Return a build, or None if a file is damaged; a build without a record of hashes gets one."""
    if done is None:
        return None
    folder = done.source.parent
    manifest = json.loads((folder / BUILD_FILE).read_text(encoding="utf-8"))
    try:
        for name in _HASHED:
            check_file(folder / name)
    except CodecError:
        return None
    if "files" not in manifest:
        _write_down(folder, manifest)
    return done


def _write_down(folder: Path, manifest: dict[str, Any]) -> None:
    manifest = {**manifest, "files": hashes(folder, _HASHED)}
    with written_whole(folder / BUILD_FILE) as temporary:
        temporary.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _require_tools() -> None:
    missing = [tool for tool in ("gcc", "make") if shutil.which(tool) is None]
    if missing:
        raise BuildError(
            f"{' and '.join(missing)} missing on this machine: `apt-get install gcc make libc6-dev`"
        )


def _compile(
    source: Tarball, path: Path, work: Path, finished: Path, progress: Callable[[str], None]
) -> None:
    progress(f"unpacking {source.name}")
    tree = opus_source.unpack(path, work / "unpacked")
    objects = work / "objects"
    objects.mkdir()
    progress("configuring")
    # the programs search for libopus.so in their own folder
    flags = (*CONFIGURE, "--disable-static", "--disable-doc", r"LDFLAGS=-Wl,-rpath,\$$ORIGIN")
    _run([str(tree / "configure"), *flags], objects)
    progress("compiling (about a minute)")
    _run(["make", f"-j{cores()}", "libopus.la", *_PROGRAMS, "dump_weights_blob"], objects)
    progress("linking the decoder with external concealment")
    parts = [str(part) for part in sorted(objects.glob("*/**/.libs/*.o"))]
    wrapped = [f"-Wl,--wrap={name}" for name in _EXCHANGED]
    exchange = str(_EXCHANGE_SOURCE)
    include = f"-I{tree / 'include'}"
    _run(
        ["gcc", "-O2", "-fPIC", "-shared", include, exchange, *parts, *wrapped, "-lm", "-o", _EXCHANGE],
        objects,
    )
    progress("writing the networks' weights")
    _run([str(objects / "dump_weights_blob")], objects)
    try:
        for library in (objects / ".libs").glob("libopus.so*"):
            shutil.copy2(library, finished, follow_symlinks=False)
        for program in _PROGRAMS:
            real = objects / ".libs" / program  # libtool leaves a script in place of a program that is here
            shutil.copy2(real if real.exists() else objects / program, finished)
        shutil.copy2(objects / _WEIGHTS, finished)
        shutil.copy2(objects / _EXCHANGE, finished)
        (finished / "libopus.so").stat()
        shutil.move(tree, finished / "source")
    except OSError as error:
        raise BuildError(f"the build succeeded, but {error.filename} is missing: {error.strerror}") from error
    usage = subprocess.run([finished / "opus_demo"], capture_output=True, check=False).stderr
    if b"Usage" not in usage:
        raise BuildError(
            f"the opus_demo that was built does not run: {usage.decode(errors='replace').strip()}"
        )


def _run(command: list[str], folder: Path) -> None:
    """Run one step of the build; on Ctrl-C or any error end it with all its child processes."""
    environment = {key: value for key, value in os.environ.items() if key not in _MEDDLING}
    ends_with_us = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []  # even on kill -9
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [*ends_with_us, *command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment | {"LC_ALL": "C"},
            process_group=0,
        )
        try:
            code = process.wait()
        except BaseException:
            os.killpg(process.pid, 9)
            process.wait()
            raise
    if code:
        with written_whole(_home() / "failed.log") as kept:
            shutil.copyfile(folder / "log", kept)
        lines = (folder / "log").read_text(encoding="utf-8", errors="replace").split("\n")
        errors = [line for line in lines if "error" in line.lower()] or [line for line in lines if line]
        raise BuildError(
            f"{Path(command[0]).name} failed: {' / '.join(errors[-3:])} (all of it: {_home() / 'failed.log'})"
        )


def _use(target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=_home()) as name:
        link = Path(name) / "current"
        link.symlink_to(target.name)
        link.replace(_home() / "current")
