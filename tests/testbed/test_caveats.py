"""Warnings of whole runs: each problem once, where it was met, with what to set."""

import re
from pathlib import Path

import numpy as np
import pytest

from testbed import runner
from testbed.loaded_run import Run
from testbed.scenario.loading import parse_scenario


def run(folder: Path, text: str, **options: object) -> Run:
    return runner.run_scenario(parse_scenario(text), folder / "run", **options)


def test_dred_that_is_not_sent_is_warned_about_with_a_bitrate_that_sends_it(tmp_path: Path) -> None:
    text = """
name: shallow
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 24, expected_loss: 0.2}
schemes: [{dred: {depth_ms: 1000, bitrate_kbps: 32}}]
channel: []
playout: {policy: offline}
metrics: []
"""
    result = run(tmp_path, text, jobs=1)
    (warning,) = result.manifest["warnings"]
    sent_ms = result.table["dred_sent_ms"].iloc[-1]
    assert sent_ms < 800
    assert f"DRED 1000 ms sent {sent_ms:.0f} ms of DRED on average (1000 ms asked for) at 56 kb/s" in warning
    enough_kbps = int(warning.split("; ")[1].split(" kb/s")[0])
    retried = text.replace("bitrate_kbps: 32", f"bitrate_kbps: {enough_kbps - 24}")
    assert run(tmp_path / "retried", retried, jobs=1).manifest["warnings"] == []


def test_speech_in_which_libopus_conceals_without_networks_is_warned_about_where_it_is(
    tmp_path: Path,
) -> None:
    text = """
name: narrow
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 8, bandwidth: auto}
schemes: [plc, neural_plc, {dred: {writer: testbed, depth_ms: 500}}]
channel: [{loss: {model: bernoulli, rate: 0.2}}]
playout: {policy: offline}
sweep: {codec.bitrate_kbps: [8, 24]}
metrics: []
"""
    result = run(tmp_path, text, jobs=1)
    what = "has 100 % of its packets in narrowband or mediumband"
    (warning,) = result.manifest["warnings"]
    assert warning.startswith(f"codec.bitrate_kbps = 8: neural PLC {what}, where ")
    assert warning.endswith(" (also testbed DRED 500 ms)")
    dred = result.table[result.table["scheme"] == "testbed DRED 500 ms"].set_index("codec.bitrate_kbps")
    assert dred.loc[8, "frames_dred"] == 0 < dred.loc[24, "frames_dred"]
    classic, neural, deep = (result.call(row).pcm for row in (1, 2, 3))
    assert np.array_equal(classic, neural)
    assert np.array_equal(classic, deep)


def test_a_constant_bitrate_that_is_too_low_for_wideband_is_warned_about(tmp_path: Path) -> None:
    text = """
name: narrow
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 7, bandwidth: wideband, rate_mode: cbr}
schemes: [plc, neural_plc]
channel: []
playout: {policy: offline}
metrics: []
"""
    (warning,) = run(tmp_path, text, jobs=1).manifest["warnings"]
    assert warning.startswith("neural PLC has 100 % of its packets in narrowband or mediumband")


@pytest.mark.parametrize(
    ("channel", "missed"),
    [
        ("delay: {constant_ms: 30}", False),
        ("jitter: {model: gamma, mean_ms: 40, std_ms: 30}", True),
    ],
)
def test_redundancy_that_never_comes_is_warned_about(channel: str, missed: bool, tmp_path: Path) -> None:
    """libopus sends neither LBRR nor DRED where it expects no loss; packets that come late are none to it."""
    text = f"""
name: never
speech: {{corpus: packaged, clips: 1}}
codec: {{bitrate_kbps: 24, complexity: 0}}
schemes:
  - lbrr: {{bitrate_kbps: 16}}
  - dred: {{depth_ms: 500, bitrate_kbps: 40}}
channel: [{channel}]
playout: {{policy: fixed, delay_ms: 80}}
metrics: []
"""
    found = run(tmp_path, text, jobs=1)
    unsent = [each for each in found.manifest["diagnoses"] if each["kind"] == "not_sent"]
    assert [each["scheme"] for each in unsent] == ["LBRR", "DRED 500 ms"]
    for each in unsent:
        assert any(warning == each["text"] for warning in found.manifest["warnings"])
        row = found.table[found.table["scheme"] == each["scheme"]].iloc[0]
        assert (row["lbrr_sent"], row["dred_sent_ms"]) == (0, 0)
        share = row["packet_loss"] + row["frames_late"] / row["frames"]
        expected = re.search(r"set codec\.expected_loss(?:: |, e\.g\. )([\d.]+)$", each["text"])
        assert expected
        assert float(expected[1]) == (max(0.01, round(share, 2)) if share else 0.1)
        assert bool(share) == missed
    mended = run(
        tmp_path / "mended", text.replace("complexity: 0", "complexity: 0, expected_loss: 0.2"), jobs=1
    )
    assert not [each for each in mended.manifest["diagnoses"] if each["kind"] == "not_sent"]
    assert (mended.table["lbrr_sent"] + mended.table["dred_sent_ms"])[1:].all()
