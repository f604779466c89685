"""A run in a notebook: completion, display, and access by name."""

import base64
import html
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

import testbed
from testbed.errors import ResultsError
from testbed.loaded_run import Run
from testbed.progress import Progress, progress
from testbed.repeated_call import Call
from testbed.reports.call_figure import call_figure
from testbed.reports.inline_figure import InlineFigure
from testbed.reports.intervals import Sample, interval
from testbed.run_rows import RunRows

SCENARIO: dict[str, Any] = {
    "name": "notebook",
    "speech": {"corpus": "packaged", "clips": 2},
    "codec": {"bitrate_kbps": 24, "complexity": 0},
    "schemes": ["plc", {"name": "<b>LBRR</b>", "lbrr": {"bitrate_kbps": 16}}],
    "channel": [{"loss": {"model": "bernoulli", "rate": 0.1}}],
    "playout": {"policy": "offline"},
    "sweep": {"channel.loss.rate": [0.1, 0.3]},
    "metrics": ["estoi"],
}
SHORT = 200
PNG = b"\x89PNG\r\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return testbed.run(SCENARIO, tmp_path_factory.mktemp("notebook") / "run", jobs=1)


@pytest.fixture(scope="module")
def call(run: Run) -> Call:
    return run.call(5)


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.sources: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        self.sources += [value or "" for name, value in attrs if name == "src"]


def test_completion_offers_what_the_package_is_for() -> None:
    assert dir(testbed) == ["Results", "__version__", "compare", "load", "run"]


def test_nothing_floods_the_page(run: Run, call: Call) -> None:
    for thing in (run, call, call.simulation, call.simulation.timeline, call.clip):
        assert len(repr(thing)) <= 3 * SHORT, type(thing)
    assert repr(run).endswith("run: 12 calls)")
    assert repr(call) == f"Call({call.row['scheme']}, {call.clip.name}, realization 0)"


def test_a_run_shows_its_answer_with_every_name_escaped(run: Run) -> None:
    shown = run._repr_html_()
    tags = Tags(shown)
    assert "b" in tags.opened, "the recommendation"
    assert (tags.opened.count("tr"), tags.opened.count("table")) == (1 + 3, 1)
    assert "<b>LBRR" not in shown
    assert html.escape("<b>LBRR</b>") in shown


def test_a_flow_study_says_that_it_has_no_schemes(tmp_path: Path) -> None:
    study = Run(
        tmp_path / "<i>",
        RunRows(pd.DataFrame({"flow": ["a", "b"]})),
        {"kind": "flows", "complete": False},
    )
    assert study._repr_html_() == f"<p>Run({tmp_path}/&lt;i&gt;: 2 flows, unfinished)</p>"
    with pytest.raises(ResultsError, match="a flow study, which has no schemes"):
        study.summary()


def test_a_call_shows_a_player_and_a_figure(call: Call) -> None:
    sound, picture = Tags(call._repr_html_()).sources
    assert base64.b64decode(picture.removeprefix("data:image/png;base64,")).startswith(PNG)
    assert base64.b64decode(sound.removeprefix("data:audio/flac;base64,")).startswith(b"fLaC")


def test_the_player_plays_the_samples_that_were_heard(call: Call, tmp_path: Path) -> None:
    player = call.audio()
    assert player.mimetype == "audio/flac"
    (tmp_path / "heard.flac").write_bytes(player.data)
    samples, rate_hz = soundfile.read(tmp_path / "heard.flac", dtype="int16")
    assert rate_hz == 16_000
    np.testing.assert_array_equal(samples, call.pcm)


