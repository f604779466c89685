"""`build` on tiny sources whose configure and make are scripts: its real code, in a second."""

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from testbed.codecs.opus import build as opus_build
from testbed.codecs.opus import library as libopus
from testbed.codecs.opus import source as opus_source
from testbed.codecs.opus.build import build, installed
from testbed.codecs.opus.source import Tarball, identify, unpack
from testbed.errors import BuildError, FetchError

MAKEFILE = """\
all: libopus.la opus_demo lossgen_demo dump_weights_blob
libopus.la:
	@echo made >> "$(JOURNAL)"
	@$(HOOK)
	mkdir -p .libs
	echo library > .libs/libopus.so.0.1
	ln -s libopus.so.0.1 .libs/libopus.so.0
	ln -s libopus.so.0.1 .libs/libopus.so
	touch libopus.la
opus_demo: libopus.la
	printf '#!/bin/sh\\necho Usage: $$0 >&2\\nexit 1\\n' > .libs/opus_demo
	printf '#!/bin/sh\\necho wrapper of libtool\\n' > opus_demo
	chmod +x .libs/opus_demo opus_demo
lossgen_demo dump_weights_blob:
	printf '#!/bin/sh\\nprintf DNNw > weights_blob.bin\\n' > $@
	chmod +x $@
"""
OPUS_H = """\
typedef struct OpusDecoder OpusDecoder;
int opus_decode_float(OpusDecoder *, const unsigned char *, int, float *, int, int);
enum { OPUS_BAD_ARG = -1, OPUS_INTERNAL_ERROR = -3, OPUS_INVALID_PACKET = -4 };
"""
CONFIGURE = """\
#!/bin/sh
echo "$@" > options
{ echo "JOURNAL=%s"; echo "HOOK=%s"; cat "$(dirname "$0")/Makefile.in"; } > Makefile
"""


