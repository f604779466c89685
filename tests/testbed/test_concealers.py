"""Concealers and vocoders of other people in runs: the examples, and some that fail."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
BAD = '''
import time
from typing import ClassVar

import numpy as np

from testbed.codecs.concealers.concealer import ConcealerParameters
from testbed.codecs.vocoders.vocoder import VocoderKind


class Bad(ConcealerParameters):
    """Fails in one way."""

    key: ClassVar[str] = "bad"
    how: str = ""

    def build(self, folder):
        return self

    def fill(self, gaps):
        if self.how == "hang":
            time.sleep(100)
        raise ValueError("odd gap")


class Buzz:
    def synthesize(self, gaps):
        return [0.1 * np.sin(np.arange(gap.samples) / 20) for gap in gaps]


BUZZ = VocoderKind("Buzz", Buzz)
BROKEN = VocoderKind("Broken", lambda: 1 / 0)
'''
BAD_ENTRY_POINTS = """
[testbed.concealers]
bad = bad_concealer:Bad
[testbed.vocoders]
buzz = bad_concealer:BUZZ
broken = bad_concealer:BROKEN
"""
SCENARIO = """
name: broken
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 24, complexity: 0}
schemes: [plc, SCHEMES]
channel: [{loss: {model: bernoulli, rate: 0.03}}]
playout: {policy: offline}
engine: numba
metrics: []
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with both example packages, and one whose concealer fails."""
    site = tmp_path_factory.mktemp("site")
    packages = {
        "testbed_concealer_example": (EXAMPLES / "concealer", "repetition", "repetition:Repetition"),
        "testbed_network_concealer": (EXAMPLES / "network_concealer", "levelled", "levelled:Levelled"),
    }
    for package, (folder, name, value) in packages.items():
        shutil.copytree(folder / package, site / package)
        installed(site, package, f"[testbed.concealers]\n{name} = {package}.{value}\n")
    (site / "bad_concealer.py").write_text(BAD, "utf-8")
    installed(site, "bad_concealer", BAD_ENTRY_POINTS)
    return site


def installed(site: Path, package: str, entry_points: str) -> None:
    info = site / f"{package}-0.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.3\n", "utf-8")
    (info / "entry_points.txt").write_text(entry_points, "utf-8")


def run_python(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


def run_testbed(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_python(site, folder, "-m", "testbed.cli", *arguments)


def rows(folder: Path) -> pd.DataFrame:
    table = pd.read_parquet(folder / "results.parquet")
    return table.drop(columns=[name for name in table if str(name).startswith("seconds_")])


def test_a_concealer_that_fails_fails_its_rows_with_the_reason_and_no_others(
    site: Path, tmp_path: Path
) -> None:
    schemes = (
        "{plc: {concealer: repetition}}, {name: raises, plc: {concealer: bad}}, "
        "{name: hangs, plc: {concealer: {bad: {how: hang, longest_s: 0.5}}}}, "
        "neural_plc: {vocoder: buzz}"
    )
    (tmp_path / "s.yaml").write_text(SCENARIO.replace("SCHEMES", schemes), "utf-8")
    done = run_testbed(site, tmp_path, "run", "s.yaml", "--jobs", "1", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert "2 of 6 calls failed" in done.stderr
    errors = rows(tmp_path / "out").set_index("scheme")["error"]
    assert errors.to_dict() == {
        "no loss": "",
        "classic PLC": "",
        "repetition PLC": "",
        "raises": "concealer 'bad': ValueError: odd gap",
        "hangs": "concealer 'bad': took longer than 0.5 s, and was stopped",
        "neural PLC, Buzz": "",
    }
    failures = (tmp_path / "out" / "failures.jsonl").read_text("utf-8").splitlines()
    [raised] = [json.loads(line) for line in failures if "odd gap" in line]
    assert 'bad_concealer.py", line' in raised["traceback"]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    assert manifest["versions"]["testbed_concealer_example"] == "0.3"


def test_a_vocoder_that_cannot_be_built_is_refused_before_the_run(site: Path, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SCENARIO.replace("SCHEMES", "neural_plc: {vocoder: broken}"), "utf-8")
    done = run_testbed(site, tmp_path, "run", "s.yaml", "--out", "out")
    place = "s.yaml:5: schemes.1.neural_plc.vocoder"
    assert done.returncode == 2
    assert done.stderr == f"{place}: vocoder 'broken': ZeroDivisionError: division by zero\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.long
def test_the_examples_make_equal_rows_in_two_processes_and_from_the_cache(site: Path, tmp_path: Path) -> None:
    for name in ("concealer/repetition", "network_concealer/levelled"):
        shutil.copy(EXAMPLES / f"{name}.yaml", tmp_path)
    made = run_python(site, tmp_path, "-m", "testbed_network_concealer.make_model", "model.onnx")
    assert made.returncode == 0, made.stderr
    quick = ["--set", "codec.complexity=0", "--set", "metrics=[estoi]", "--set", "realizations=2"]
    for scenario in ("repetition", "levelled"):
        tables = []
        for out, *options in (["two", "--jobs", "2"], ["one", "--no-cache"], ["again", "--jobs", "1"]):
            options += ["--out", f"{scenario}-{out}"]
            done = run_testbed(site, tmp_path, "run", f"{scenario}.yaml", *quick, *options)
            assert done.returncode == 0, done.stderr
            tables.append(rows(tmp_path / f"{scenario}-{out}"))
        assert (tables[0]["error"] == "").all()
        pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)
        pd.testing.assert_frame_equal(tables[0], tables[2], check_exact=True)
