"""A scenario that needs more than libopus can do is refused, wherever it is run from."""

from importlib.metadata import files
from pathlib import Path

import pytest

import testbed
from testbed.codecs.opus import library as libopus
from testbed.codecs.opus.capabilities import Capabilities
from testbed.errors import ScenarioError
from testbed.needs import unmet
from testbed.scenario.loading import Scenario, load_scenario, parse_scenario
from testbed.study import study_of

TEXT = """name: needs
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 24, complexity: 0, decoder_complexity: 5}
schemes: [plc]
channel: [{loss: {model: bernoulli, rate: 0.1}}]
playout: {policy: offline}
metrics: []
"""
EVERYTHING = dict.fromkeys(Capabilities.names, True)
RED, LBRR = "red: {copies: 1}", "lbrr: {bitrate_kbps: 16}"
DRED = "dred: {depth_ms: 100, bitrate_kbps: 9}"


def scenario(old: str = "", new: str = "") -> Scenario:
    found = parse_scenario(TEXT.replace(old, new) if old else TEXT)
    assert isinstance(found, Scenario)
    return found


SWEPT = "metrics: []\nsweep: {codec.decoder_complexity: [5, 7]}"


@pytest.mark.parametrize(
    ("capability", "old", "new", "message"),
    [
        ("deep_plc", "[plc]", "[plc, neural_plc]", "4: schemes.1: 'neural PLC' needs deep PLC"),
        (
            "deep_plc",
            "[plc]",
            f"[{RED}]",
            "4: schemes.0: 'RED x1' falls back on neural PLC",
        ),
        ("lbrr", "[plc]", f"[{{plc: , {LBRR}}}]", "4: schemes.0.lbrr: 'classic PLC + LBRR' needs LBRR"),
        ("dred", "[plc]", f"[{DRED}]", "4: schemes.0.dred: 'DRED 100 ms' needs DRED"),
        ("osce", "complexity: 5", "complexity: 6", "3: codec.decoder_complexity: 6 needs OSCE"),
        ("osce", ", decoder_complexity: 5", "", "3: codec.decoder_complexity: 10 needs OSCE"),
        ("osce", "metrics: []", SWEPT, "8: codec.decoder_complexity: 7 needs OSCE"),
        ("dtx", "complexity: 0,", "complexity: 0, dtx: true,", "3: codec.dtx: it needs DTX"),
    ],
)
def test_a_missing_capability_is_named_with_the_key_that_needs_it(
    capability: str, old: str, new: str, message: str
) -> None:
    wanted = scenario(old, new)
    path = libopus.find()
    assert unmet(wanted, Capabilities(path, "libopus 1", **EVERYTHING)) == []
    [line] = unmet(wanted, Capabilities(path, "libopus 1", **{**EVERYTHING, capability: False}))
    assert line.startswith(f"scenario:{message}")
    assert f", which libopus 1 at {path} does not have" in line
    assert line.endswith("`testbed opus build` builds one that has it")
    assert unmet(scenario(), Capabilities(path, "libopus 1", **{**EVERYTHING, capability: False})) == []


@pytest.mark.parametrize(("preset", "count"), [("neteq", 0), ("signal", 1)])
def test_where_neteq_conceals_nothing_falls_back_on_neural_plc(preset: str, count: int) -> None:
    without = Capabilities(libopus.find(), "libopus 1", **{**EVERYTHING, "deep_plc": False})
    playout = f"{{policy: adaptive, preset: {preset}}}"
    wanted = scenario("schemes: [plc]", f"schemes: [{RED}]\nsweep: {{playout: [{playout}]}}")
    assert len(unmet(wanted, without)) == count


def test_a_real_libopus_without_networks_is_refused_alike_by_a_run_a_dry_run_and_a_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (library,) = (file for file in files("av") or [] if file.name.startswith("libopus-"))
    monkeypatch.setenv("OPUS_LIBRARY", str(library.locate()))
    (tmp_path / "needs.yaml").write_text(TEXT.replace("[plc]", "[plc, neural_plc]"))
    with pytest.raises(
        ScenarioError, match=r"schemes\.1: 'neural PLC' needs deep PLC.*unset OPUS_LIBRARY"
    ) as ran:
        testbed.run(tmp_path / "needs.yaml", tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ScenarioError) as outlined:
        study_of(load_scenario(tmp_path / "needs.yaml")).outline()
    assert str(ran.value) == str(outlined.value)
    # The same libopus conceals classically and has LBRR, and that is all that this asks for.
    (tmp_path / "plain.yaml").write_text(TEXT.replace("[plc]", f"[plc, {{plc: , {LBRR}}}]"))
    table = testbed.run(tmp_path / "plain.yaml", tmp_path / "run", jobs=1).table
    assert table["error"].tolist() == [""] * 3
    assert table["frames_lbrr"].iloc[2] > 0
