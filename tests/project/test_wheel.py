"""The wheel and the sdist work outside the checkout."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from testbed import __version__

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(
    ".*", "build", "dist", "results", "*.egg-info", "__pycache__", "node_modules"
)


def run(command: list[str | Path], folder: Path) -> str:
    # No checkout of the testbed may be found by the way.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def build(kind: str, source: Path, into: Path) -> Path:
    into.mkdir()
    hook = f"from setuptools import build_meta; build_meta.build_{kind}({str(into)!r})"
    run([sys.executable, "-c", hook], source)
    return next(into.iterdir())


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy: building writes into the folder."""
    folder = tmp_path_factory.mktemp("build") / "checkout"
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    return folder


@pytest.fixture(scope="module")
def wheel(checkout: Path) -> Path:
    return build("wheel", checkout, checkout.parent / "wheel")


def content(wheel: Path) -> dict[str, int]:
    with zipfile.ZipFile(wheel) as archive:
        return {
            each.filename: each.CRC for each in archive.infolist() if not each.filename.endswith("RECORD")
        }


@pytest.mark.long
def test_the_sdist_builds_the_same_wheel_as_the_checkout(checkout: Path, wheel: Path) -> None:
    with tarfile.open(build("sdist", checkout, checkout.parent / "sdist")) as archive:
        archive.extractall(checkout.parent / "unpacked", filter="data")
    unpacked = next((checkout.parent / "unpacked").iterdir())
    assert content(build("wheel", unpacked, checkout.parent / "again")) == content(wheel)


@pytest.mark.long
def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    held = set(content(wheel))
    for folder, package in (
        ("testbed", "testbed"),
        *(
            (room, f"testbed/{room}")
            for room in ("channels", "codecs", "kernels", "reports", "scenarios", "training")
        ),
    ):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert f"{package}/{path.relative_to(ROOT / folder).as_posix()}" in held


@pytest.mark.long
def test_an_installed_wheel_runs_a_scenario_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    venv, empty = tmp_path / "venv", tmp_path / "empty"
    empty.mkdir()
    run([sys.executable, "-m", "venv", "--without-pip", venv], empty)
    install = ["install", "--quiet", "--no-deps", "--no-index", "--no-cache-dir", wheel]
    run([sys.executable, "-m", "pip", "--python", venv / "bin/python", *install], empty)
    # What the testbed needs is where this test runs; the editable testbed there is not seen from here.
    needs = next(path for path in map(Path, sys.path) if (path / "numpy").is_dir())
    site = next((venv / "lib").glob("python3*")) / "site-packages"
    (site / "needs.pth").write_text(f"{needs}\n")
    look = "import testbed, testbed.codecs as codecs; print(testbed.__file__); print(codecs.__file__)"
    for place in run([venv / "bin/python", "-c", look], empty).split():
        assert Path(place).is_relative_to(site)
    overrides = [
        "speech={corpus: packaged, clips: 1}",
        "realizations=1",
        "metrics=[estoi]",
        "codec.complexity=0",
    ]
    sets = [word for override in overrides for word in ("--set", override)]
    run([venv / "bin/testbed", "run", "quickstart", "--jobs", "1", *sets], empty)
    assert (empty / "results/quickstart/report.html").is_file()
    manifest = json.loads((empty / "results/quickstart/manifest.json").read_text("utf-8"))
    assert (manifest["testbed"]["version"], manifest["testbed"]["commit"]) == (__version__, None)
