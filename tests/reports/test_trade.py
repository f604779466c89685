"""Quality against delay: the front, and where page and terminal show it."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.reports.answer_text import answer_text
from testbed.reports.intervals import Interval
from testbed.reports.report import write_report
from testbed.reports.summary import DELAY, Cell, summarize
from testbed.reports.trade import pareto, receiver, trades
from testbed.results import load

from .a_run import make_run
from .chromium import opened

SCHEMES = ("no loss", "plc", "dred 500")
RECEIVERS = [
    json.dumps({"policy": "fixed", "buffer_ms": 60}),
    json.dumps({"policy": "fixed", "buffer_ms": 250}),
    json.dumps({"policy": "adaptive", "preset": "signal", "late": "splice"}),
    json.dumps({"policy": "offline"}),
]
DELAYS_MS = (126.0, 316.0, 205.0, np.nan)


def cell(scheme, delay_ms, score):
    return Cell(0, scheme, 1, 0, {DELAY: delay_ms}, {}, {"plcmos": Interval(score, score, score, 1, 1)})


def run_with(folder, receivers, **swept):
    """Make a run whose delays follow from the receiver, those of DRED a little above."""
    run = make_run(
        folder / "run",
        schemes=SCHEMES,
        swept={"playout": receivers, **swept},
        metrics=("plcmos", "estoi"),
        seconds=2.0,
        examples=False,
    )
    table = pd.read_parquet(run / "results.parquet")
    own = table["playout"].map(dict(zip(RECEIVERS, DELAYS_MS, strict=True)))
    table[DELAY] = (own + 10.0 * (table["scheme"] == "dred 500")).mask(table["scheme"] == "no loss")
    table["plcmos"] = 3 + own.fillna(0) / 1000 + 0.5 * (table["scheme"] == "dred 500")
    table.to_parquet(run / "results.parquet", index=False)
    return run


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(10, 20)), min_size=1, max_size=12))
def test_nothing_beats_the_front_and_the_front_beats_all_others(pairs):
    cells = [cell(str(index), float(delay), float(score)) for index, (delay, score) in enumerate(pairs)]
    front = {(each.costs[DELAY], each.scores["plcmos"].mean) for each in pareto(cells, "plcmos", DELAY)}
    for delay, score in pairs:
        beaten = any(d <= delay and s >= score and (d, s) != (delay, score) for d, s in pairs)
        assert ((delay, score) in front) is not beaten


def test_the_front_of_a_metric_whose_low_values_are_better_goes_down():
    words = [(30.0, 20.0), (60.0, 25.0), (90.0, 10.0)]
    cells = [
        Cell(0, str(delay), 1, 0, {DELAY: delay}, {}, {"wer": Interval(score, score, score, 1, 1)})
        for delay, score in words
    ]
    assert [each.costs[DELAY] for each in pareto(cells, "wer", DELAY)] == [30.0, 90.0]


def test_points_that_differ_in_the_receiver_alone_are_weighed_together(tmp_path):
    run = run_with(tmp_path, RECEIVERS, **{"channel.loss.rate": [0.1, 0.2]})
    summary = summarize(load(run))
    found = trades(summary, range(8), DELAY)
    assert [trade.points for trade in found] == [(0, 2, 4, 6), (1, 3, 5, 7)]
    assert [each.scheme for each in found[0].front["plcmos"]] == ["plc", "dred 500", "dred 500", "dred 500"]
    assert [each.costs[DELAY] for each in found[0].front["plcmos"]] == [126, 136, 215, 326]


def test_without_different_delays_there_is_nothing_to_weigh(tmp_path):
    run = make_run(tmp_path / "run", seconds=2.0, examples=False)
    assert trades(summarize(load(run)), range(3), DELAY) == []
    assert '"column":"mouth_to_ear_ms"' not in write_report(run).read_text("utf-8").replace(" ", "")
    assert "Mouth to ear" not in answer_text(load(run))


@pytest.mark.parametrize(
    ("swept", "words"),
    [
        ({"playout": RECEIVERS[0], "channel.loss.rate": 0.1}, "fixed, buffer 60 ms"),
        ({"playout": RECEIVERS[2]}, "adaptive, preset signal, late splice"),
        ({"playout.late": json.dumps({"wait": {"most_ms": 200}})}, "late wait most 200 ms"),
        ({"playout.buffer_ms": 60}, "buffer 60 ms"),
        ({"channel.loss.rate": 0.1}, ""),
    ],
)
def test_receivers_are_named(swept, words):
    assert receiver(swept) == words


def test_the_answer_has_the_delay_beside_each_receiver(tmp_path):
    run = run_with(tmp_path, RECEIVERS)
    table = pd.read_parquet(run / "results.parquet")
    more = [table.assign(clip=table["clip"] + str(number)) for number in range(3)]
    pd.concat(more).to_parquet(run / "results.parquet", index=False)
    said = answer_text(load(run))
    assert "receiver adapts (preset signal, late splice)" in said
    assert "on the wire and a delay of 215 ms from mouth to ear." in " ".join(said.split())
    assert "Mouth to ear (ms)" in said
    ends = [
        line.split()[-1]
        for line in said.splitlines()
        if line[3:].startswith(("playout adaptive", "playout offline"))
    ]
    assert ends == ["215", "–"]


def test_the_chart_marks_every_scheme_with_every_receiver(tmp_path):
    run = run_with(tmp_path, RECEIVERS)
    texts = "[...document.querySelectorAll('#trade-chart text')].map(text => text.textContent)"
    tip = "document.getElementById('tip').textContent"
    with opened(write_report(run), 1400) as page:
        page.run("state.set('cost', 'mouth_to_ear_ms')")
        assert page.run("document.querySelectorAll('#trade-chart g.datum').length") == 6
        assert page.run("document.querySelectorAll('#trade-chart g.datum:not(.faded)').length") == 4
        assert "PLCMOS (1 to 5)" in page.run(texts)
        assert any(text.startswith("dred 500, playout adaptive") for text in page.run(texts))
        page.run("state.set('metric', 'estoi')")
        assert "ESTOI (0 to 1)" in page.run(texts)
        svg = "document.querySelector('#trade-chart svg')"
        page.run(f"{svg}.dispatchEvent(new KeyboardEvent('keydown', {{key: 'End'}}))")
        assert " ms\n" in page.run(tip)
        assert "on the front" in page.run("document.querySelector('#trade table').innerText")
        page.resize(390)
        assert page.run("document.documentElement.scrollWidth - innerWidth") <= 0
        assert page.complaints == []


def test_the_call_of_an_adaptive_receiver_has_its_delay(tmp_path):
    """A stall widens its frame, and the delay stays above until it is caught up."""
    run = make_run(tmp_path / "run", schemes=SCHEMES, swept={}, seconds=2.0)
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["scenario"]["playout"] = {"policy": "adaptive", "preset": "neteq"}
    (run / "manifest.json").write_text(json.dumps(manifest))
    for example in manifest["examples"]:
        timeline = pd.read_parquet(run / example["timeline"])
        timeline.loc[50:, "played_ns"] += 400_000_000
        timeline.to_parquet(run / example["timeline"], index=False)
    with opened(write_report(run), 1400) as page:
        strips = "[...document.querySelectorAll('.strip')].map(strip => strip.textContent)"
        assert page.run(strips) == ["", *["played 100 to 500 ms after sending"] * 2]
        widths = "[...document.querySelectorAll('.strip')[1].querySelectorAll('rect')]"
        widest = page.run(f"Math.max(...{widths}.map(rect => rect.width.baseVal.value))")
        assert widest > 0.2 * page.run("document.querySelector('.strip svg').viewBox.baseVal.width")
        assert page.complaints == []
