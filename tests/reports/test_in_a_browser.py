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
CHARTS = ("curve-chart", "dots-chart", "recovery-chart", "bits-chart", "dred-chart", "call-axis")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return write_report(make_run(tmp_path_factory.mktemp("browser") / "run", seconds=6.0))


@pytest.mark.parametrize("width", [390, 1400])
def test_the_page_draws_itself_and_asks_for_nothing(report, width):
    with opened(report, width) as page:
        assert page.run(WIDER) <= 0
        for chart in CHARTS:
            assert page.run(f"document.querySelectorAll('#{chart} svg *').length") > 5, chart
        assert page.run("document.querySelectorAll('.strip svg rect').length") > 2 * len(SCHEMES)
        assert page.run(CUT_OFF) == []
        assert [url for url in page.requests if not url.startswith("data:")] == [report.as_uri()]
        assert page.complaints == []


def test_the_controls_do_what_they_say(report):
    with opened(report, 1400) as page:
        title = "document.querySelector('#curve-chart text.title:last-of-type, #curve-chart svg').textContent"
        assert "PLCMOS (1 to 5)" in page.run(title)
        page.run(
            "document.querySelectorAll('#curve-controls .group')[0].querySelectorAll('button')[1].click()"
        )
        assert "PESQ-WB (1.0 to 4.6)" in page.run(title)
        page.run(
            "document.querySelectorAll('#curve-controls .group')[1].querySelectorAll('button')[1].click()"
        )
        assert "Payload bitrate (kb/s" in page.run(title)
        page.run(
            "document.querySelectorAll('#curve-controls .group')[2].querySelectorAll('button')[1].click()"
        )
        assert "PESQ-WB gained over plc" in page.run(title)
        page.run("document.querySelectorAll('#dots-controls button')[2].click()")
        assert "ESTOI: repaired (%)" in page.run("document.getElementById('dots-chart').textContent")
        page.run("document.querySelectorAll('#legend button')[1].click()")
        assert "neural_plc" in page.run(title)
        assert "plc" not in page.run(LABELS)
        assert page.run(SHOWN) == ["1"]
        page.run(
            "const s = document.getElementById('point'); s.value = '2'; s.dispatchEvent(new Event('change'))"
        )
        assert page.run(SHOWN) == ["2"]
        page.run("[...document.querySelectorAll('#call-controls button')].at(-1).click()")
        assert page.run("document.querySelectorAll('.strip svg line').length") > 0
        assert page.run("document.querySelector('.spectrogram img').style.width") == "600%"
        assert page.complaints == []


def test_every_recording_plays(report):
    with opened(report, 1400) as page:
        seconds = page.run(
            "Promise.all([...document.querySelectorAll('audio')].map(a => new Promise((done, fail) => {"
            "a.onloadedmetadata = () => done(a.duration); a.onerror = () => fail(a.error); a.load(); })))"
        )
        assert seconds == pytest.approx([6.0] * (2 + len(SCHEMES)), abs=0.05)
        assert page.complaints == []


def test_a_click_plays_from_there_and_the_next_player_goes_on(report):
    playing = (
        "new Promise(done => { const a = document.querySelectorAll('audio')[{0}]; "
        "a.onplaying = () => done(a.currentTime); {1} })"
    )
    with opened(report, 1400) as page:
        picture = "document.querySelectorAll('.spectrogram')[3]"
        click = (
            f"const b = {picture}.getBoundingClientRect(); {picture}.dispatchEvent(new MouseEvent('click', "
            "{clientX: b.left + b.width / 2, clientY: b.top + 5}));"
        )
        assert page.run(playing.replace("{0}", "3").replace("{1}", click)) == pytest.approx(3.0, abs=0.2)
        assert page.run(f"{picture}.querySelector('.head').hidden") is False
        assert page.run(playing.replace("{0}", "5").replace("{1}", "a.play();")) > 2.5
        assert page.run("document.querySelectorAll('audio')[3].paused") is True
        assert page.complaints == []


def test_names_that_are_scripts_stay_names(tmp_path):
    run = make_run(tmp_path / "run", schemes=("no loss", "plc", EVIL), clips=(EVIL,), seconds=2.0)
    with opened(write_report(run), 390) as page:
        assert page.complaints == []
        assert page.run("document.querySelectorAll('script').length") == 2
        assert page.run("document.querySelectorAll('img[onerror]').length") == 0
        assert page.run("document.body.innerText.includes('alert(1)')") is True
        assert page.run(WIDER) <= 0
