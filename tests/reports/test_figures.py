"""Figures of the page: keys read them, choices change them, and their files and commands are right."""

import csv
import io
import json
import shlex
import subprocess
import sys

import pytest

import testbed
from testbed.reports.report import write_report

from .a_run import make_run
from .chromium import opened

EVIL = '=1+1, "x"'
CLIPS = ("en-a", "en-b", "fr-c", "fr-d")
POINTS = [
    {"channel.link.rate_kbps": rate, "congestion.controller": name}
    for rate, name in [(32, "none"), (32, "gcc"), (64, "none"), (64, "gcc"), (96, "none")]
]
TIP = "document.getElementById('tip').textContent"
CODES = "[...document.querySelectorAll('figcaption code')].map(code => code.textContent).filter(Boolean)"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures") / "a run"
    schemes = ("no loss", "plc", "red 1", "dred 500", EVIL)
    return make_run(folder, schemes=schemes, clips=CLIPS, points=POINTS, seconds=1.0, examples=False)


@pytest.fixture(scope="module")
def browser(run):
    with opened(write_report(run), 1400) as page:
        page.run(
            "window.before = Object.fromEntries(['point', 'x', 'facet', 'lines'].map(n => [n, state.get(n)]))"
        )
        yield page


@pytest.fixture
def page(browser):
    yield browser
    assert browser.complaints == []
    browser.run("for (const name in before) state.set(name, before[name]); state.set('hidden', []);")


def press(page, chart, *keys):
    """Press keys in a figure and return what is read after each."""
    svg = f"document.querySelector('#{chart} svg')"
    page.run(f"{svg}.focus()")
    return [
        page.run(f"{svg}.dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}', bubbles: true}})), {TIP}")
        for key in keys
    ]


def table(page, chart):
    """Return the CSV of a figure."""
    text = page.run(f"csvOf(figures.get(byId('{chart}')).marks.map(each => each.mark.row).filter(Boolean))")
    return list(csv.DictReader(io.StringIO(text)))


def test_arrow_keys_read_marks_along_and_between_lines(page):
    page.run("state.set('x', 'channel.link.rate_kbps')")
    said = press(page, "curve-chart", "Home", "ArrowRight", "ArrowLeft", "ArrowDown", "End", "Escape")
    assert said[0].startswith("no loss\n") and "32 kb/s" in said[0]
    assert said[1].startswith("no loss\n") and "64 kb/s" in said[1]
    assert said[2] == said[0]
    assert said[3].startswith("plc\n") and "32 kb/s" in said[3]
    assert said[4].startswith("plc\n") and "96 kb/s" in said[4]
    assert said[5] == ""
    assert page.run("document.getElementById('tip').getAttribute('role')") == "status"
    assert "arrow keys" in page.run("document.querySelector('#curve-chart svg').getAttribute('aria-label')")


def test_ticks_are_the_swept_values(page):
    page.run("state.set('x', 'channel.link.rate_kbps')")
    texts = page.run("[...document.querySelectorAll('#curve-chart text')].map(text => text.textContent)")
    assert [text for text in texts if text.isdigit()] == ["32", "64", "96"]


def test_a_swept_key_becomes_panels_or_dashes(page):
    page.run("state.set('x', 'channel.link.rate_kbps'); state.set('facet', 'congestion.controller')")
    heads = "[...document.querySelectorAll('#curve-chart text.panel')].map(text => text.textContent)"
    assert [head.split(": ")[1] for head in page.run(heads)] == ["none", "GCC"]
    page.run("state.set('facet', ''); state.set('lines', 'congestion.controller')")
    lines = "[...document.querySelectorAll('#curve-chart path.line')]"
    dashes = f"new Set({lines}.map(line => line.getAttribute('stroke-dasharray'))).size"
    assert page.run(dashes) == 3  # solid, dashed, and the ceiling's
    assert {row["congestion.controller"] for row in table(page, "curve-chart")} == {"none", "gcc"}


def test_a_combination_that_is_not_there_gives_the_nearest_point(page):
    page.run("state.set('point', 1)")  # 32 kb/s, gcc
    lists = "document.querySelectorAll('#point-choices select')"
    page.run(f"{lists}[0].value = 2; {lists}[0].dispatchEvent(new Event('change'))")
    assert page.run("state.get('point')") == 4  # 96 kb/s, none
    assert page.run(f"[...{lists}].map(list => list.selectedOptions[0].textContent)") == ["96", "none"]


def test_the_legend_hides_and_isolates(page):
    keys = "[...document.querySelectorAll('#curve-legend button.key')]"
    shown = f"{keys}.filter(key => key.getAttribute('aria-pressed') === 'true').length"
    assert page.run(f"{keys}[2].click(), {shown}") == 4
    assert "hidden=2" in page.run("location.hash")
    isolate = "dispatchEvent(new MouseEvent('click', {shiftKey: true}))"
    assert page.run(f"{keys}[3].{isolate}, {shown}") == 1
    assert {row["scheme"] for row in table(page, "curve-chart")} == {"dred 500"}
    assert page.run(f"{keys}[3].{isolate}, {shown}") == 5
    last = "[...document.querySelectorAll('#curve-legend button.all')]"
    assert page.run(f"{last}[1].click(), {shown}") == 0
    assert page.run(f"{last}[0].click(), {shown}") == 5


