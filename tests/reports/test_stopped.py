"""The end of a run with --until-ci in words."""

import numpy as np
import pytest

from testbed.precision import Extent
from testbed.reports.headline_differences import headline_differences, look
from testbed.reports.stopped import stopped
from testbed.reports.summary import summarize
from testbed.results import load
from testbed.stats import SEQUENTIAL_CONFIDENCE, student

from .a_run import make_run

LAST = {
    "clips": 8,
    "realizations": 3,
    "ending": "floor",
    "unit": "clip",
    "units": 8,
    "units_needed": 30,
    "realizations_needed": None,
    "half_width": 0.2,
    "point": 1,
    "metric": "plcmos",
    "scheme": "LBRR",
    "other": "plc",
    "floor": 0.15,
    "floor_low": 0.1,
    "floor_high": 0.3,
}
POINTS = [{"codec.bitrate_kbps": rate} for rate in (16, 24)]


def said(**last):
    rule = {"half_width": 0.05, "clips": 8, "realizations": 24, "rounds": [LAST, LAST | last]}
    return " ".join(stopped({"until_ci": rule}, POINTS))


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (
            {"ending": "narrow"},
            "Stopped after all of 8 clips and 3 of at most 24 realizations, 12 % of the calls, in 2 rounds. "
            "Every headline difference is known to ±0.05, as asked.",
        ),
        (
            {},
            "PLCMOS of LBRR against plc at codec bitrate 24 kb/s is known to ±0.20, and realizations cannot "
            "make it ±0.05: with these 8 clips no number of them goes below ±0.15 [0.10 to 0.30]. "
            "About 22 more clips would do for ±0.05.",
        ),
        (
            {"ending": "most", "realizations_needed": 40},
            "is known to ±0.20, not to ±0.05. About 40 realizations or 22 more clips would do for ±0.05.",
        ),
        ({"units_needed": None, "unit": "speaker"}, "More than 1000 speakers would be needed for ±0.05."),
        ({"ending": "most", "half_width": None}, "LBRR against plc at codec bitrate 24 kb/s has no interval"),
        ({"ending": "most", "point": None}, "No headline difference is known, not to ±0.05."),
        ({"ending": ""}, "Not yet ended after"),
    ],
)
def test_every_end_has_its_sentences(last, expected):
    assert expected in said(**last)


def test_a_run_with_all_its_calls_has_none():
    assert stopped({}, POINTS) == []


def test_the_headline_differences_are_those_of_the_leading_scheme_at_each_point(tmp_path):
    run = make_run(tmp_path / "run", examples=False, seconds=0.5, clips=tuple("abcdef"))
    found = list(headline_differences(summarize(load(run))))
    assert [each.point for each in found] == [0, 0, 1, 1, 2, 2]
    assert {each.metric for each in found} == {"plcmos"}
    for baseline, best in zip(found[::2], found[1::2], strict=True):
        assert (baseline.scheme, baseline.other) == (best.scheme, "plc")
        assert best.other not in (best.scheme, "plc")


def test_a_round_has_the_widest_of_them_at_the_confidence_of_a_run_with_several_looks(tmp_path):
    run = make_run(tmp_path / "run", examples=False, seconds=0.5, clips=tuple("abcdef"))
    results = load(run)
    results.manifest["until_ci"] = {"half_width": 0.01, "clips": 6, "realizations": 2}
    found = look(results, Extent(6, 2), Extent(6, 2), 0.01)
    assert (found.ending, found.units, found.unit) == ("most", 6, "clip")
    wide = max(headline_differences(summarize(results)), key=lambda each: each.half_width)
    means = wide.values.reshape(6, 2).mean(axis=1)
    expected = student(5, SEQUENTIAL_CONFIDENCE) * means.std(ddof=1) / np.sqrt(6)
    assert found.half_width == pytest.approx(expected, rel=0.03)
    assert look(results, Extent(6, 2), Extent(6, 2), 10.0).ending == "narrow"
