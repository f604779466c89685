"""The page of a flow study: its numbers are the tables' numbers, names are escaped, nothing is fetched."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from testbed.errors import ResultsError
from testbed.reports import plot
from testbed.reports.answer_text import answer_text
from testbed.reports.flow_charts import MOST_POINTS, thinned
from testbed.reports.flow_verdict import leads, point_label, verdicts
from testbed.reports.lines import lines
from testbed.reports.report import write_report
from testbed.results import CHANGES_FILE, TABLE_FILE, TRAJECTORIES_FILE, load, write_manifest, write_table

from .chromium import opened

EVIL = "<script>alert(1)</script>"
FIRST = "document.querySelector('figure svg')"


def row(point, flow, kind="video", direction="forward", **changed):
    made = {
        "point": point,
        "realization": 0,
        "flow": flow,
        "congestion.controller": ["gcc", EVIL, "nada"][point],
        "direction": direction,
        "kind": kind,
        "received_kbps": 812.34,
        "link_utilisation": 0.61,
        "usable_utilisation": 0.87,
        "queue_p50_ms": 12.0,
        "queue_p95_ms": 77.0,
        "loss": 0.0123,
        "changes": 4,
        "converged": 3,
        "convergence_s": 5.5,
        "oscillation": 0.042,
        "fairness": 0.987,
        "feedback_kbps": 10.0,
        "feedback_loss": 0.0,
        "error": "",
    }
    return {**made, **changed}


def charts(page):
    """Return the data of a page's charts."""
    return json.loads(re.search('id="data">(.*?)</script>', page)[1])["charts"]


@pytest.fixture
def folder(tmp_path):
    table = pd.DataFrame(
        [
            row(0, "S1"),
            row(0, EVIL, queue_p95_ms=33.0, changes=4, converged=1, convergence_s=1.5),
            row(0, "A1", "audio", received_kbps=20.0),
            row(0, "cross 1 tcp", "tcp", received_kbps=456.0, loss=0.02, queue_p95_ms=np.nan),
            row(0, "B1", direction="backward", convergence_s=np.nan, converged=0),
            row(1, "S1"),
            {"point": 1, "realization": 1, "flow": "S1", "error": f"it broke {EVIL}"},
        ]
    )
    time_s = np.arange(0, 20, 0.1)
    series = pd.concat(
        [
            pd.DataFrame(
                {
                    "point": each.point,
                    "realization": 0,
                    "flow": each.flow,
                    "time_s": time_s,
                    "capacity_kbps": 1000.0,
                    "target_kbps": 900 + 10 * time_s,
                    "sent_kbps": 900.0,
                    "received_kbps": 890.0,
                    "queue_ms": np.where(time_s < 5, np.nan, 20.0),
                    "loss": 0.0,
                }
            )
            for each in table[table["realization"] == 0].itertuples()
        ]
    )
    changes = pd.DataFrame(
        {
            "point": [0, 0],
            "realization": [0, 0],
            "flow": ["S1", "B1"],
            "start_s": [0.0, 7.0],
            "stop_s": [7.0, 20.0],
            "capacity_kbps": [1000.0, 1000.0],
            "fair_kbps": [980.0, 432.0],
            "received_kbps": [800.0, 401.0],
            "convergence_s": [2.5, np.nan],
        }
    )
    scenario = {"name": "x", "about": EVIL, "duration_s": 20}
    manifest = {
        "kind": "flows",
        "scenario": scenario,
        "points": [{"congestion.controller": "gcc"}, {"congestion.controller": EVIL}],
        "warnings": [EVIL],
        "complete": False,
    }
    write_table(tmp_path / TABLE_FILE, table)
    write_manifest(tmp_path, manifest)
    write_table(tmp_path / TRAJECTORIES_FILE, series)
    write_table(tmp_path / CHANGES_FILE, changes)
    return tmp_path


