import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from testbed.errors import ResultsError
from testbed.reports import answer_text, report
from testbed.reports.call import letters
from testbed.reports.headline import answers
from testbed.reports.plot import figure_of
from testbed.reports.report import write_report
from testbed.reports.reproduction import reproduction
from testbed.reports.reproduction import rows as reproduction_rows
from testbed.reports.summary import summarize
from testbed.reports.summary_table import summary_table
from testbed.results import load

from .a_run import SCHEMES, make_run

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


class Parsed(HTMLParser):
    """The page as a browser's parser takes it apart."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.urls, self._in = [], [], [], None
        self.data = self.calls = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        attrs = dict(attrs)
        self._in = attrs["id"] if tag == "script" and "id" in attrs else tag
        self.urls += [attrs[key] for key in ("src", "href", "srcset", "action", "poster") if key in attrs]

    def handle_endtag(self, tag):
        self._in = None

    def handle_data(self, text):
        if self._in == "data":
            self.data += text
        elif self._in == "calls":
            self.calls += text
        elif self._in not in ("script", "style"):
            self.words.append(text)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


def page_of(folder, **about):
    run = make_run(folder / "run", **about)
    path = write_report(run)
    assert path == run / "report.html"
    return Parsed(path.read_text("utf-8"))


def change(run, **columns):
    table = pd.read_parquet(run / "results.parquet")
    for name, values in columns.items():
        table[name] = values(table) if callable(values) else values
    table.to_parquet(run / "results.parquet", index=False)


def change_manifest(run, **entries):
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | entries))


def test_the_page_needs_nothing_from_outside(tmp_path):
    page = page_of(tmp_path)
    assert "Charts need JavaScript" in page.text
    assert page.urls
    assert {url for url in page.urls if not url.startswith(("data:", "#"))} == set()
    assert not {"link"} & set(page.tags) - {"link"}


def test_everything_that_was_asked_for_is_on_the_page(tmp_path):
    page = page_of(tmp_path)
    for scheme in SCHEMES:
        assert scheme in page.text
    assert "asked for 500 ms, sent 310 ms" in page.text  # the run's warning
    assert "# <b>not markup</b>" in page.text  # the scenario as it was given
    assert "CC BY-SA 3.0" in page.text
    assert "1.6.1" in page.text
    data = json.loads(page.data)
    assert len(data["cells"]) == 3 * len(SCHEMES)
    calls = json.loads(page.calls)
    assert {track["scheme"] for track in calls["trials"][0]["tracks"]} == {*SCHEMES}
    assert len({*calls["sounds"]}) == len(calls["sounds"]) > 1


def test_the_page_says_that_offline_is_no_receiver_of_a_call(tmp_path):
    said = "A receiver that waits without limit (offline) is a bound"
    assert said in page_of(tmp_path).text
    fixed = {"playout": ['{"policy": "fixed", "buffer_ms": 60}', '{"policy": "adaptive"}']}
    assert said not in page_of(tmp_path / "calls", swept=fixed).text


def test_numbers_of_the_page_are_the_means_of_the_table(tmp_path):
    page = page_of(tmp_path)
    table = pd.read_parquet(tmp_path / "run/results.parquet")
    for cell in json.loads(page.data)["cells"]:
        rows = table[(table["point"] == cell["point"]) & (table["scheme"] == cell["scheme"])]
        for metric, score in cell["scores"].items():
            assert score["mean"] == pytest.approx(rows[metric].mean(), abs=1e-5)
            assert score["low"] <= score["mean"] <= score["high"]
        assert cell["costs"]["wire_kbps"] == pytest.approx(rows["wire_kbps"].mean(), abs=1e-5)
        assert sum(
            cell["shares"][name] for name in ("primary", "red", "lbrr", "dred", "plc")
        ) == pytest.approx(1)


def test_gain_is_paired_and_repair_is_a_share_of_what_loss_took(tmp_path):
    """With scores made by hand the differences are exact, however far apart the clips are."""
    run = make_run(tmp_path / "run", swept={}, examples=False, metrics=("plcmos",))
    worth = {"no loss": 1.0, "plc": 0.0, "dred 500": 0.75}
    change(
        run,
        plcmos=lambda table: (
            table["scheme"].map(worth).fillna(0.5)
            + table["clip"].map({"en-allison": 1.0, "fr-june": 3.0})
            + 0.1 * table["realization"]
        ),
    )
    cells = summarize(load(run)).cells
    gain, share = cells[0, "dred 500"].gains["plcmos"], cells[0, "dred 500"].repaired["plcmos"]
    assert (gain.mean, gain.low, gain.high) == pytest.approx((0.75, 0.75, 0.75))
    assert (share.mean, share.low, share.high) == pytest.approx((0.75, 0.75, 0.75))
    score = cells[0, "dred 500"].scores["plcmos"]
    assert score.low < score.mean < score.high
    assert "plcmos" not in cells[0, "plc"].gains


def test_a_mean_is_not_said_to_be_where_the_metric_cannot(tmp_path):
    """Two clips that differ much give an interval that would leave the scale; a gain has no such scale."""
    run = make_run(tmp_path / "run", swept={}, examples=False, metrics=("plcmos",))
    change(
        run,
        plcmos=lambda table: (
            np.where(table["clip"] == "fr-june", 1.2, 4.9)
            + (table["scheme"] == "lbrr") * table["realization"] / 20
        ),
    )
    cell = summarize(load(run)).cells[0, "lbrr"]
    assert (cell.scores["plcmos"].low, cell.scores["plcmos"].high) == (1.0, 5.0)
    assert cell.gains["plcmos"].mean == pytest.approx(0.025)


@pytest.mark.parametrize(
    ("clips", "warning"),
    [(("a",), "The run has one clip"), (("a", "b"), "With only 2 clips"), (tuple("abcde"), None)],
)
def test_few_clips_are_warned_of(tmp_path, clips, warning):
    page = page_of(tmp_path, clips=clips, swept={}, examples=False, seconds=2.0)
    if warning is None:
        assert "With only" not in page.text
        assert "has one clip" not in page.text
    else:
        assert warning in page.text


def test_overrides_are_shown_beside_the_scenario_as_given(tmp_path):
    run = make_run(tmp_path / "run", swept={}, examples=False, seconds=2.0)
    change_manifest(
        run,
        scenario_as_run="name: quickstart\nschemes:   [plc, neural_plc] # <b>not markup</b>\nseed: 3 # <i>\n",
        overrides=["seed=3"],
        command=["testbed", "run", "quickstart", "--set", "about=two words"],
    )
    text = write_report(run).read_text("utf-8")
    assert re.findall("<mark>(.*)</mark>", text) == ["seed: 3 # &lt;i&gt;"]
    page = Parsed(text)
    assert "--set seed=3" in page.text
    assert "testbed run quickstart --set 'about=two words'" in page.text
    assert "  complexity: 9\n" in "".join(page.words)  # a default, in the scenario with every default


def test_the_scenario_with_every_default_is_yaml_that_runs_again():
    scenario = {
        "name": "a: b",
        "about": "ä # {x}",
        "channel": [{"loss": {"rate": 0.1}}],
        "seed": 0,
        "dtx": False,
    }
    made = reproduction({"scenario": scenario})
    assert YAML(typ="safe", pure=True).load(made.resolved) == scenario
    assert (made.command, made.overrides, made.lines) == ("", [], [])


def test_each_scheme_has_the_rows_of_its_calls(tmp_path):
    made = load(make_run(tmp_path / "run", examples=False, seconds=2.0)).table
    assert reproduction_rows(made)[0, "lbrr"] == "4, …"  # a few calls of each scheme in turn
    run = made.sort_values(["point", "scheme", "clip", "realization"], kind="stable")
    for (point, scheme), text in reproduction_rows(run).items():
        first, last = map(int, text.split("–"))
        mine = run.iloc[first : last + 1]
        assert set(mine["scheme"]) == {scheme}
        assert set(mine["point"]) == {point}
        assert len(mine) == 4


def test_the_facts_about_a_scheme_are_in_its_row(tmp_path):
    run = make_run(tmp_path / "run", swept={}, examples=False, seconds=2.0)
    change_manifest(
        run, diagnoses=[{"point": 0, "scheme": "lbrr", "kind": "late", "text": f"late {EVIL}; so wait"}]
    )
    text = write_report(run).read_text("utf-8")
    assert EVIL not in text
    rows = re.findall(r"<tr.*?</tr>", text, re.DOTALL)
    told = [number for number, row in enumerate(rows) if "late &lt;/script&gt;" in row]
    assert len(told) == 1
    assert "so wait" not in rows[told[0]]
    row = rows[told[0] - 1]
    assert ">lbrr</span>" in row
    assert f'colspan="{row.count("<td") + row.count("<th")}"' in rows[told[0]]


@pytest.mark.parametrize(
    "about",
    [
        {"swept": {}},
        {"clips": ("one",), "realizations": 1},
        {"schemes": ("no loss", "plc")},
        {"schemes": ("dred 500",), "swept": {}, "clips": ("one",), "realizations": 1},
        {"schemes": ("no loss", "lbrr", "red 1")},
        {"swept": {"playout.delay_ms": [40, 100, 1000]}},
        {"swept": {"codec.bandwidth": ["wideband", "fullband"]}},
        {"swept": {"playout.delay_ms": [40, 400], "codec.bitrate_kbps": [16, 24]}},
        {"metrics": ("estoi",)},
        {"metrics": ("unheard_of",)},
        {"metrics": ()},
        {"examples": False},
    ],
    ids=str,
)
def test_a_run_may_lack_almost_anything(tmp_path, about):
    page = page_of(tmp_path, seconds=2.0, **about)
    assert "The answer" in page.text
    assert not re.search(r"\b(nan|None|inf|undefined)\b", page.text)
    json.loads(page.data, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def test_scores_that_failed_are_left_out_and_named(tmp_path):
    run = make_run(tmp_path / "run", swept={}, seconds=2.0)
    reason = "pesq_wb: no utterance was found"

    def failed(table):
        return (table["scheme"] == "lbrr") & (table["realization"] == 0)

    change(
        run,
        pesq_wb=lambda table: table["pesq_wb"].mask(failed(table)),
        error=lambda table: np.where(failed(table), reason, ""),
    )
    change_manifest(run, complete=False)
    page = Parsed(write_report(run).read_text("utf-8"))
    assert page.text.count(reason) == 2
    assert "2 calls failed" in page.text
    assert "The run is not complete" in page.text
    cell = next(cell for cell in json.loads(page.data)["cells"] if cell["scheme"] == "lbrr")
    assert cell["scores"]["pesq_wb"]["pairs"] == 2
    assert cell["scores"]["plcmos"]["pairs"] == 4


def test_a_metric_on_a_part_of_the_realizations_is_shown_with_its_own_calls(tmp_path):
    run = make_run(tmp_path / "run", swept={}, seconds=2.0, realizations=4, examples=False)
    change(run, pesq_wb=lambda table: table["pesq_wb"].where(table["realization"] < 1))
    change_manifest(run, scored_realizations={"pesq_wb": 1})
    page = Parsed(write_report(run).read_text("utf-8"))
    assert "2 calls, 2 clips" in page.text
    assert "8 calls, 2 clips" in page.text
    said = (
        "Calls per scheme: 8 for PLCMOS and ESTOI; 2 for PESQ-WB, the first realization of each of 2 clips."
    )
    assert said in page.text
    assert "failed" not in page.text
    table = summary_table(load(run)).set_index("scheme")
    assert table.loc["lbrr", ["plcmos_calls", "pesq_wb_calls", "pesq_wb_clips"]].to_list() == [8, 2, 2]
    notes = figure_of(load(run), "wire_kbps", "pesq_wb", "scheme")[1]
    assert notes[0] == "Each mean is over 2 calls of 2 clips."


def test_a_metric_of_other_languages_than_a_clip_has_no_failed_calls(tmp_path):
    run = make_run(tmp_path / "run", swept={}, seconds=2.0, realizations=2, examples=False)
    other = load(run).table["clip"].iloc[0]
    change(run, pesq_wb=lambda table: table["pesq_wb"].mask(table["clip"] == other))
    change_manifest(run, clips_not_scored={"pesq_wb": [other]})
    page = Parsed(write_report(run).read_text("utf-8"))
    assert "Calls per scheme: 4 for PLCMOS and ESTOI; 2 for PESQ-WB, those of the clip." in page.text
    assert "2 calls, 1 clip" in page.text
    assert "failed" not in page.text


def test_a_metric_on_a_part_judges_the_calls_that_it_scores(tmp_path):
    clips = tuple(f"clip-{number}" for number in range(6))
    about = {"swept": {}, "seconds": 2.0, "examples": False, "metrics": ("plcmos",), "clips": clips}
    run = make_run(tmp_path / "run", realizations=4, **about)
    change(run, plcmos=lambda table: table["plcmos"].where(table["realization"] < 1))
    unknown = answers(summarize(load(run)))[0]
    change_manifest(run, scored_realizations={"plcmos": 1})
    known = answers(summarize(load(run)))[0]
    assert unknown.verdict.choice.left_out
    assert not known.verdict.choice.left_out
    assert (known.verdict.choice.units, known.verdict.choice.calls) == (6, 6)
    assert "has none in" not in " ".join(known.more)


def test_a_page_of_many_points_has_some_of_them_and_says_so(tmp_path, monkeypatch):
    swept = {"codec.bitrate_kbps": [16, 20, 24], "playout.delay_ms": [40, 100]}
    run = make_run(tmp_path / "run", swept=swept, seconds=2.0, examples=False, metrics=("estoi",))
    whole = Parsed(write_report(run).read_text("utf-8"))
    monkeypatch.setattr(report, "MAX_CELLS", 4 * len(SCHEMES))
    monkeypatch.setattr(answer_text, "_MOST_POINTS", 4)
    page = Parsed(write_report(run).read_text("utf-8"))
    data, all_data = json.loads(page.data), json.loads(whole.data)
    assert "4 of 6 points are listed" in page.text
    assert "points are listed" not in whole.text
    assert {*data["points"]} == {"1", "2", "3", "5"}
    assert data["cells"] == [cell for cell in all_data["cells"] if str(cell["point"]) in data["points"]]
    assert "4 of 6 points are listed" in answer_text.answer_text(load(run))


def test_a_scheme_whose_every_call_failed_has_no_numbers(tmp_path):
    run = make_run(tmp_path / "run", swept={}, examples=False)
    table = pd.read_parquet(run / "results.parquet")
    keep = ["point", "scheme", "clip", "realization", "error"]
    table = table.convert_dtypes()
    table.loc[table["scheme"] == "lbrr", table.columns.difference(keep)] = pd.NA
    table.loc[table["scheme"] == "lbrr", "error"] = "libopus: invalid argument"
    table.to_parquet(run / "results.parquet", index=False)
    page = Parsed(write_report(run).read_text("utf-8"))
    cell = next(cell for cell in json.loads(page.data)["cells"] if cell["scheme"] == "lbrr")
    assert cell["failed"] == cell["calls"] == 4
    assert [cell[what] for what in ("costs", "shares", "scores", "gains", "repaired")] == [{}] * 5
    assert page.text.count("libopus: invalid argument") == 4


def test_names_are_never_markup(tmp_path):
    run = make_run(tmp_path / "run", schemes=("no loss", "plc", EVIL), clips=(EVIL, "b"), seconds=2.0)
    change(run, error=EVIL)
    change_manifest(run, warnings=[EVIL], scenario_text=EVIL, versions={EVIL: EVIL})
    text = write_report(run).read_text("utf-8")
    page = Parsed(text)
    assert page.tags.count("script") == 3
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert EVIL in json.loads(page.data)["schemes"][2]["name"]


def test_nothing_is_read_from_outside_of_the_run(tmp_path):
    run = make_run(tmp_path / "run", swept={}, seconds=2.0)
    (tmp_path / "secret.flac").write_bytes((run / "examples/clean.flac").read_bytes())
    change_manifest(run, clean=[{"clip": "en-allison", "audio": "../secret.flac"}])
    with pytest.raises(ResultsError, match="not a file of this run"):
        write_report(run)
    assert not (run / "report.html").exists()


def test_a_damaged_example_is_named(tmp_path):
    run = make_run(tmp_path / "run", swept={}, seconds=2.0)
    (run / "examples/1.parquet").write_bytes(b"garbage")
    with pytest.raises(ResultsError, match=r"1\.parquet: cannot be read as a timeline"):
        write_report(run)


def test_an_empty_run_is_refused(tmp_path):
    run = make_run(tmp_path / "run", swept={}, examples=False)
    pd.read_parquet(run / "results.parquet").head(0).to_parquet(run / "results.parquet")
    with pytest.raises(ResultsError, match="no rows"):
        write_report(run)


def test_letters_say_what_the_timeline_says():
    timeline = pd.DataFrame(
        {
            "frame": [0, 1, 2, 3],
            "sent_ns": [0, 20_000_000, 40_000_000, -1],
            "arrived_ns": [40_000_000, -1, 90_000_000, -1],
            "played_ns": [60_000_000, 80_000_000, 140_000_000, 150_000_000],
            "dropped_by": ["", "loss", "", ""],
            "recovered_by": ["primary", "dred", "plc", "dtx"],
            "source_frame": [0, 2, -1, -1],
            "late": [False, False, True, False],
            "size_bytes": [100, 101, 102, 0],
        }
    )
    said = letters(timeline, 20, is_adaptive=False)
    assert said == {
        "at_s": [0.0, 0.02, 0.04, 0.06, 0.08],
        "played_after_ms": None,
        "network": ".xLs",
        "played": "pdcs",
        "source": [0, 1, 0, 0],
        "delay_ms": [40.0, None, 50.0, None],
        "cause": ["", "loss", "", ""],
        "bytes": [100, 101, 102, 0],
    }
    assert letters(timeline, 20, is_adaptive=True) == said | {
        "at_s": [0.0, 0.02, 0.08, 0.09, 0.11],  # 40 ms of a stall before the third, a period less in it
        "played_after_ms": [60.0, 60.0, 100.0, None],
    }
    skipped = timeline.assign(played_ns=[-1, 80_000_000, -1, 150_000_000])
    assert letters(skipped, 20, is_adaptive=True) == said | {
        "at_s": [0.0, 0.0, 0.07, 0.07, 0.09],
        "played_after_ms": [None, 60.0, None, None],
    }
    assert letters(timeline.assign(played_ns=-1), 20, is_adaptive=True) == said


def test_pauses_are_a_share_of_all_frames_and_repairs_of_those_sent(tmp_path):
    run = make_run(tmp_path / "run", swept={}, examples=False, seconds=2.0, schemes=("no loss", "plc"))
    assert "Pauses" not in Parsed(write_report(run).read_text("utf-8")).text

    def half(table):
        return table["frames"] // 2

    change(run, frames_dtx=half, frames_primary=half, frames_plc=0)
    cell = summarize(load(run)).cells[0, "plc"]
    assert cell.costs["pauses"] == pytest.approx(0.5)
    assert cell.shares["primary"] == pytest.approx(1.0)
    assert "Pauses, not sent" in Parsed(write_report(run).read_text("utf-8")).text


def test_the_wait_of_repairs_is_shown_and_no_delay_if_there_is_none(tmp_path):
    run = make_run(
        tmp_path / "run", swept={}, examples=False, seconds=2.0, schemes=("no loss", "plc", "lbrr")
    )

    def waits(table):
        return np.where(table["scheme"] == "lbrr", 60.0 + table["realization"], np.nan)

    change(run, mouth_to_ear_ms=np.nan, buffer_needed_ms_p95=waits, buffer_needed_ms_max=waits)
    text = write_report(run).read_text("utf-8")
    rows = [re.sub("<[^>]*>", " ", row).split() for row in re.findall("<tr.*?</tr>", text, re.DOTALL)]
    ends = [row[-3:] for row in rows if row and row[0] in ("plc", "lbrr") and len(row) > 12]
    assert ["–", "–", "–"] in ends
    assert ["–", "60", "61"] in ends  # the mean of 60 and 61, and the longest


def test_a_run_of_an_earlier_version_is_shown_without_the_columns_it_lacks(tmp_path):
    run = make_run(tmp_path / "run", swept={}, examples=False, seconds=2.0, schemes=("no loss", "plc"))
    table = pd.read_parquet(run / "results.parquet").rename(columns={"mouth_to_ear_ms": "mean_delay_ms"})
    table.to_parquet(run / "results.parquet", index=False)
    assert "Mouth to ear" in Parsed(write_report(run).read_text("utf-8")).text


def test_long_lists_of_warnings_are_folded(tmp_path):
    run = make_run(tmp_path / "run", swept={}, examples=False, seconds=2.0, schemes=("no loss", "plc"))
    change_manifest(run, warnings=[f"warning {number}" for number in range(7)])
    page = Parsed(write_report(run).read_text("utf-8"))
    assert "2 more" in page.text
    assert all(f"warning {number}" in page.text for number in range(7))


def test_a_metric_that_is_not_installed_here_is_warned_of_and_recommends_nothing(tmp_path):
    run = make_run(tmp_path / "run", swept={}, examples=False, seconds=2.0, metrics=("strange",))
    change(run, strange=lambda table: table["packet_loss"])
    text = Parsed(write_report(run).read_text("utf-8")).text
    assert "metric strange is not installed here" in text
    assert "No scheme is recommended by strange, which has no margin." in text
