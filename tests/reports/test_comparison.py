"""Two runs beside each other."""

import json
import shutil
from functools import cache

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import testbed
from testbed.cli import app
from testbed.errors import ResultsError
from testbed.reports.comparison import compare
from testbed.reports.run_differences import RunDifference, run_differences
from testbed.results import TABLE_FILE, load, read_manifest, write_manifest, write_table

from .a_run import make_run

CLIPS = "abcdefgh"
SCHEMES = ("no loss", "plc", "dred 500")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a maker of small runs, each made once."""
    folder = tmp_path_factory.mktemp("made")

    @cache
    def make(clips, schemes, bitrates):
        swept = {"codec.bitrate_kbps": list(bitrates)} if bitrates else {}
        place = folder / f"{clips}-{schemes}-{bitrates}"
        about = {"clips": tuple(clips), "schemes": schemes, "swept": swept, "metrics": ("plcmos",)}
        return make_run(place, examples=False, seconds=0.2, **about)

    return make


@pytest.fixture
def run(tmp_path, made):
    """Return a maker of runs of PLCMOS; `shift` is added to the scores, call by call, with noise."""

    def make(name, shift=0.0, noise=0.0, changes=None, clips=CLIPS, bitrates=(), schemes=SCHEMES):
        folder = shutil.copytree(made(clips, schemes, bitrates), tmp_path / name)
        table = pd.read_parquet(folder / TABLE_FILE)
        table["plcmos"] += shift + noise * np.random.default_rng(3).standard_normal(len(table))
        write_table(folder / TABLE_FILE, table)
        change(folder, **(changes or {}))
        return load(folder)

    return make


def change(folder, **entries):
    write_manifest(folder, {**read_manifest(folder), **entries})


def scores(comparison):
    return comparison.table.query("column == 'plcmos'").set_index("scheme")


def test_a_run_is_equal_to_itself(run):
    first = run("a")
    comparison = compare(first, first.folder)
    assert comparison.made == []
    assert comparison.equal_rows == (48, 48, [])
    assert (comparison.table[["difference", "low", "high"]] == 0).all().all()
    text = repr(comparison)
    assert "Scenario, versions and files are the same." in text
    assert "48 rows in both, all equal digit for digit." in text
    assert "alone" not in text


def test_differences_are_paired_by_call(run):
    """Clips differ by far more than the runs do; pairs take that out."""
    a, b = run("a"), run("b", shift=0.3, noise=0.05)
    paired = scores(compare(a, b))
    assert (paired["pairs"] == 16).all()
    assert (np.abs(paired["difference"] - 0.3) < 0.05).all()
    assert (paired["high"] - paired["low"] < 0.12).all()
    assert (paired["low"] > 0).all()
    text = repr(compare(a, b))
    assert "PLCMOS: B better in 3 of 3" in text
    assert text.count("B better\n") == 3 and text.count("equal\n") > 3
    assert repr(compare(b, a)).count("B worse\n") == 3
    assert "differ in plcmos" in text


def test_other_clips_are_not_paired(run):
    a, b = run("a"), run("b", shift=0.3, clips="stuvwxyz")
    comparison = compare(a, b)
    apart = scores(comparison)
    assert not comparison.is_paired and (apart["pairs"] == 0).all()
    assert (apart["high"] - apart["low"] > 0.3).all()
    assert ((apart["low"] < 0.3) & (apart["high"] > 0.3)).all()
    assert "The runs share no clips" in repr(comparison)


def test_of_partly_the_same_clips_those_are_paired(run):
    comparison = compare(run("a"), run("b", shift=0.3, clips="efghwxyz"))
    assert comparison.clips == tuple("efgh")
    assert "4 of 8 clips are in both" in repr(comparison)
    assert "24 rows of A alone: in no mean or difference below." in repr(comparison)


def test_a_clip_of_another_sound_is_another_clip(run):
    a, b = run("a"), run("b")
    clips = [{**clip, "sha256": "1"} for clip in b.manifest["clips"]]
    change(b.folder, clips=clips)
    assert not compare(a, b.folder).is_paired


def test_with_another_seed_pairs_share_the_clip_alone(run):
    comparison = compare(run("a"), run("b", changes={"seeds": {"scenario": 2}}))
    assert (scores(comparison)["pairs"] == len(CLIPS)).all()
    assert "clip, since the seeds differ" in repr(comparison)


def test_points_are_matched_by_their_values(run):
    key = "codec.bitrate_kbps"
    a, b = run("a", bitrates=(16, 24, 32)), run("b", bitrates=(24, 32, 48))
    comparison = compare(a, b)
    assert comparison.points == ((1, 0), (2, 1))
    assert sorted(comparison.table[key].unique()) == [24, 32]
    assert "2 points of 3 are in both" in repr(comparison)


def test_a_key_that_one_run_does_not_sweep_has_its_scenarios_value(run):
    comparison = compare(run("a", bitrates=(16, 24)), run("b"))
    assert comparison.points == ((1, 0),)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"bitrates": (8, 9)}, "nothing in common: .* has the points codec bitrate 16"),
        (
            {"bitrates": (16,), "schemes": ("red 1",)},
            "has the schemes no loss, plc",
        ),
    ],
)
def test_nothing_in_common_is_refused(run, changed, message):
    a, b = run("a", bitrates=(16, 24)), run("b", **changed)
    with pytest.raises(ResultsError, match=message):
        compare(a, b)


def test_other_things_than_two_runs_of_a_kind_are_refused(run, tmp_path):
    first = run("a")
    with pytest.raises(ResultsError, match="not a run folder"):
        compare(first, tmp_path)
    flows = flow_study(tmp_path / "flows", 800)
    with pytest.raises(ResultsError, match=r"flows is a study of flows, .*a of calls"):
        compare(first, flows)


def flow_study(folder, kbps):
    rows = [
        {"point": 0, "realization": number, "flow": flow, "direction": "forward", "kind": "video"}
        | {"received_kbps": kbps + 10.0 * number, "queue_p95_ms": 40.0, "error": ""}
        for number in range(3)
        for flow in ("S1", "S2")
    ]
    folder.mkdir()
    write_table(folder / TABLE_FILE, pd.DataFrame(rows))
    write_manifest(folder, {"kind": "flows", "points": [{}], "swept": [], "seeds": {"scenario": 1}})
    return folder


def test_flow_studies_are_compared_by_flow(tmp_path):
    comparison = compare(flow_study(tmp_path / "a", 800), flow_study(tmp_path / "b", 850))
    rates = comparison.table.query("column == 'received_kbps'").set_index("flow")
    assert rates["difference"].tolist() == [50, 50] and (rates["pairs"] == 3).all()
    assert "B more" in repr(comparison) and "over realizations" in repr(comparison)


def test_scenarios_differ_by_key_whatever_their_order(run):
    base = {"codec": {"complexity": 9}, "channel": [{"loss": {"rate": 0.1}}, {"delay": {"constant_ms": 20}}]}
    other = {"codec": {"complexity": 5}, "channel": [{"loss": {"rate": 0.1}}, {"delay": {"constant_ms": 40}}]}
    schemes = [{"name": "x", "dred": {"depth_ms": 100}}, {"name": "y", "plc": {}}]
    a = run("a", changes={"scenario": {**base, "schemes": schemes}, "versions": {"libopus": "1.6"}})
    b = run("b", changes={"scenario": {**other, "schemes": schemes[::-1]}, "versions": {"libopus": "1.7"}})
    assert run_differences(a, b) == [
        RunDifference("codec.complexity", "9", "5"),
        RunDifference("channel.delay.constant_ms", "20", "40"),
        RunDifference("libopus", "1.6", "1.7"),
    ]


def test_models_of_different_kinds_differ_in_their_kind_alone(run):
    fixed, adaptive = {"policy": "fixed", "delay_ms": 60}, {"policy": "adaptive", "quantile": 0.95}
    deep = json.loads('{"a": ' * 400 + "1" + "}" * 400)
    a, b = (
        run("a", changes={"scenario": {"playout": fixed}}),
        run("b", changes={"scenario": {"playout": adaptive}}),
    )
    assert run_differences(a, b) == [RunDifference("playout.policy", "fixed", "adaptive")]
    change(b.folder, scenario={"playout": fixed, "deep": deep})
    (found,) = run_differences(a, load(b.folder))
    assert found.key == "deep" and found.a == "–"


def test_the_command_prints_and_writes_all(run, tmp_path):
    a, b = run("a"), run("b", shift=0.3)
    command = ["compare", str(a.folder), str(b.folder), "--csv", str(tmp_path / "x.csv")]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.stderr
    assert "B better" in done.stdout and done.stdout.endswith("x.csv\n")
    assert len(pd.read_csv(tmp_path / "x.csv")) == len(compare(a, b).table)


def test_python_offers_it(run):
    first = run("a")
    assert testbed.compare(first, first).equal_rows[0] == 48
    json.dumps(testbed.compare(first, first).table.to_dict("records"))
