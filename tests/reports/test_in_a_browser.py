import pytest

from testbed.reports.report import write_report

from .a_run import SCHEMES, make_run
from .chromium import opened

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SHOWN = "[...document.querySelectorAll('#answer [data-point]:not([hidden])')].map(b => b.dataset.point)"
LABELS = "[...document.querySelectorAll('#curve-chart text')].map(text => text.textContent)"
CUT_OFF = """[...document.querySelectorAll('figure svg')].flatMap(svg => {
    const box = svg.getBoundingClientRect();
    return [...svg.querySelectorAll('text')].filter(text => {
        const place = text.getBoundingClientRect();
        return place.left < box.left - 1 || place.right > box.right + 1;
    }).map(text => text.textContent);
})"""
OVERLAPPING = """[...document.querySelectorAll('figure svg')].flatMap(svg => {
    const boxes = [...svg.querySelectorAll('text.title')].map(title => title.getBoundingClientRect());
    return boxes.flatMap((a, i) => boxes.slice(i + 1).filter(b =>
        a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom));
}).length"""
CHOOSE = """(place => (list, text) => {
    const select = document.querySelectorAll(place + ' select')[list];
    select.value = [...select.options].find(option => option.textContent === text).value;
    select.dispatchEvent(new Event('change'));
})"""
PRESS = """((place, text) => {
    [...document.querySelectorAll(place + ' button')].find(button => button.textContent === text).click();
})"""
CHARTS = ("curve-chart", "dots-chart", "recovery-chart", "bits-chart", "dred-chart", "call-axis")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return write_report(make_run(tmp_path_factory.mktemp("browser") / "run", seconds=6.0))


@pytest.mark.parametrize(("width", "theme"), [(1400, "light"), (768, "light"), (390, "dark")])
def test_the_page_draws_itself_and_asks_for_nothing(report, width, theme):
    with opened(report, width, theme=theme) as page:
        assert page.run(WIDER) <= 0
        for chart in CHARTS:
            assert page.run(f"document.querySelectorAll('#{chart} svg *').length") > 5, chart
        assert page.run("document.querySelectorAll('.strip svg rect').length") > 2 * len(SCHEMES)
        assert page.run(CUT_OFF) == []
        assert page.run(OVERLAPPING) == 0
        assert page.violations() == []
        assert page.requests == [report.as_uri()]
        assert page.complaints == []


def test_the_address_holds_the_choices_and_is_not_trusted(report):
    shown = "['point', 'metric', 'x', 'hidden'].map(name => state.get(name))"
    usual = [1, "plcmos", "wire_kbps", []]
    with opened(report, 1400) as page:
        assert page.run(shown) == usual
        page.run(f"{CHOOSE}('#point-choices')(0, '32')")
        page.run("document.querySelectorAll('#curve-legend button')[1].click()")
        address = page.run("location.hash")
        assert address == "#point=2&hidden=1"
        page.run("location.hash = '#point=0&metric=estoi'")
        page.settle()
        assert page.run(shown) == [0, "estoi", "wire_kbps", []]
        assert page.run(SHOWN) == ["0"]
        page.do(lambda p: p.click(".contents a[href='#made']"))
        page.settle()
        assert page.run(shown) == [0, "estoi", "wire_kbps", []]
        assert page.run("location.hash") == "#point=0&section=made&metric=estoi"
        assert page.complaints == []
    with opened(report, 1400, address=f"{address}&section=quality") as page:
        top = "document.getElementById('quality').getBoundingClientRect().top"
        assert 0 <= page.run(top) <= 100
        assert page.run(shown) == [2, "plcmos", "wire_kbps", [1]]
        assert page.run("document.querySelector('#point-choices option:checked').textContent") == "32"
        for wrong in ("#point=7&metric=<b>&x=__proto__&hidden=99,a", "#point=", "#&&=", "#point=%E0%A4%A"):
            page.run(f"location.hash = {wrong!r}")
            page.settle()
            assert page.run(shown) == usual
        assert page.complaints == []


def test_the_controls_do_what_they_say(report):
    with opened(report, 1400) as page:
        title = "document.querySelector('#curve-chart svg').textContent"
        assert "PLCMOS gained over plc" in page.run(title)
        page.run(f"{CHOOSE}('#curve-controls')(0, 'PESQ-WB (1 to 4.65)')")
        assert "PESQ-WB gained over plc" in page.run(title)
        page.run(f"{CHOOSE}('#curve-controls')(1, 'Payload bitrate (kb/s)')")
        assert "Payload bitrate (kb/s)" in page.run(title)
        page.run(f"{PRESS}('#curve-controls', 'score')")
        assert "PESQ-WB (1 to 4.65)" in page.run(title)
        assert page.run("document.getElementById('direction').textContent") == "up is better"
        assert page.run("better({better: 'lower'}, 'scores')") == "down is better"
        assert page.run("better({better: 'lower'}, 'gains')") == "up is better"
        low, high = page.run("rangeOfScores([{mean: 0.9811}, {mean: 0.9813}], 3)")
        assert high - low == pytest.approx(0.01)
        page.run(f"{PRESS}('#dots-controls', 'share repaired')")
        assert "ESTOI: repaired (%)" in page.run("document.getElementById('dots-chart').textContent")
        page.run("document.querySelectorAll('#curve-legend button')[1].click()")
        assert "neural_plc" in page.run(title)
        assert "plc" not in page.run(LABELS)
        assert page.run(SHOWN) == ["1"]
        page.run(f"{CHOOSE}('#point-choices')(0, '32')")
        assert page.run(SHOWN) == ["2"]
        page.run(
            "Object.defineProperty(navigator, 'clipboard', {value: {writeText: "
            "text => { window.copied = text; return Promise.resolve(); }}})"
        )
        page.run("document.getElementById('copy').click()")
        assert page.run("window.copied").startswith("quickstart · 2025-11-24 · testbed")
        assert page.run("window.copied").count("\n") > 2
        assert page.run("document.querySelector('.copied').textContent") == "copied"
        page.run("[...document.querySelectorAll('#call-zoom button')].at(-1).click()")
        assert page.run("document.querySelectorAll('.strip svg line').length") > 0
        assert page.run("document.querySelector('.spectrogram canvas').style.width") == "600%"
        assert page.complaints == []