def write_tar(path: Path, members: Sequence[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member, data in members:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    return info


class Lab:
    """A private cache, and sources that `build` takes for known ones."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self.cache = cache
        self.journal = folder / "journal"
        self.said: list[str] = []

    def tarball(self, version: str = "1.6.1", hook: str = "true") -> Path:
        """Make a source that runs the shell command `hook` in its make."""
        top = f"opus-{version}"
        path = write_tar(
            self.folder / f"{top}.tar.gz",
            [
                (member(top, tarfile.DIRTYPE, mode=0o755), b""),
                (member(f"{top}/configure", mode=0o755), (CONFIGURE % (self.journal, hook)).encode()),
                (member(f"{top}/Makefile.in"), MAKEFILE.encode()),
                (member(f"{top}/include", tarfile.DIRTYPE, mode=0o755), b""),
                (member(f"{top}/include/opus.h"), OPUS_H.encode()),
            ],
        )
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        opus_source.KNOWN = (*opus_source.KNOWN, Tarball(path.name, version, digest))
        return path

    def build(self, tarball: Path | None) -> opus_build.Build:
        return build(tarball, self.said.append)

    def makes(self) -> int:
        return len(self.journal.read_text().splitlines()) if self.journal.exists() else 0

    def leftovers(self) -> list[str]:
        return sorted(path.name for path in (self.cache / "opus").glob("*") if path.name != ".lock")


@pytest.fixture(params=["cache", "a cache"])
def lab(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    cache = tmp_path / request.param
    monkeypatch.setenv("TESTBED_CACHE", str(cache))
    monkeypatch.delenv("OPUS_LIBRARY", raising=False)
    monkeypatch.setattr(opus_source, "KNOWN", opus_source.KNOWN)
    libopus.forget()
    return Lab(tmp_path, cache)


def test_a_build_is_whole_and_made_once(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEFLAGS", "--dry-run")
    assert installed() is None
    tarball = lab.tarball()
    done = lab.build(tarball)
    assert installed() == done
    assert done.version == "1.6.1"
    assert done.sha256 == identify(tarball).sha256
    assert done.library.read_text() == "library\n"
    assert (done.library.parent / "libopus.so.0").is_symlink()
    assert done.weights.read_bytes() == b"DNNw"
    assert sorted(path.name for path in done.source.iterdir()) == ["Makefile.in", "configure", "include"]
    usage = subprocess.run([done.opus_demo], capture_output=True, text=True, check=False).stderr
    assert usage == f"Usage: {done.opus_demo}\n"
    assert libopus.find() == str(done.library.resolve())
    manifest = json.loads((done.source.parent / "build.json").read_text())
    assert manifest["configure"][:2] == ["--enable-dred", "--enable-deep-plc"]

    lab.said.clear()
    assert lab.build(tarball) == lab.build(None) == done
    assert (lab.said, lab.makes()) == ([], 1)
    assert lab.leftovers() == [done.source.parent.name, "current"]


def test_a_damaged_build_is_built_again(lab: Lab) -> None:
    done = lab.build(lab.tarball())
    done.library.resolve().write_text("librarY\n")
    assert lab.build(lab.tarball()).library.read_text() == "library\n"
    assert lab.makes() == 2


def test_a_build_that_did_not_write_its_hashes_down_does_it_now(lab: Lab) -> None:
    done = lab.build(lab.tarball())
    path = done.source.parent / "build.json"
    said = json.loads(path.read_text())
    assert said["files"]["libopus.so"] == hashlib.sha256(b"library\n").hexdigest()
    path.write_text(json.dumps({key: value for key, value in said.items() if key != "files"}))
    assert lab.build(None) == done
    assert json.loads(path.read_text()) == said
    assert lab.makes() == 1


def test_another_source_and_back(lab: Lab) -> None:
    new, old = lab.tarball("1.6.1"), lab.tarball("1.5.2")
    first = lab.build(new)
    assert lab.build(old).version == "1.5.2"
    assert first.library.exists()
    assert lab.build(None).version == "1.5.2"
    assert lab.build(new) == first
    assert lab.makes() == 2


@pytest.mark.parametrize("part", ["weights_blob.bin", "build.json", "opus_demo", "libopus_exchange.so"])
def test_an_incomplete_build_is_built_again(lab: Lab, part: str) -> None:
    tarball = lab.tarball()
    done = lab.build(tarball)
    (done.source.parent / part).unlink()
    assert installed() is None
    assert lab.build(tarball) == done
    assert installed() == done
    assert lab.makes() == 2


def test_a_build_made_in_another_way_is_built_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    tarball = lab.tarball()
    lab.build(tarball)
    monkeypatch.setattr(opus_build, "CONFIGURE", ("--enable-dred",))
    assert installed() is None
    assert lab.build(tarball) == installed()
    assert lab.makes() == 2


def test_a_failed_build_leaves_its_log_and_nothing_else(lab: Lab) -> None:
    hook = "echo 'celt.c:7: error: no such thing' >&2; exit 1"
    with pytest.raises(BuildError, match=r"make failed: .*celt.c:7: error: no such thing .*failed.log"):
        lab.build(lab.tarball(hook=hook))
    assert installed() is None
    assert lab.leftovers() == ["failed.log"]
    assert "no such thing" in (lab.cache / "opus" / "failed.log").read_text()


def test_a_failed_build_leaves_the_one_in_use(lab: Lab) -> None:
    done = lab.build(lab.tarball())
    with pytest.raises(BuildError, match="make failed"):
        lab.build(lab.tarball("1.5.2", hook="exit 1"))
    assert installed() == done


def test_files_of_a_killed_build_are_removed(lab: Lab) -> None:
    (lab.cache / "opus" / ".building-old" / "finished").mkdir(parents=True)
    assert installed() is None
    done = lab.build(lab.tarball())
    assert lab.leftovers() == [done.source.parent.name, "current"]


def until(condition: Callable[[], bool]) -> None:
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("what was waited for did not come")


def test_two_at_once(lab: Lab) -> None:
    go = lab.folder / "go"
    tarball = lab.tarball(hook=f"until test -e '{go}'; do sleep 0.01; done")
    builds: list[opus_build.Build] = []
    threads = [threading.Thread(target=lambda: builds.append(lab.build(tarball))) for _ in range(2)]
    threads[0].start()
    until(lambda: lab.makes() == 1)
    threads[1].start()
    until(lambda: any("waiting" in line for line in lab.said))
    assert installed() is None
    go.touch()
    for thread in threads:
        thread.join()
    assert builds[0] == builds[1] == installed()
    assert lab.makes() == 1


@contextmanager
def build_in_progress(lab: Lab) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start a build in a process of its own; yield it, and the number of a shell that its make waits for."""
    pid_file = lab.folder / "pid"
    pid = r"\$\$\$\$"  # configure's shell makes $$$$ of it, make $$, and the recipe's shell its own number
    tarball = lab.tarball(hook=f"echo {pid} > '{pid_file}.new'; mv '{pid_file}.new' '{pid_file}'; sleep 600")
    known = f"source.Tarball({tarball.name!r}, '1.6.1', {identify(tarball).sha256!r})"
    code = (
        "from pathlib import Path; from testbed.codecs.opus import build, source; "
        f"source.KNOWN = ({known},); build.build(Path({str(tarball)!r}))"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            until(pid_file.exists)
            shell = int(pid_file.read_text())
            assert _alive(shell)
            yield process, shell
        finally:
            process.kill()


def test_ctrl_c_ends_make_and_leaves_nothing(lab: Lab) -> None:
    with build_in_progress(lab) as (process, shell):
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert b"KeyboardInterrupt" in errors
    until(lambda: not _alive(shell))
    assert installed() is None
    assert lab.leftovers() == []
    assert lab.build(lab.tarball()).library.exists()


def test_make_ends_when_the_build_is_killed(lab: Lab) -> None:
    with build_in_progress(lab) as (process, shell):
        process.kill()
        until(lambda: not _alive(shell))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_an_unknown_source_is_refused(lab: Lab) -> None:
    path = lab.tarball()
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(
        BuildError, match=r"opus-1.6.1.tar.gz: SHA-256 [0-9a-f]{64} is not that of .*opus_1.5.2"
    ):
        lab.build(path)
    with pytest.raises(BuildError, match=r"absent: cannot be read: No such file"):
        lab.build(lab.folder / "absent")
    with pytest.raises(BuildError, match=r"cannot be read: Is a directory"):
        lab.build(lab.folder)
    assert not lab.cache.exists()


def test_a_missing_tool_is_named(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    tarball = lab.tarball()
    monkeypatch.setenv("PATH", str(lab.folder))
    with pytest.raises(BuildError, match=r"^gcc and make missing on this machine: `apt-get install [^\n]*`$"):
        lab.build(tarball)
    with pytest.raises(BuildError, match=r"^apt-get is not on this machine: .*--tarball FILE$"):
        opus_source.fetch(lab.folder / "new", lab.said.append)
    assert lab.leftovers() == []


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([(member("opus/../../evil"), b"x")], "outside"),
        ([(member("/tmp/evil"), b"x")], "outside"),
        ([(member("opus/link", tarfile.SYMTYPE, "/etc"), b""), (member("opus/link/x"), b"x")], "neither"),
        ([(member("opus/link", tarfile.LNKTYPE, "../../x"), b"")], "neither"),
        ([(member("opus/device", tarfile.CHRTYPE), b"")], "neither"),
        ([(member("opus/pipe", tarfile.FIFOTYPE), b"")], "neither"),
        ([(member("one/x"), b"x"), (member("two/x"), b"x")], "one folder at its top, not 2"),
        ([(member("x"), b"x")], "one folder at its top"),
        ([], "one folder at its top, not 0"),
    ],
)
def test_unsafe_archives_are_refused(
    tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]], message: str
) -> None:
    path = write_tar(tmp_path / "x.tar.gz", members)
    with pytest.raises(BuildError, match=message):
        unpack(path, tmp_path / "in")
    assert {path.name for path in tmp_path.iterdir()} == {"x.tar.gz", "in"}


