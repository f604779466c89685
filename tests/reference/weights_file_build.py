"""A second build of libopus, whose ``opus_demo`` loads its networks from ``weights_blob.bin`` in its folder.

libopus has no option of ``configure`` for that, only the macro ``USE_WEIGHTS_FILE``. The program is built
once into the testbed's cache, beside the build in use, of the same source and with the same options.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from testbed.codecs.opus import build as opus_build
from testbed.files import sync
from testbed.locks import one_at_a_time
from testbed.machine import cores

FLAGS = ("--disable-shared", "--disable-doc", "CFLAGS=-O2 -DUSE_WEIGHTS_FILE")
LEFT_OUT = "--enable-lossgen"
"""Its network is in no blob."""


def weights_file_demo() -> Path:
    """Return the program, built if need be."""
    build = opus_build.installed()
    assert build is not None, "libopus is not built: run 'testbed opus build'"
    home = build.source.parent.parent
    target = home / f"{build.version}-{build.sha256[:12]}-weights-file"
    with one_at_a_time(home / ".weights-file.lock", lambda: None):
        if not target.exists():
            with tempfile.TemporaryDirectory(prefix=".building-", dir=home) as work:
                _compile(build.source, Path(work))
                shutil.copy2(Path(work) / "opus_demo", Path(work) / "done")
                sync(Path(work) / "done")
                (Path(work) / "done").rename(target)
    return target


def _compile(source: Path, work: Path) -> None:
    options = [option for option in opus_build.CONFIGURE if option != LEFT_OUT]
    environment = os.environ | {"LC_ALL": "C"}
    for command in ([str(source / "configure"), *options, *FLAGS], ["make", f"-j{cores()}", "opus_demo"]):
        done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