def test_without_ipython_the_player_says_what_to_install(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    with pytest.raises(ResultsError, match="pip install ipykernel"):
        call.audio()


def test_a_summary_holds_the_means_and_intervals_of_each_scheme_and_point(run: Run) -> None:
    summary = run.summary().set_index(["channel.loss.rate", "scheme"])
    rows = run.table.set_index(["channel.loss.rate", "scheme"])
    assert len(summary) == 2 * 3
    for key, line in summary.iterrows():
        clips = rows.loc[key]["clip"].to_numpy()
        expected = interval(rows.loc[key]["estoi"].to_numpy(), Sample(clips, clips), (0, 1))
        assert expected is not None
        assert (line["estoi"], line["estoi_low"], line["estoi_high"]) == pytest.approx(
            (expected.mean, expected.low, expected.high), rel=1e-12
        )
        assert line["wire_kbps"] == pytest.approx(rows.loc[key]["wire_kbps"].mean())
    gain = summary["estoi"] - summary["estoi"].xs("classic PLC", level="scheme")
    assert summary["estoi_gain"].drop("classic PLC", level="scheme").to_numpy() == pytest.approx(
        gain.drop("classic PLC", level="scheme").to_numpy()
    )


def test_rows_are_chosen_by_value_and_keep_the_number_that_call_takes(run: Run) -> None:
    worst = run.rows(scheme="classic PLC", worst=True)
    assert worst["estoi"].is_monotonic_increasing
    assert (run.table.loc[worst.index, "scheme"] == "classic PLC").all()
    assert run.call(worst.index[0]).row["estoi"] == worst["estoi"].iloc[0]
    assert len(run.rows(**{"channel.loss.rate": 0.3})) == 6
    with pytest.raises(ResultsError, match="did you mean scheme"):
        run.rows(schema="plc")
    with pytest.raises(ResultsError, match="no row has this value"):
        run.rows(scheme="plc")


@pytest.mark.parametrize("row", ["x", 1.5, None, [1]])
def test_a_call_is_named_by_the_number_of_its_row(run: Run, row: Any) -> None:
    with pytest.raises(ResultsError, match="give the number of a row"):
        run.call(row)


def test_a_plot_is_a_figure_that_a_notebook_shows(run: Run, tmp_path: Path) -> None:
    figure = run.plot("channel.loss.rate", "estoi", where={"scheme": "classic PLC"})
    assert isinstance(figure, InlineFigure)
    assert figure._repr_png_().startswith(PNG)
    (axes,) = figure.axes
    assert [line.get_xdata().tolist() for line in axes.get_lines()[:1]] == [[0.1, 0.3]]
    with pytest.raises(ResultsError, match="did you mean"):
        run.plot("channel.loss.rat", "estoi")


def test_a_call_is_drawn_frame_by_frame(call: Call) -> None:
    strips, sound = call.plot().axes
    drawn = sum(path.get_extents().width for bars in strips.collections for path in bars.get_paths())
    assert drawn == pytest.approx(2 * len(call.timeline) * 0.02), "two strips of frames of 20 ms"
    assert len(sound.images) == 1


def test_names_of_others_are_text_in_a_figure(call: Call) -> None:
    figure = call_figure(call.timeline, np.zeros(1600, np.float32), 20, "$x_1$ \x1b[31m", is_adaptive=True)
    assert figure.axes[0].get_title(loc="left") == "$x_1$ \\x1b[31m"
    assert figure._repr_png_().startswith(PNG)


def test_a_notebook_has_a_bar_that_goes_when_the_run_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    class ZMQInteractiveShell:
        pass

    class Handle:
        def update(self, shown: Any) -> None:
            bars.append(shown.data)

    bars: list[str] = []
    monkeypatch.setattr("IPython.get_ipython", ZMQInteractiveShell)
    monkeypatch.setattr("IPython.display.display", lambda *shown, display_id: Handle())
    with progress(lines=False) as show:
        show(Progress(3, 12, 1.0, "calls <b>"))
    assert bars[0].startswith('<progress value="3" max="12"></progress> calls &lt;b&gt;: 3 of 12 rows')
    assert bars[1:] == [""]


def test_a_program_that_is_no_notebook_prints_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(lines=False) as show:
        show(Progress(3, 12, 1.0, "calls"))
    assert capsys.readouterr() == ("", "")
