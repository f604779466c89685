"""The answer as plain text."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from testbed.errors import ResultsError
from testbed.reports.answer_text import answer_text
from testbed.reports.report import write_report
from testbed.results import load

from .a_run import make_run

CLIPS = tuple("abcdefgh")


def scored(folder, **about):
    """Return a run in which dred 500 is as good as the best and costs less."""
    run = make_run(folder / "run", examples=False, seconds=2.0, metrics=("plcmos",), **about)
    table = pd.read_parquet(run / "results.parquet")
    worth = {"no loss": 4.7, "plc": 3.5, "LBRR + DRED": 4.5, "dred 500": 4.49}
    noise = np.random.default_rng(1).normal(scale=0.01, size=len(table))
    table["plcmos"] = table["scheme"].map(worth).fillna(3.8) + noise
    table["buffer_needed_ms_max"] = table["scheme"].map({"dred 500": 480.0, "red 1": 20.0})
    table.to_parquet(run / "results.parquet", index=False)
    return run


def test_a_run_of_one_point_is_an_answer_and_a_table_of_six_columns(tmp_path):
    text = answer_text(load(scored(tmp_path, swept={}, clips=CLIPS)))
    assert text.startswith("receiver waits without limit · 8 clips")
    assert "The answer: Use dred 500: within 0.1 PLCMOS of the best" in text
    head, *rows = text.split("\n\n")[-2].splitlines()
    assert head.split("  ")[0] == "Scheme"
    assert [word for word in ("PLCMOS", "Gain", "Wire (kb/s)", "Buffer max (ms)") if word not in head] == []
    (chosen,) = [row for row in rows if row.endswith("use this")]
    assert chosen.startswith("dred 500 ") and " 480 " in chosen and " +0.99 " in chosen
    assert sum(row.endswith("as good as the best") for row in rows) == 1


def test_a_sweep_says_what_to_use_at_each_point_and_shows_one(tmp_path):
    run = load(scored(tmp_path, clips=CLIPS))
    text = answer_text(run)
    assert len(re.findall(r"codec bitrate \d\d kb/s  dred 500 +4\.\d\d  \+\d\.\d\d  +\d\d\.0\n", text)) == 3
    assert re.search(r"\n   all 3 points +dred 500 +4\.\d\d  \+0\.99  +71\.0\n", text)
    assert "\n\nOver all 3 points, each of equal weight: Use dred 500" in text
    assert "\n>  codec bitrate 24 kb/s" in text
    assert "The answer at codec bitrate 24 kb/s" in text
    assert "The answer at codec bitrate 32 kb/s" in answer_text(run, point=2)
    with pytest.raises(ResultsError, match="no point 3; give one of 0 to 2"):
        answer_text(run, point=3)


def test_a_sweep_of_several_keys_has_a_narrow_column_for_each(tmp_path):
    swept = {"codec.bitrate_kbps": [16, 24], "channel.loss.mean_burst_packets": [2, 4]}
    run = scored(tmp_path, swept=swept, clips=CLIPS)
    table = answer_text(load(run)).split("\n\n")[1].splitlines()
    assert table[0].split()[:5] == ["Codec", "bitrate", "Mean", "burst", "of"]
    assert table[1].split()[:4] == ["(kb/s)", "loss", "(packets)", "Use"]
    assert [line.replace(">", "").split()[:2] for line in table[2:-1]] == [
        ["16", "2"], ["16", "4"], ["24", "2"], ["24", "4"]
    ]  # fmt: skip
    page = write_report(run).read_text("utf-8")
    assert table[-1].split()[:4] == ["all", "4", "points", "dred"]
    for name in ("Codec bitrate (kb/s)", "Mean burst of loss (packets)"):
        assert f'<th scope="col">{name}</th>' in page
    assert page.count('<tr><th scope="row">24</th><th scope="row">4</th>') == 1


def test_a_sweep_of_one_scheme_shows_it_at_each_point(tmp_path):
    text = answer_text(load(scored(tmp_path, schemes=("no loss", "plc"), clips=CLIPS)))
    assert len(re.findall(r"codec bitrate \d\d kb/s  plc +\d\.\d\d", text)) == 3
    assert "plc is the only scheme of this run: PLCMOS " in " ".join(text.split())


def test_keys_that_are_swept_together_are_named_by_the_first(tmp_path):
    points = [{"codec.bitrate_kbps": rate, "schemes.dred.q0": rate // 8} for rate in (16, 24, 32)]
    text = answer_text(load(scored(tmp_path, points=points, clips=CLIPS)))
    assert "The answer at codec bitrate 24 kb/s: Use" in text
    assert "q0" not in text


def test_points_with_few_clips_have_scores_without_a_recommendation(tmp_path):
    text = answer_text(load(scored(tmp_path, clips=CLIPS[:3])))
    rows = re.findall(r"kb/s  \((LBRR \+ DRED|dred 500)\) +4\.\d\d +\+[\d.]+ +\d\d\.0\n", text)
    assert len(rows) == 3
    assert "In brackets: the best mean" in text


def test_points_with_different_judges_name_them(tmp_path):
    run = scored(tmp_path, clips=CLIPS)
    table = pd.read_parquet(run / "results.parquet")
    table["mos_cq"] = table["plcmos"].where((table["point"] != 1) | (table["scheme"] == "no loss"))
    table.to_parquet(run / "results.parquet", index=False)
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"metrics": ["mos_cq", "plcmos"]}))
    text = answer_text(load(run))
    assert re.search(r"16 kb/s  dred 500  MOS-CQ +4", text) and re.search(
        r"24 kb/s  dred 500  PLCMOS +4", text
    )
    assert re.search(r"2 of 3 points +dred 500  MOS-CQ +4", text)
    assert "Over the 2 of 3 points that MOS-CQ judges, each of equal weight: Use" in " ".join(text.split())


def test_a_number_stays_with_its_unit(tmp_path, monkeypatch):
    run = load(scored(tmp_path, swept={}, clips=CLIPS))
    for width in range(50, 66, 3):
        monkeypatch.setenv("COLUMNS", str(width))
        assert not re.search(r"\d\n *(%|kb/s|ms)", answer_text(run))


def test_names_of_others_cannot_steer_the_terminal(tmp_path):
    evil = "\x1b[2Jdred\x07"
    run = make_run(tmp_path / "run", schemes=("no loss", "plc", evil), swept={}, examples=False, seconds=2.0)
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["diagnoses"] = [{"point": 0, "scheme": evil, "kind": "late", "text": f"{evil} came late"}]
    (run / "manifest.json").write_text(json.dumps(manifest))
    text = answer_text(load(run))
    assert "\x1b" not in text and "\x07" not in text
    assert "warning: \\x1b[2Jdred\\x07 came late" in text


def test_each_problem_is_said_once(tmp_path):
    run = scored(tmp_path, swept={}, clips=CLIPS)
    manifest = json.loads((run / "manifest.json").read_text())
    late = [
        {"point": 0, "scheme": name, "kind": "late", "text": f"{name} came late"}
        for name in ("plc", "dred 500")
    ]
    repeated = "plc came late; wait longer"
    manifest |= {"diagnoses": late, "warnings": ["noise in clip a", repeated]}
    (run / "manifest.json").write_text(json.dumps(manifest))
    said = [line for line in answer_text(load(run)).splitlines() if line.startswith("warning: ")]
    assert said == ["warning: noise in clip a", f"warning: {repeated}", "warning: dred 500 came late"]


def test_an_unfinished_run_is_said_to_be(tmp_path):
    run = scored(tmp_path, swept={}, clips=CLIPS)
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"complete": False}))
    assert "warning: the run is not complete" in answer_text(load(run))
