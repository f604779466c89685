import html
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from testbed.errors import ResultsError
from testbed.escaping import is_printable, printable
from testbed.reports.lines import lines
from testbed.reports.plot import plot
from testbed.reports.published import published
from testbed.reports.selection import where
from testbed.results import load

from .a_run import SCHEMES, make_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("plot") / "run", examples=False)


def test_each_suffix_gives_that_kind_of_file(run, tmp_path):
    svg = plot(run, "wire_kbps", "plcmos", "scheme", tmp_path / "a.svg").read_text()
    assert "<svg" in svg
    for text in (*SCHEMES, "Bitrate on the wire with RTP, UDP and IPv4 (kb/s)", "PLCMOS (1 to 5)"):
        assert text in svg
    assert plot(run, "wire_kbps", "plcmos", "scheme", tmp_path / "a.pdf").read_bytes()[:5] == b"%PDF-"
    with Image.open(plot(run, "wire_kbps", "plcmos", "scheme", tmp_path / "a.png")) as image:
        assert image.format == "PNG"
        assert min(image.size) > 600


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_the_same_run_gives_the_same_file(run, tmp_path, suffix):
    files = [plot(run, "wire_kbps", "estoi", "scheme", tmp_path / f"{k}.{suffix}") for k in range(2)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_measured_x_is_averaged_over_the_calls_of_the_point(run):
    table = load(run).table
    found = lines(load(run), "packet_loss", "plcmos", "scheme").points
    assert list(found) == [*SCHEMES]
    for scheme, points in found.items():
        for index, (place, mean) in enumerate(points):
            rows = table[(table["scheme"] == scheme) & (table["point"] == index)]
            assert place == pytest.approx(rows["packet_loss"].mean())
            assert mean.mean == pytest.approx(rows["plcmos"].mean())
            assert mean.low <= mean.mean <= mean.high
            assert mean.pairs == 4


def test_a_swept_x_stands_at_its_values(run):
    found = lines(load(run), "codec.bitrate_kbps", "pesq_wb", "scheme").points
    assert [place for place, _ in found["plc"]] == [16, 24, 32]


def test_published_figures_of_dred_are_marked_next_to_measurements(tmp_path):
    run = make_run(tmp_path / "run", examples=False)
    frame = load(run).table
    rng = np.random.default_rng(1)
    frame["dred_asked_ms"] = rng.permutation(np.resize([0, 100, 1000], len(frame)))
    frame["dred_kbps"] = frame["dred_asked_ms"] / 40
    frame.to_parquet(run / "results.parquet", index=False)
    found = lines(load(run), "dred_asked_ms", "dred_kbps", "codec.bitrate_kbps").points
    # the depth asked for is a setting: as many places as there are depths, not one a point
    assert [(place, mean.mean) for place, mean in found["16"]] == [(100, 2.5), (1000, 25)]
    svg = plot(run, "dred_asked_ms", "dred_kbps", "codec.bitrate_kbps", tmp_path / "a.svg").read_text()
    for text in ("published: 500 bit/s per copy", "in less than 32 kb/s", "DRED requested (ms)"):
        assert text in svg
    svg = plot(run, "dred_asked_ms", "plcmos", "codec.bitrate_kbps", tmp_path / "b.svg").read_text()
    assert "published" not in svg


def test_published_figures_of_dred():
    line, dot = published("dred_asked_ms", "dred_kbps", 2000.0)
    assert (line.places, line.values) == ((0, 2000), (0, 50))
    assert (dot.places, dot.values) == ((1000,), (32,))
    assert published("dred_kbps", "dred_asked_ms", 2000.0) == []


def test_grouped_by_another_column_the_ceiling_stays_apart(run):
    found = lines(load(run), "wire_kbps", "plcmos", "clip").points
    assert set(found) == {"no loss", "en-allison", "fr-june"}
    table = load(run).table
    rows = table[(table["clip"] == "fr-june") & (table["scheme"] != "no loss") & (table["point"] == 0)]
    assert found["fr-june"][0][1].mean == pytest.approx(rows["plcmos"].mean())


def test_words_may_stand_on_the_x_axis(run, tmp_path):
    svg = plot(run, "scheme", "plcmos", "codec.bitrate_kbps", tmp_path / "words.svg").read_text()
    assert "neural_plc" in svg


def test_names_are_drawn_as_they_are(tmp_path):
    name = "_red $x^2$ <b>"
    run = make_run(tmp_path / "run", schemes=("no loss", "plc", name), examples=False)
    svg = plot(run, "wire_kbps", "plcmos", "scheme", tmp_path / "a.svg").read_text()
    assert "_red $x^2$ &lt;b&gt;" in svg


def test_characters_forbidden_in_svg_are_escaped(tmp_path):
    name = "red\x1b[2J\x00"
    run = make_run(tmp_path / "run", schemes=("no loss", "plc", name), examples=False, seconds=2.0)
    for options in (("wire_kbps", "plcmos", "scheme"), ("scheme", "plcmos", "clip")):
        svg = plot(run, *options, tmp_path / "a.svg", [f"scheme={printable(name)}"], "scheme").read_text()
        assert r"red\x1b[2J\x00" in svg
        assert is_printable(svg)


def test_one_call_has_a_dot_and_no_interval(tmp_path):
    run = make_run(tmp_path / "run", clips=("one",), realizations=1, swept={}, examples=False)
    assert plot(run, "wire_kbps", "plcmos", "scheme", tmp_path / "a.svg").exists()


@pytest.mark.parametrize(
    ("x", "y", "by", "message"),
    [
        ("wire_kpbs", "plcmos", "scheme", r"--x wire_kpbs: .*no such column; did you mean wire_kbps"),
        ("bitrate_kbps", "plcmos", "scheme", r"did you mean .*codec\.bitrate_kbps"),
        ("wire_kbps", "plc_mos", "scheme", r"--y plc_mos: .*did you mean plcmos"),
        ("wire_kbps", "plcmos", "schema", r"--by schema: .*did you mean scheme"),
        ("wire_kbps", "scheme", "clip", r"--y scheme: holds no numbers"),
        ("wire_kbps", "qqq", "clip", r"known: point, scheme, clip"),
    ],
)
def test_a_wrong_column_is_met_with_the_nearest_right_one(run, tmp_path, x, y, by, message):
    with pytest.raises(ResultsError, match=message):
        plot(run, x, y, by, tmp_path / "a.svg")
    assert list(tmp_path.iterdir()) == []


def test_a_metric_that_never_ran_is_refused(tmp_path):
    run = make_run(tmp_path / "run", metrics=("plcmos", "dnsmos"), examples=False)
    with pytest.raises(ResultsError, match="--y dnsmos: holds no numbers"):
        plot(run, "wire_kbps", "dnsmos", "scheme", tmp_path / "a.svg")
    table = pd.read_parquet(run / "results.parquet").assign(wire_kbps=np.nan)
    table.to_parquet(run / "results.parquet")
    with pytest.raises(ResultsError, match="--x wire_kbps: holds no numbers"):
        plot(run, "wire_kbps", "plcmos", "scheme", tmp_path / "a.svg")


def test_another_suffix_is_refused(run, tmp_path):
    with pytest.raises(ResultsError, match=r"a\.jpg: give a file that ends in \.svg or \.png or \.pdf"):
        plot(run, "wire_kbps", "plcmos", "scheme", tmp_path / "a.jpg")


@pytest.fixture(scope="module")
def two_keys(tmp_path_factory):
    """Return a run that sweeps two keys."""
    return make_run(
        tmp_path_factory.mktemp("plot") / "run",
        swept={"channel.link.rate_kbps": [32, 64.5], "congestion.controller": ["none", "gcc"]},
        schemes=("no loss", "plc", "red 1"),
        examples=False,
        seconds=2.0,
    )


def drawn(run, tmp_path, x, y, by, **more):
    """Return a figure's text and what was told of it."""
    told = []
    text = plot(run, x, y, by, tmp_path / "a.svg", on_note=told.append, **more).read_text("utf-8")
    for note in told:
        assert all(word in text for word in html.escape(note, quote=False).split())
    return text, " ".join(told)


def test_pooled_values_are_named_in_the_figure_and_in_a_note(two_keys, tmp_path):
    x, y, by = "channel.link.rate_kbps", "plcmos", "congestion.controller"
    text, told = drawn(two_keys, tmp_path, x, y, by)
    assert ">quickstart<" in text
    assert "Each mean is over 8 calls of 2 clips." in told  # 2 realizations and 2 schemes, or controllers
    assert "Means pool 2 values of scheme (plc, red 1)" in told
    _, told = drawn(two_keys, tmp_path, x, y, "scheme")
    assert "Means pool 2 values of congestion.controller (none, gcc)" in told
    _, told = drawn(two_keys, tmp_path, x, "packet_loss", by)
    assert "Without no loss." in told


def test_nothing_is_pooled_where_rows_are_chosen_or_have_panels_of_their_own(two_keys, tmp_path):
    x, y, by = "channel.link.rate_kbps", "plcmos", "congestion.controller"
    _, told = drawn(two_keys, tmp_path, x, y, by, conditions=["scheme=plc"])
    assert told == "Each mean is over 4 calls of 2 clips. Only rows with scheme=plc."
    text, told = drawn(
        two_keys, tmp_path, x, y, by, facet="scheme", conditions=["scheme=plc", "scheme=red 1"]
    )
    assert told.startswith("Each mean is over 4 calls of 2 clips.")
    assert "pool" not in told
    assert re.findall(">Scheme: ([^<]*)<", text) == ["plc", "red 1"]


def test_conditions_choose_rows(two_keys):
    run = load(two_keys)
    both = where(run, ["scheme=plc", "scheme=red 1", "channel.link.rate_kbps=64.50", "point=2"])
    assert set(both.table["scheme"]) == {"plc", "red 1"}
    assert set(both.table["channel.link.rate_kbps"]) == {64.5}
    assert len(both.table) == 2 * 2 * 2
    assert len(where(run, ["channel.link.rate_kbps=32.0"]).table) == len(run.table) / 2


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        (["scheme"], "--where scheme: must be column=value"),
        (["shceme=plc"], "--where shceme: .*no such column; did you mean scheme"),
        (["congestion.controller=gc"], "no row has this value; did you mean gcc"),
        (["point=7"], "no row has this value; known: 0, 1, 2, 3"),
        (["point=0", "congestion.controller=gcc"], "no row meets point=0 and congestion.controller=gcc"),
    ],
)
def test_conditions_that_choose_nothing_are_refused(two_keys, tmp_path, conditions, message):
    with pytest.raises(ResultsError, match=message):
        plot(two_keys, "point", "plcmos", "scheme", tmp_path / "a.svg", conditions)
    assert list(tmp_path.iterdir()) == []


