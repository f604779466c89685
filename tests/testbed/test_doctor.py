"""The doctor finds installed and missing parts, and the command that fixes each problem."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from testbed import doctor
from testbed.codecs.opus import capabilities as probing
from testbed.codecs.opus.capabilities import Capabilities
from testbed.doctor import Check
from testbed.errors import CodecError, ScenarioError
from testbed.metrics import METRICS
from testbed.metrics.metric import Metric

GOOD = Check("x", True, True, "there")
LACKING = Check("y", False, True, "not there", "get y")
OPTIONAL = Check("z", False, False, "not there", "get z")


def test_only_what_is_needed_decides() -> None:
    assert doctor.can_run([GOOD, OPTIONAL])
    assert not doctor.can_run([GOOD, LACKING])


def test_text_and_json_say_the_same() -> None:
    checks = [GOOD, LACKING, OPTIONAL]
    text = doctor.as_text(checks)
    assert "fix: get y" in text
    assert "fix: get z" in text
    assert "cannot run yet" in text
    told = json.loads(doctor.as_json(checks))
    assert told["ok"] is False
    assert [Check(**check) for check in told["checks"]] == checks


def test_no_libopus(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Capabilities:
        raise CodecError("no libopus on this machine")

    monkeypatch.setattr(probing, "capabilities", none)
    [check] = [check for check in doctor.examine() if "libopus" in check.name]
    assert (check.ok, check.fix) == (False, "testbed opus build")


def test_a_libopus_without_dred(monkeypatch: pytest.MonkeyPatch) -> None:
    able = Capabilities(
        "/x.so", "libopus 1.3", decode24=False, lbrr=True, deep_plc=False, osce=False, dred=False, dtx=True
    )
    monkeypatch.setattr(probing, "capabilities", lambda: able)
    monkeypatch.delenv("OPUS_LIBRARY", raising=False)
    checks = {check.name.strip(): check for check in doctor.examine()}
    assert checks["libopus"].ok
    assert checks["LBRR"].ok
    assert (checks["DRED"].ok, checks["DRED"].needed, checks["DRED"].fix) == (
        False,
        True,
        "testbed opus build",
    )
    assert checks["OSCE"].needed, "the quickstart decodes at complexity 10"
    assert not checks["24-bit calls"].needed
    assert checks["DTX"].ok
    monkeypatch.setenv("OPUS_LIBRARY", "/x.so")
    checks = {check.name.strip(): check for check in doctor.examine()}
    assert checks["DRED"].fix.startswith("unset OPUS_LIBRARY")


def test_a_quickstart_that_plugins_break_is_a_check_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> set[str]:
        raise ScenarioError("metric 'estoi' of x 1.0 has the name of a built-in metric")

    monkeypatch.setattr(doctor, "_needed_by_quickstart", broken)
    [check] = [check for check in doctor.examine() if check.name == "quickstart"]
    assert (check.ok, check.needed) == (False, True)
    assert "'estoi' of x 1.0" in check.found


def test_the_quickstart_does_not_need_the_packages_of_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    added = Metric("X", "x", lambda: lambda reference, degraded: 0.0, packages=("no_such_package",))
    monkeypatch.setattr(METRICS, "usable", lambda: {"pesq_wb": METRICS["pesq_wb"], "x": added})
    checks = {check.name: check for check in doctor.examine()}
    assert (checks["no_such_package"].ok, checks["no_such_package"].needed) == (False, False)
    assert checks["pesq"].needed


def test_the_quickstart_does_not_need_the_packages_of_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "visqol", None)
    checks = {check.name: check for check in doctor.examine()}
    assert (checks["visqol"].ok, checks["visqol"].needed) == (False, False)
    assert checks["visqol"].fix == "pip install 'speech-testbed[visqol]'"


def test_an_empty_cache_lacks_speech(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TESTBED_CACHE", str(tmp_path / "not" / "yet"))
    checks = {check.name.strip(): check for check in doctor.examine()}
    assert checks["cache"].ok
    assert (checks["speech"].ok, checks["speech"].fix) == (False, "testbed speech fetch")
    assert not (tmp_path / "not").exists(), "looking changes nothing"


def test_the_exit_code_is_the_verdict(tmp_path: Path) -> None:
    testbed = Path(sys.executable).with_name("testbed")
    done = subprocess.run(
        [testbed, "doctor", "--json"],
        env={**os.environ, "TESTBED_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    told = json.loads(done.stdout)
    assert told["ok"] is False
    assert done.returncode == 1
    assert {"python", "speech", "cores", "pesq", "chromium"} <= {check["name"] for check in told["checks"]}
