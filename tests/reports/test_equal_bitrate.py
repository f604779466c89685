"""Schemes at equal bitrate: what is compared, over which points, and why a difference is not defined."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from testbed.reports.answer_text import answer_text
from testbed.reports.equal_bitrate import _common_kbps, _Curves, at_equal_bitrate
from testbed.reports.notebook import run_html
from testbed.reports.rate_curve import differences as curve_differences
from testbed.reports.report import write_report
from testbed.reports.summary import summarize
from testbed.results import load

from .a_run import make_run

RATES = [12, 16, 24, 32, 48]


def table(random, shifts, clips=8, rates=RATES, sd=0.1):
    """Return rows whose score is the logarithm of the bitrate; a scheme's shift is its gain."""
    rows = []
    for scheme, shift in shifts.items():
        offset = sd * random.standard_normal(clips)
        rows += [
            (point, scheme, str(clip), 0, float(rate), np.log(rate) + shift + offset[clip])
            for point, rate in enumerate(rates)
            for clip in range(clips)
        ]
    return pd.DataFrame(rows, columns=["point", "scheme", "clip", "realization", "wire_kbps", "plcmos"])


def differences(rows, rates=RATES, metric="plcmos"):
    rows = rows.rename(columns={"plcmos": metric})
    about = SimpleNamespace(speakers={}, confidence=0.95, rivals=lambda: ["a", "b"])
    curves = _Curves(about, rows, metric, tuple(range(len(rates))))
    return curve_differences(curves.of("b"), curves.of("a"))


def test_a_constant_gain_is_the_gain_at_equal_bitrate_and_its_share_of_the_bitrate_at_equal_quality():
    bitrate, quality = differences(table(np.random.default_rng(1), {"a": 0.0, "b": 0.3}, sd=0.0))
    assert quality.value.mean == pytest.approx(0.3)
    assert bitrate.value.mean == pytest.approx(np.exp(-0.3) - 1)


def test_where_lower_is_better_a_lower_score_is_a_gain():
    rows = table(np.random.default_rng(1), {"a": 0.0, "b": 0.3}, sd=0.0)
    bitrate, quality = differences(rows.assign(plcmos=-rows["plcmos"]), metric="wer")
    assert quality.value.mean == pytest.approx(0.3)
    assert bitrate.value.mean == pytest.approx(np.exp(-0.3) - 1)


def test_their_intervals_cover_95_percent():
    random, trials = np.random.default_rng(2), 80
    held = np.zeros(2, int)
    for _ in range(trials):
        bitrate, quality = differences(table(random, {"a": 0.0, "b": 0.3}))
        held += [
            bitrate.value.low <= np.exp(-0.3) - 1 <= bitrate.value.high,
            quality.value.low <= 0.3 <= quality.value.high,
        ]
    assert (held >= binom.ppf(0.001, trials, 0.95)).all()


@pytest.mark.parametrize(
    ("rates", "change", "bitrate", "quality"),
    [
        (RATES[:3], {}, "fewer than 4 bitrates", "fewer than 4 bitrates"),
        (RATES, {"plcmos": 3.0}, "no quality is common", ""),
        (RATES, {"wire_kbps": 90.0}, "", "no bitrate is common"),
    ],
    ids=["too few", "far better", "far dearer"],
)
def test_a_difference_that_is_not_defined_has_a_reason(rates, change, bitrate, quality):
    rows = table(np.random.default_rng(3), {"a": 0.0, "b": 0.0}, rates=rates)
    for column, shift in change.items():
        rows.loc[rows["scheme"] == "b", column] += shift
    found = differences(rows, rates)
    for difference, reason in zip(found, (bitrate, quality), strict=True):
        assert reason in difference.reason
        assert (difference.value is None) == bool(reason)


@pytest.mark.parametrize(("scheme", "whose"), [("b", "the quality does"), ("a", "the quality of a does")])
def test_quality_that_falls_has_a_difference_at_equal_bitrate_only(scheme, whose):
    rows = table(np.random.default_rng(4), {"a": 0.0, "b": 0.3})
    rows.loc[(rows["scheme"] == scheme) & (rows["point"] == 4), "plcmos"] -= 1.0
    bitrate, quality = differences(rows)
    assert bitrate.reason.startswith(whose)
    assert quality.value is not None


def test_the_common_bitrate_is_one_that_the_most_schemes_reach():
    assert _common_kbps([np.array([10.0, 50.0]), np.array([30.0, 60.0]), np.array([90.0, 99.0])]) == 40.0


def test_each_combination_of_other_values_has_a_comparison(tmp_path):
    swept = {"channel.loss.rate": [0.1, 0.2], "codec.bitrate_kbps": RATES[:4]}
    run = make_run(tmp_path / "run", swept=swept, examples=False, seconds=0.5)
    found = at_equal_bitrate(summarize(load(run)), "plcmos")
    assert [(each.at, each.points) for each in found] == [
        ({"channel.loss.rate": 0.1}, (0, 1, 2, 3)),
        ({"channel.loss.rate": 0.2}, (4, 5, 6, 7)),
    ]


def test_keys_that_are_swept_with_the_bitrate_are_on_one_curve(tmp_path):
    points = [{"codec.bitrate_kbps": rate, "schemes.dred.q0": 15 - rate // 4} for rate in RATES]
    run = make_run(tmp_path / "run", points=points, examples=False, seconds=0.5)
    (found,) = at_equal_bitrate(summarize(load(run)), "plcmos")
    assert (found.at, found.points) == ({}, (0, 1, 2, 3, 4))


def test_terminal_page_and_notebook_show_it_and_its_reasons_in_words(tmp_path):
    run = make_run(
        tmp_path / "run",
        swept={"codec.bitrate_kbps": RATES},
        examples=False,
        seconds=0.5,
        clips=tuple("abcde"),
    )
    assert "PLCMOS at equal bitrate" in answer_text(load(run))
    assert "No PLCMOS at equal bitrate is known for LBRR + DRED: no bitrate" in answer_text(load(run))
    assert "PLCMOS at equal bitrate" in run_html(load(run))
    assert "PLCMOS at equal bitrate" in write_report(run).read_text("utf-8")


def test_three_bitrates_are_no_curve(tmp_path):
    run = make_run(tmp_path / "run", examples=False, seconds=0.5)
    assert "at equal bitrate" not in answer_text(load(run))