def test_the_page(folder):
    path = write_report(folder)
    page = path.read_text("utf-8")
    assert [chart["label"] for chart in charts(page)] == ["gcc, forward", "gcc, backward", f"{EVIL}, forward"]
    assert EVIL not in page
    assert "The run is not complete" in page
    assert "it broke" in page
    # Of the first point: the mean of 77 and 33 ms, and the convergence of 3 changes in 5.5 s and 1 in 1.5 s.
    first = page[page.index('<th scope="row">gcc</th>') :].partition("</tr>")[0]
    words = re.sub(r"<[^>]+>", " ", first).split()
    assert words[:4] == ["gcc", "812", "87", "%"]
    assert words[words.index("55") - 1 : words.index("55")] == ["12"]
    assert "1.23" in words
    assert words[words.index("4.5") + 2 : words.index("4.5") + 5] == ["4", "of", "8"]
    assert "456" in words
    assert re.search(r">never</td>", page)


@pytest.mark.parametrize("width", [390, 768, 1400])
def test_the_page_fits_a_browser_and_asks_for_nothing(folder, width):
    path = write_report(folder)
    with opened(path, width) as page:
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.run(wider) <= 0
        svgs = page.run(
            "[...document.querySelectorAll('figure svg')].map(s => [s.clientWidth, s.clientHeight])"
        )
        assert len(svgs) == 3
        assert all(250 < across < width and high == 2 * 210 for across, high in svgs)  # no panel of loss
        page.run(f"{FIRST}.focus()")
        page.run(f"{FIRST}.dispatchEvent(new KeyboardEvent('keydown', {{key: 'End'}}))")
        assert page.run("document.getElementById('tip').textContent").startswith("S1, 19.9 s\nreceived 890")
        drawn = page.run(
            "[...document.querySelectorAll('.legend')].map(box => box.innerText.split(/\\s{2,}|\\n/))"
        )
        assert drawn[0] == ["S1", EVIL, "target", "capacity", "cross traffic"]
        assert page.requests == [path.as_uri()]
        assert page.complaints == page.violations() == []


def test_charts_of_a_direction_share_their_axes_and_lost_packets_have_a_panel(folder):
    series = pd.read_parquet(folder / TRAJECTORIES_FILE)
    series.loc[(series["point"] == 0) & (series["flow"] == "S1"), ["queue_ms", "loss"]] = 190, 0.5
    write_table(folder / TRAJECTORIES_FILE, series)
    tops = [chart["top"] for chart in charts(write_report(folder).read_text("utf-8"))]
    assert [top["loss"] for top in tops] == [0.5, 0, 0]
    assert [top["queue_ms"] for top in tops] == [190, 20, 190]  # both points forward


def test_nothing_is_fetched(folder):
    page = write_report(folder).read_text("utf-8")
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", page)
    assert "@import" not in page
    assert "url(http" not in page


def test_a_damaged_run_is_an_error(folder):
    write_table(folder / CHANGES_FILE, pd.DataFrame({"point": [0]}))
    with pytest.raises(ResultsError, match=r"changes\.parquet has no column realization"):
        write_report(folder)
    (folder / TRAJECTORIES_FILE).write_bytes(b"no table")
    with pytest.raises(ResultsError, match="cannot be read"):
        write_report(folder)
    (folder / TRAJECTORIES_FILE).unlink()
    with pytest.raises(ResultsError, match=r"there is no trajectories\.parquet"):
        write_report(folder)


def test_a_series_is_thinned_to_means():
    time_s, mean = thinned(np.arange(4000), np.where(np.arange(4000) % 2, 3.0, np.nan))
    assert len(mean) == len(time_s) == MOST_POINTS
    assert set(mean.tolist()) == {3.0}
    _, gone = thinned(np.arange(4000), np.full(4000, np.nan))
    assert np.isnan(gone).all()
    _, same = thinned(np.arange(7), np.arange(7.0))
    assert same.tolist() == list(range(7))