def test_damaged_and_huge_archives_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = write_tar(tmp_path / "x.tar.gz", [(member("opus/x", mode=0o4777), os.urandom(5000))])
    unpacked = unpack(whole, tmp_path / "in") / "x"
    assert unpacked.stat().st_mode & 0o7777 == 0o755
    (tmp_path / "cut.tar.gz").write_bytes(whole.read_bytes()[:3000])
    (tmp_path / "text.tar.gz").write_text("no archive")
    for name in ("cut", "text"):
        with pytest.raises(BuildError, match="cannot be unpacked"):
            unpack(tmp_path / f"{name}.tar.gz", tmp_path / name)
    monkeypatch.setattr(opus_source, "_LIMIT_BYTES", 4999)
    with pytest.raises(BuildError, match="unpacks to more than"):
        unpack(whole, tmp_path / "again")


class FakeApt:
    """Stands for apt: what each suite would bring."""

    def __init__(self, brings: dict[str, bytes], asked: list[str]) -> None:
        self.brings = brings
        self.asked = asked

    def __call__(self, folder: Path, suites: Sequence[str], kinds: Sequence[str]) -> "FakeApt":
        assert kinds == ("deb-src",)
        self.asked.extend(suites)
        if suites[0] not in self.brings:
            raise FetchError(f"no suite {suites[0]}")
        return self

    def run(self, *arguments: str, cwd: Path) -> str:
        assert arguments == ("source", "--download-only", "opus")
        (cwd / "opus_1.orig.tar.gz").write_bytes(self.brings[self.asked[-1]])
        (cwd / "opus_1.orig.tar.gz.asc").write_bytes(b"signature")
        (cwd / "opus_1.dsc").write_bytes(b"description")
        return ""


def test_suites_are_tried_in_order(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    good = lab.tarball().read_bytes()
    monkeypatch.setattr(shutil, "which", lambda tool: f"/usr/bin/{tool}")
    for number, (brings, expected) in enumerate(
        [
            ({"forky": good, "sid": b"never"}, ["forky"]),
            ({"forky": b"too new", "sid": good}, ["forky", "sid"]),
            ({"trixie": good}, ["forky", "sid", "trixie"]),
        ]
    ):
        asked.clear()
        monkeypatch.setattr(opus_source, "private_apt", FakeApt(brings, asked))
        path = opus_source.fetch(lab.folder / str(number), lab.said.append)
        assert path.read_bytes() == good
        assert asked == expected
    monkeypatch.setattr(opus_source, "private_apt", FakeApt({"sid": b"too new"}, asked))
    with pytest.raises(BuildError, match=r"forky: no suite forky; sid: .*SHA-256.*; trixie: no suite"):
        opus_source.fetch(lab.folder / "none", lab.said.append)


def test_build_from_what_apt_brings(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    real = shutil.which
    monkeypatch.setattr(shutil, "which", lambda tool: real(tool) or f"/usr/bin/{tool}")
    monkeypatch.setattr(opus_source, "private_apt", FakeApt({"forky": lab.tarball().read_bytes()}, []))
    done = lab.build(None)
    assert installed() == done
    assert lab.said[0] == "fetching libopus's source from Debian forky"