def test_points_of_a_measured_column_are_joined_along_one_swept_key_only(two_keys, tmp_path):
    made = lines(load(two_keys), "wire_kbps", "plcmos", "scheme")
    assert made.scattered == ["channel.link.rate_kbps", "congestion.controller"]
    chosen = where(load(two_keys), ["congestion.controller=gcc"])
    assert lines(chosen, "wire_kbps", "plcmos", "scheme").scattered == []
    _, told = drawn(two_keys, tmp_path, "wire_kbps", "plcmos", "scheme")
    assert "No line joins points" in told


def test_points_of_keys_that_go_together_are_joined(tmp_path):
    together = [(16, 12), (24, 12), (32, 20)]
    run = make_run(
        tmp_path / "run",
        points=[{"schemes.dred.bitrate_kbps": dred, "codec.bitrate_kbps": kbps} for kbps, dred in together],
        schemes=("no loss", "plc"),
        examples=False,
        seconds=2.0,
    )
    made = lines(load(run), "wire_kbps", "plcmos", "scheme")
    assert made.scattered == []
    assert len(made.points["plc"]) == 3


def test_a_scheme_without_dred_is_beside_the_lines_of_dred(tmp_path):
    run = make_run(tmp_path / "run", schemes=("no loss", "plc", "dred 500"), examples=False, seconds=2.0)
    made = lines(load(run), "dred_asked_ms", "plcmos", "codec.bitrate_kbps")
    assert {name: [place for place, _ in points] for name, points in made.points.items()} == {
        "no loss": [0], "plc": [0], "16": [500], "24": [500], "32": [500],
    }  # fmt: skip
    assert made.beside == {"no loss", "plc"}
    assert lines(load(run), "dred_asked_ms", "dred_kbps", "codec.bitrate_kbps").left_out == ["no loss", "plc"]


def test_too_many_panels_are_refused(tmp_path):
    run = make_run(tmp_path / "run", clips=tuple(f"clip {k}" for k in range(25)), seconds=1.0, examples=False,
                   schemes=("plc",), swept={}, realizations=1)  # fmt: skip
    with pytest.raises(ResultsError, match="--facet clip: 25 values, at most 24 panels"):
        plot(run, "scheme", "plcmos", "scheme", tmp_path / "a.svg", facet="clip")