def test_a_csv_has_the_means_and_no_formula(page, run):
    page.run("state.set('as', 'scores')")
    rows = table(page, "dots-chart")
    point = page.run("state.get('point')")
    means = testbed.load(run).table.query(f"point == {point}").groupby("scheme")["plcmos"].mean()
    for row in rows:
        if row.get("plcmos"):
            assert float(row["plcmos"]) == pytest.approx(means[row["scheme"].removeprefix("'")], abs=1e-6)
    assert "'" + EVIL in {row["scheme"] for row in rows}
    page.run("state.set('as', 'gains')")
    assert page.run("[-1.5, '-x', '+1', '@a', '\\ty', null].map(csvField)") == [
        "-1.5", "'-x", "'+1", "'@a", "'\ty", "",
    ]  # fmt: skip


def test_a_picture_is_a_bitmap_of_twice_the_size(page):
    svg = "document.querySelector('#curve-chart svg')"
    box = page.run(f"(box => [box.width, box.height])({svg}.viewBox.baseVal)")
    bitmap = page.run(f"pictureOf({svg}).then(createImageBitmap).then(made => [made.width, made.height])")
    assert bitmap == [2 * side for side in box]


def test_a_budget_names_the_best_below_it_and_the_front_only_rises(page):
    rows = [row for row in table(page, "trade-chart") if row["on_front"] == "1"]
    front = [(float(row["wire_kbps"]), float(row["plcmos"])) for row in rows]
    assert front == sorted(front)
    assert sorted(score for _, score in front) == [score for _, score in front]
    page.run("byId('most').value = 45; byId('most').dispatchEvent(new Event('input'))")
    assert "most" not in page.run("location.hash")  # while it is dragged
    page.run("byId('most').dispatchEvent(new Event('change'))")
    said = page.run("document.getElementById('trade-best').textContent")
    assert said.startswith("Highest mean under 45 kb/s: ") and "40.0 kb/s" in said
    assert "most=45" in page.run("location.hash")
    page.run("state.set('most', null)")


def test_a_heat_map_has_a_cell_for_each_pair(page):
    page.run("state.set('heat', 'dred 500')")
    rows = table(page, "heat-chart")
    assert len(rows) == len(POINTS)
    assert {row["scheme"] for row in rows} == {"dred 500"}
    said = press(page, "heat-chart", "Home", "ArrowRight")
    assert "32 kb/s" in said[0] and "64 kb/s" in said[1]


def test_the_spread_is_of_the_calls_themselves(page, run):
    page.run("state.set('as', 'scores')")
    point = page.run("state.get('point')")
    calls = testbed.load(run).table.query(f"point == {point} and scheme == 'dred 500'")
    rows = [row for row in table(page, "spread-chart") if row["scheme"] == "dred 500"]
    assert [float(row["plcmos"]) for row in rows] == pytest.approx(sorted(calls["plcmos"]), abs=6e-4)
    assert [float(row["share_percent"]) for row in rows] == [
        100 * (i + 1) / len(calls) for i in range(len(calls))
    ]
    page.run("state.set('spread', 'clips')")
    rows = [row for row in table(page, "spread-chart") if row["scheme"] == "dred 500"]
    means = calls.groupby("clip")["plcmos"].mean()
    assert {row["clip"]: float(row["plcmos"]) for row in rows} == pytest.approx(means.to_dict(), abs=6e-4)
    page.run("state.set('spread', 'calls'); state.set('as', 'gains')")


def test_the_address_brings_the_choices_back(page):
    page.run("location.hash = '#x=channel.link.rate_kbps&hidden=2&as=scores&metric=estoi&point=3'")
    page.run("new Promise(done => setTimeout(done, 50))")
    assert page.run("[state.get('x'), state.get('point')]") == ["channel.link.rate_kbps", 3]
    assert "ESTOI (0 to 1)" in page.run("document.querySelector('#curve-chart svg').textContent")
    assert page.run("document.querySelectorAll('#curve-legend [aria-pressed=false]').length") == 1
    page.run("state.set('metric', 'plcmos'); state.set('as', 'gains')")


def again(command, run):
    """Return what a line of Python under a figure gives, with the run's folder for its name."""
    return eval(command.replace('load("a run")', "load(folder)"), {"testbed": testbed, "folder": run})


@pytest.mark.long
def test_the_commands_under_the_figures_work(page, run):
    page.run("state.set('facet', 'congestion.controller')")
    commands = page.run(CODES)
    page.run(
        "state.set('facet', ''); state.set('x', 'dred_asked_ms'); state.set('lines', 'congestion.controller')"
    )
    commands += page.run(CODES)
    assert len({command for command in commands if command.startswith("testbed plot")}) >= 4
    page.run("state.set('as', 'repaired'); state.set('heat', 'dred 500')")
    commands += page.run(CODES)
    page.run("state.set('as', 'gains')")
    for command in dict.fromkeys(commands):
        if command.startswith("testbed.load"):
            assert len(again(command, run))
    heat, calls = page.run(CODES)[2:4]
    cells = [float(row["plcmos_gain"]) for row in table(page, "heat-chart")]
    assert sorted(cells) == pytest.approx(sorted(again(heat, run).stack().dropna()), abs=1e-6)
    steps = [float(row["plcmos_gain"]) for row in table(page, "spread-chart") if row["scheme"] == "dred 500"]
    assert steps == pytest.approx(sorted(again(calls, run)["dred 500"]), abs=2e-3)
    lines = [
        shlex.split(command)[1:] for command in dict.fromkeys(commands) if command.startswith("testbed ")
    ]
    script = (
        "import json, sys\nfrom typer.testing import CliRunner\nfrom testbed.cli import app\n"
        "for line in json.loads(sys.argv[1]):\n"
        "    done = CliRunner().invoke(app, line)\n"
        "    assert done.exit_code == 0, (line, done.output)\n"
    )
    subprocess.run([sys.executable, "-c", script, json.dumps(lines)], cwd=run.parent, check=True)
