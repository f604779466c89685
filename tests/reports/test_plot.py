import numpy as np
import pandas as pd
import pytest
from PIL import Image

from testbed.errors import ResultsError
from testbed.reports.plot import groups, plot
from testbed.reports.published import published
from testbed.results import load

from .a_run import SCHEMES, make_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("plot") / "run", examples=False)


def test_each_suffix_gives_that_kind_of_file(run, tmp_path):
    svg = plot(run, "wire_kbps", "plcmos", "scheme", tmp_path / "a.svg").read_text()
    assert "<svg" in svg
    for text in (*SCHEMES, "Bitrate on the wire (kb/s, with RTP, UDP and IPv4)", "PLCMOS (1 to 5)"):
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
    lines = groups(load(run), "packet_loss", "plcmos", "scheme")
    assert list(lines) == [*SCHEMES]
    for scheme, points in lines.items():
        for index, (place, mean) in enumerate(points):
            rows = table[(table["scheme"] == scheme) & (table["point"] == index)]
            assert place == pytest.approx(rows["packet_loss"].mean())
            assert mean.mean == pytest.approx(rows["plcmos"].mean())
            assert mean.low <= mean.mean <= mean.high
            assert mean.pairs == 4


def test_a_swept_x_stands_at_its_values(run):
    lines = groups(load(run), "codec.bitrate_kbps", "pesq_wb", "scheme")
    assert [place for place, _ in lines["plc"]] == [16, 24, 32]


def test_what_was_published_of_dred_is_marked_beside_what_is_measured(tmp_path):
    run = make_run(tmp_path / "run", examples=False)
    frame = load(run).table
    rng = np.random.default_rng(1)
    frame["dred_asked_ms"] = rng.permutation(np.resize([0, 100, 1000], len(frame)))
    frame["dred_kbps"] = frame["dred_asked_ms"] / 40
    frame.to_parquet(run / "results.parquet", index=False)
    lines = groups(load(run), "dred_asked_ms", "dred_kbps", "codec.bitrate_kbps")
    # the depth asked for is a setting: as many places as there are depths, not one a point
    assert [(place, mean.mean) for place, mean in lines["16"]] == [(0, 0), (100, 2.5), (1000, 25)]
    svg = plot(run, "dred_asked_ms", "dred_kbps", "codec.bitrate_kbps", tmp_path / "a.svg").read_text()
    for text in ("published: 500 bit/s a copy", "in less than 32 kb/s", "DRED asked for (ms)"):
        assert text in svg
    svg = plot(run, "dred_asked_ms", "plcmos", "codec.bitrate_kbps", tmp_path / "b.svg").read_text()
    assert "published" not in svg


def test_published_figures_of_dred():
    line, dot = published("dred_asked_ms", "dred_kbps", 2000.0)
    assert (line.places, line.values) == ((0, 2000), (0, 50))
    assert (dot.places, dot.values) == ((1000,), (32,))
    assert published("dred_kbps", "dred_asked_ms", 2000.0) == []


def test_grouped_by_another_column_the_ceiling_stays_apart(run):
    lines = groups(load(run), "wire_kbps", "plcmos", "clip")
    assert set(lines) == {"no loss", "en-allison", "fr-june"}
    table = load(run).table
    rows = table[(table["clip"] == "fr-june") & (table["scheme"] != "no loss") & (table["point"] == 0)]
    assert lines["fr-june"][0][1].mean == pytest.approx(rows["plcmos"].mean())


def test_words_may_stand_on_the_x_axis(run, tmp_path):
    svg = plot(run, "scheme", "plcmos", "codec.bitrate_kbps", tmp_path / "words.svg").read_text()
    assert "neural_plc" in svg


def test_names_are_drawn_as_they_are(tmp_path):
    name = "_red $x^2$ <b>"
    run = make_run(tmp_path / "run", schemes=("no loss", "plc", name), examples=False)
    svg = plot(run, "wire_kbps", "plcmos", "scheme", tmp_path / "a.svg").read_text()
    assert "_red $x^2$ &lt;b&gt;" in svg


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
        ("wire_kbps", "qqq", "clip", r"there are point, scheme, clip"),
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
    with pytest.raises(ResultsError, match=r"a\.jpg: give a file that ends in \.svg, \.png, \.pdf"):
        plot(run, "wire_kbps", "plcmos", "scheme", tmp_path / "a.jpg")