def test_a_tap_tells_a_value_and_no_heading_is_covered(report):
    with opened(report, 390) as page:
        for chart in ("curve-chart", "dots-chart"):
            page.tap(f"#{chart} .shape")
            assert "PLCMOS" in page.run("document.getElementById('tip').textContent")
            page.tap("h1")
            assert page.run("document.getElementById('tip').textContent") == ""
        page.run("location.hash = '#recovered'")
        page.settle()
        bar, heading = page.run(
            "[document.querySelector('.chooser').getBoundingClientRect().bottom,"
            " document.querySelector('#recovered h2').getBoundingClientRect().top]"
        )
        assert 0 < bar <= heading
        assert page.complaints == []


def test_points_without_a_sweep_are_joined_to_nothing(tmp_path):
    run = make_run(tmp_path / "run", swept={}, seconds=2.0, examples=False)
    drawn = "[...document.querySelectorAll('#curve-chart path.line')].map(p => p.getAttribute('d'))"
    with opened(write_report(run), 1400) as page:
        across = [path for path in page.run(drawn) if "L" in path]
        assert across == []
        assert set(page.run(LABELS)) >= {"no loss", "neural_plc", "LBRR + DRED"}


def test_lines_follow_keys_that_go_together_and_pass_over_points_that_are_left_out(tmp_path):
    points = [
        {"codec.bitrate_kbps": kbps, "schemes.dred.bitrate_kbps": dred, "channel.loss.rate": rate}
        for kbps, dred in [(16, 12), (24, 12), (32, 20)]
        for rate in (0.1, 0.2)
        if (kbps, rate) != (16, 0.2)
    ]
    run = make_run(tmp_path / "run", points=points, schemes=("no loss", "plc"), seconds=2.0, examples=False)
    drawn = "[...document.querySelectorAll('#curve-chart path.line')].map(p => p.getAttribute('d'))"
    with opened(write_report(run), 1400) as page:
        for point, dots in ((0, 3), (2, 2)):
            page.run(f"state.set('point', {point})")
            assert [len(path.split("L")) for path in page.run(drawn) if "L" in path] == [dots, dots]
        assert page.complaints == []


def test_the_page_prints_to_a_pdf_of_several_sheets(report, tmp_path):
    with opened(report, 1400) as page:
        page.print(tmp_path / "page.pdf")
        printed = (tmp_path / "page.pdf").read_bytes()
        assert printed.startswith(b"%PDF-")
        assert printed.count(b"/Type /Page\n") >= 3
        assert page.complaints == []


def test_on_paper_no_table_is_cut_and_nothing_is_to_press(report):
    with opened(report, 1400) as page:
        page.run("dispatchEvent(new Event('beforeprint'))")
        page.resize(703)  # A4 less its margins
        page.do(lambda p: p.emulate_media(media="print"))
        wide = "[...document.querySelectorAll('table')].map(t => t.getBoundingClientRect().right)"
        assert max(page.run(wide)) <= 703
        shown = (
            "[...document.querySelectorAll('audio, button, select, input')]"
            ".filter(e => e.getClientRects().length && !e.classList.contains('key')).length"
        )
        assert page.run(shown) == 0
        stretched = (
            "[...document.querySelectorAll('figure svg')].map(s => s.getBoundingClientRect().height"
            " / s.viewBox.baseVal.height - s.getBoundingClientRect().width / s.viewBox.baseVal.width)"
        )
        assert max(map(abs, page.run(stretched))) < 0.05
        assert page.run("getComputedStyle(document.querySelector('.mark')).printColorAdjust") == "exact"


def test_names_that_are_scripts_stay_names(tmp_path):
    run = make_run(tmp_path / "run", schemes=("no loss", "plc", EVIL), clips=(EVIL,), seconds=2.0)
    with opened(write_report(run), 390) as page:
        assert page.complaints == []
        assert page.run("document.querySelectorAll('script').length") == 3
        assert page.run("document.querySelectorAll('img[onerror]').length") == 0
        assert page.run("document.body.innerText.includes('alert(1)')") is True
        assert page.run(WIDER) <= 0
