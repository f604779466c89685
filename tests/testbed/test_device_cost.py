"""Cost of schemes to a device: what is measured, kept and shown; no test trusts a time."""

import json

import numpy as np
import pytest

import testbed
from testbed import call_study
from testbed import device_cost as measuring
from testbed.call_study import CallStudy
from testbed.codecs.dred import writer
from testbed.codecs.engines.libopus import FrameDecoder
from testbed.device_cost import device_cost
from testbed.errors import ResultsError
from testbed.reports.report import write_report
from testbed.results import read_manifest
from testbed.scenario.loading import load_scenario

RUN = {
    "name": "device",
    "speech": {"corpus": "packaged", "clips": 1},
    "codec": {"bitrate_kbps": 24, "complexity": 0, "expected_loss": 0.2},
    "schemes": ["plc", {"dred": {"depth_ms": 200, "bitrate_kbps": 32}}],
    "channel": [{"loss": {"model": "bernoulli", "rate": 0.2}}],
    "playout": {"policy": "offline"},
    "metrics": [],
}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(call_study, "device_cost", device_cost)
    monkeypatch.setattr(measuring, "ROUNDS", 1)
    monkeypatch.setattr(measuring, "SECONDS", 1.0)


def cost(**changes):
    study = CallStudy(load_scenario({**RUN, **changes}))
    return device_cost(study._plan, study.context)


def test_a_run_keeps_it_in_the_manifest_and_shows_it_but_not_in_the_table(tmp_path):
    run = testbed.run(RUN, tmp_path / "run", {"metrics": ["estoi"]}, jobs=1)
    write_report(run.folder)
    found = run.manifest["device_cost"]
    assert found["point"] == 0 and found["speech_s"] == 1.0 and found["rounds"] == 1
    assert found["plain_encode_ms"] > 0 and found["plain_decode_ms"] > 0
    assert list(found["schemes"]) == ["classic PLC", "DRED 200 ms"]
    for each in found["schemes"].values():
        for median, least, greatest in (each["encode"], each["decode"]):
            assert 0 < least <= median <= greatest
    assert found["schemes"]["classic PLC"]["redundancy"] == 0
    assert found["schemes"]["DRED 200 ms"]["redundancy"] > 0
    assert not [name for name in run.table if "device" in name]
    page = (run.folder / "report.html").read_text()
    assert "Device (encode / decode)" in page
    assert "multiples of plain Opus" in page


def test_every_kind_of_scheme_is_measured(monkeypatch):
    """DRED that the testbed writes is measured as libopus's: no device has the testbed's writer."""
    monkeypatch.setattr(writer, "DredWriter", None)
    schemes = [
        "neural_plc",
        {"name": "neteq", "plc": {"concealer": "neteq"}},
        {"red": {"copies": 1}},
        {"dred": {"depth_ms": 1500, "writer": "testbed"}},
    ]
    found = cost(schemes=schemes, playout={"policy": "adaptive"})["schemes"]
    assert list(found) == ["neural PLC", "neteq", "RED x1", "testbed DRED 1500 ms"]
    assert all(np.isfinite(each["decode"]).all() for each in found.values())
    assert found["testbed DRED 1500 ms"]["redundancy"] > 0 and found["RED x1"]["redundancy"] > 0


def test_a_closed_loop_is_measured_at_its_first_target():
    found = cost(
        codec={"total_kbps": 40, "complexity": 0},
        schemes=["plc"],
        congestion={"controller": "gcc"},
        feedback={"format": "transport_wide"},
    )
    assert list(found["schemes"]) == ["classic PLC"]


def test_a_scheme_that_fails_is_left_out_and_the_run_ends_well(monkeypatch):
    def fails_with_dred(self, *arguments):
        raise RuntimeError

    monkeypatch.setattr(FrameDecoder, "_play_dred", fails_with_dred)
    assert list(cost()["schemes"]) == ["classic PLC"]


def test_the_work_is_bounded(monkeypatch):
    monkeypatch.setattr(measuring, "BUDGET_S", -1)
    assert cost() == {}


def test_a_wrong_entry_of_a_manifest_is_refused(tmp_path):
    found = cost(schemes=["plc"])
    found["schemes"]["classic PLC"]["encode"] = ["<b>"]
    (tmp_path / "manifest.json").write_text(json.dumps({"device_cost": found}))
    with pytest.raises(ResultsError, match=r"device_cost\.schemes\.classic PLC\.encode"):
        read_manifest(tmp_path)