def judged(rows, fair=()):
    table = pd.DataFrame(rows)
    changes = pd.DataFrame(
        [(point, flow, 0.0, 10.0, share, got) for point, flow, share, got in fair],
        columns=["point", "flow", "start_s", "stop_s", "fair_kbps", "received_kbps"],
    )
    return verdicts(table, changes, [{"congestion.controller": name} for name in ("none", "gcc", "nada")])


NONE = row(0, "S1", loss=0.18, queue_p95_ms=296.0, usable_utilisation=0.99)
GCC = row(1, "S1", loss=0.0, queue_p95_ms=29.0, usable_utilisation=0.72)


def test_rate_that_costs_loss_is_no_merit():
    found = judged([NONE, GCC])
    assert [each.sentence for each in found] == [
        "none: 18 % loss, p95 queue 296 ms; it loses and delays too much",
        "gcc: no loss, p95 queue 29 ms, 72 % of the usable capacity",
    ]
    assert leads(found) == [
        "gcc uses the most capacity without harm: no loss, p95 queue 29 ms, 72 % of the usable capacity."
    ]


def test_a_flow_that_gets_too_little_of_its_share_starves():
    better = row(2, "S1", loss=0.0, queue_p95_ms=40.0, usable_utilisation=0.5)
    found = judged([GCC, better], [(1, "S3", 117.0, 66.0), (1, "S1", 100.0, 90.0), (2, "S1", 100.0, 70.0)])
    assert found[0].sentence.endswith("72 % of the usable capacity")  # S3 is no flow of its direction
    rows = [GCC, row(1, "S3", loss=0.0, queue_p95_ms=29.0, usable_utilisation=0.72), better]
    found = judged(rows, [(1, "S3", 117.0, 66.0), (1, "S1", 100.0, 90.0), (2, "S1", 100.0, 70.0)])
    assert found[0].sentence.endswith("of the usable capacity, but S3 starves (66 of 117 kb/s)")
    assert leads(found)[0].startswith("nada uses the most capacity without harm")


def test_where_every_controller_harms_the_least_harm_is_named():
    (lead,) = leads(judged([NONE, row(1, "S1", loss=0.02, queue_p95_ms=90.0)]))
    assert (
        lead == "every controller does harm; least does gcc: 2.0 % loss, p95 queue 90 ms; it loses too much."
    )


def test_directions_are_judged_apart():
    found = judged([GCC, NONE, row(1, "B1", direction="backward", loss=0.5)])
    assert [each.label for each in found] == ["gcc, forward", "none, forward", "gcc, backward"]
    assert [lead.partition(" ")[0] for lead in leads(found)] == ["Forward:", "gcc,"]


def test_a_run_of_flows_has_its_verdict_in_the_terminal(folder):
    said = answer_text(load(folder))
    assert "gcc, forward: 1.2 % loss, p95 queue 55 ms; it loses too much" in said
    with pytest.raises(ResultsError, match="no schemes to choose from"):
        answer_text(load(folder), point=1)


def test_columns_are_plotted_against_each_other(folder, tmp_path):
    drawn = lines(load(folder), "congestion.controller", "queue_p95_ms", "direction").points
    means = {name: [(place, mean.mean) for place, mean in points] for name, points in drawn.items()}
    assert means["forward"] == [(EVIL, 77.0), ("gcc", 55.0)]
    assert means["backward"] == [("gcc", 77.0)]
    each = lines(load(folder), "loss", "received_kbps", "flow").points
    assert {"S1", "A1", "cross 1 tcp"} <= set(each)
    image = plot.plot(folder, "congestion.controller", "loss", "direction", tmp_path / "p.svg")
    assert image.stat().st_size > 1000


def test_labels():
    assert point_label({"forward.link.delay_ms": 50, "congestion.controller": "gcc"}) == (
        "gcc, forward link delay 50 ms"
    )
    assert point_label({"seed": 3}) == "seed 3"
    assert point_label({}) == "the only point"
