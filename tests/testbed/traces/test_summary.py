"""Summary and figure of a recording, compared with known values."""

import numpy as np
import pytest

from testbed.channels.link.mahimahi import parse_delivery_trace
from testbed.channels.recordings.parts import LOST
from testbed.errors import ChannelError
from testbed.traces.draw import draw
from testbed.traces.formats import FORMATS
from testbed.traces.recording import Recording, from_times, runs
from testbed.traces.summary import capacity_kbps, jitter_ms, summary

MS = 1_000_000


def call():
    delays = [10, 30, LOST, LOST, 5, 45, 10, LOST, 10, 10]
    delay_ns = np.array([LOST if delay == LOST else delay * MS for delay in delays], np.int64)
    return from_times(np.arange(10, dtype=np.int64) * 20 * MS, delay_ns)


def test_a_call():
    lines = summary(call(), FORMATS["csv"], "call.csv")
    assert lines[0] == "file: call.csv"
    assert lines[1].startswith("format: csv (")
    assert lines[2:5] == [
        "packets: 10",
        "lost: 3 (30 %)",
        "bursts of loss: 2, mean 1.5 packets, median 1.5, 95 % up to 2, longest 2",
    ]
    # The sixth was sent at 100 ms and came at 145, after the seventh, sent at 120 and there at 130.
    assert "duration: 0.180 s, one packet per 20.000 ms (median)" in lines
    assert "reordered: 1, duplicates: 0" in lines
    assert "delay: least 5.000 ms, p5 6.500, p50 10.000, p95 40.500, p99 44.100, greatest 45.000" in lines


def test_jitter_is_rfc_3550s():
    """J += (|D| - J) / 16, packet by packet as they arrive."""
    expected, jitter, before = [], 0.0, None
    for delay in (10, 30, 5, 10, 45, 10, 10):
        jitter += (abs(delay - (delay if before is None else before)) - jitter) / 16
        before = delay
        expected.append(jitter)
    assert jitter_ms(call()) == pytest.approx(expected)


def test_runs():
    fates, lengths = runs(np.array([0, 0, 1, 1, 1, 0], bool))
    assert (fates.tolist(), lengths.tolist()) == ([False, True, False], [2, 3, 1])
    fates, lengths = runs(np.array([1], bool))
    assert (fates.tolist(), lengths.tolist()) == ([True], [1])


def test_capacity():
    trace = parse_delivery_trace(b"0\n1\n500\n1000\n1000\n1001\n2500\n2500\n", "x")
    # At 0 and up to 1 s: five of 1500 bytes; in the second: one; the half second that is left is no window.
    assert capacity_kbps(trace, 1.0).tolist() == [60.0, 12.0]
    assert capacity_kbps(trace, 0.5).tolist() == [72.0, 48.0, 24.0, 0.0, 48.0]
    assert capacity_kbps(trace, 9.0).tolist() == [pytest.approx(8 * 12 / 2.5)]
    lines = summary(trace, FORMATS["mahimahi"], "x.up")
    assert "opportunities: 8 of 1500 bytes, repeating after 2.500 s" in lines
    assert any(line.startswith("capacity: mean 38 kb/s; over 1 s:") for line in lines)
    assert lines[-1].endswith("longest 1499 ms")


TRACES = {
    "a call": call(),
    "losses only": Recording(np.array([0, 1, 0, 0, 1, 1, 0], bool)),
    "nothing lost": Recording(np.zeros(5, bool)),
    "everything lost": from_times(np.array([0, 9]), np.array([LOST, LOST])),
    "one packet": from_times(np.array([0]), np.array([5])),
    "bursts enough for every fit": Recording(np.arange(4000) % 7 == 0),
    "a link": parse_delivery_trace(b"0\n1\n500\n1000\n", "x"),
    "a link of a millisecond": parse_delivery_trace(b"1\n", "x"),
}


@pytest.mark.parametrize("what", TRACES)
def test_every_kind_of_recording_is_drawn(tmp_path, what):
    draw(TRACES[what], "a $title$ <&>", tmp_path / "x.svg")
    assert (tmp_path / "x.svg").read_text().startswith("<?xml")
    summary(TRACES[what], FORMATS["csv"], "x")


@pytest.mark.parametrize(("suffix", "start"), [(".svg", b"<?xml"), (".PNG", b"\x89PNG"), (".pdf", b"%PDF")])
def test_the_same_drawing_byte_by_byte(tmp_path, suffix, start):
    for name in ("x", "y"):
        draw(call(), "a call", tmp_path / f"{name}{suffix}")
    content = (tmp_path / f"x{suffix}").read_bytes()
    assert content.startswith(start)
    assert (tmp_path / f"y{suffix}").read_bytes() == content


def test_axes_have_units_and_models_their_names(tmp_path):
    draw(TRACES["bursts enough for every fit"], "t", tmp_path / "x.svg")
    svg = (tmp_path / "x.svg").read_text()
    for words in ("(packets)", "Bernoulli", "Gilbert", "Gilbert-Elliott", "recorded", "packets lost (%)"):
        assert words in svg
    draw(call(), "t", tmp_path / "y.svg")
    svg = (tmp_path / "y.svg").read_text()
    assert "one-way delay (ms)" in svg and "time of sending (s)" in svg
    draw(TRACES["a link"], "t", tmp_path / "z.svg")
    assert "(kb/s)" in (tmp_path / "z.svg").read_text()


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(ChannelError, match=r"x\.gif: give a file that ends in \.svg or \.png or \.pdf"):
        draw(call(), "t", tmp_path / "x.gif")
    assert not list(tmp_path.iterdir())
