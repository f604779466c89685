"""The answer over all points: what it covers, what it weighs, and what it leaves apart."""

import numpy as np
import pandas as pd
import pytest

from testbed.reports.all_points import over_all_points
from testbed.reports.summary import summarize
from testbed.results import load

from .a_run import make_run

CLIPS = tuple("abcdefgh")
SCHEMES = ("no loss", "plc", "lbrr", "dred 500")


def run_of(folder, scores, metrics=("plcmos",), clips=CLIPS, realizations=2):
    """Return the summary of a run whose scores by point and scheme are given, with a little noise."""
    run = make_run(
        folder / "run",
        schemes=SCHEMES,
        clips=clips,
        realizations=realizations,
        swept={"channel.loss.rate": [0.1, 0.2, 0.3][: len(scores)]},
        metrics=metrics,
        seconds=0.5,
        examples=False,
    )
    table = pd.read_parquet(run / "results.parquet")
    noise = np.random.default_rng(1).normal(scale=0.01, size=len(table))
    mean = [
        scores[point][SCHEMES.index(scheme)] for point, scheme in zip(table.point, table.scheme, strict=True)
    ]
    table[metrics[0]] = mean + noise
    table.to_parquet(run / "results.parquet", index=False)
    return summarize(load(run)), run, table


def test_the_scheme_that_does_best_over_all_points_need_not_do_so_at_each(tmp_path):
    summary, _, _ = run_of(tmp_path, [(4.5, 3.0, 4.0, 3.7), (4.5, 2.0, 2.2, 3.9)])
    (over,) = over_all_points(summary)
    assert (over.metric, over.points, over.answer.recommended) == ("plcmos", (0, 1), "dred 500")
    gain = over.summary.cells[0, "dred 500"].gains["plcmos"]
    assert gain.mean == pytest.approx((0.7 + 1.9) / 2, abs=0.02)
    assert gain.is_significant and (gain.clips, gain.pairs) == (8, 32)


def test_a_point_with_fewer_calls_counts_as_much(tmp_path):
    _, run, table = run_of(tmp_path, [(4.5, 3.0, 4.0, 3.7), (4.5, 2.0, 2.2, 3.9)])
    table.loc[(table.point == 1) & (table.realization == 1), "plcmos"] = np.nan
    table.to_parquet(run / "results.parquet", index=False)
    (over,) = over_all_points(summarize(load(run)))
    assert over.summary.cells[0, "plc"].scores["plcmos"].mean == pytest.approx(2.5, abs=0.02)


def test_points_of_different_judges_are_apart(tmp_path):
    _, run, table = run_of(
        tmp_path,
        [(4.5, 3.0, 4.0, 3.7), (4.5, 2.0, 2.2, 3.9), (4.5, 2.0, 2.2, 3.9)],
        metrics=("mos_cq", "plcmos"),
    )
    table.loc[(table.point == 2) & (table.scheme != "no loss"), "mos_cq"] = np.nan
    table.to_parquet(run / "results.parquet", index=False)
    (over,) = over_all_points(summarize(load(run)))
    assert (over.metric, over.points) == ("mos_cq", (0, 1))


def test_a_scheme_without_scores_at_a_point_has_none_over_all(tmp_path):
    _, run, table = run_of(tmp_path, [(4.5, 3.0, 4.0, 3.7), (4.5, 2.0, 2.2, 3.9)])
    table.loc[(table.point == 1) & (table.scheme == "dred 500"), "plcmos"] = np.nan
    table.to_parquet(run / "results.parquet", index=False)
    (over,) = over_all_points(summarize(load(run)))
    assert (over.left_out, over.answer.recommended) == (("dred 500",), "lbrr")


def test_one_clip_has_an_interval_over_its_realizations(tmp_path):
    summary, _, _ = run_of(
        tmp_path, [(4.5, 3.0, 4.0, 3.7), (4.5, 2.0, 2.2, 3.9)], clips=("a",), realizations=4
    )
    (over,) = over_all_points(summary)
    assert over.summary.cells[0, "lbrr"].gains["plcmos"].is_significant
    assert over.answer.recommended is None


def test_a_run_of_one_point_has_no_answer_over_all(tmp_path):
    summary, _, _ = run_of(tmp_path, [(4.5, 3.0, 4.0, 3.7)])
    assert over_all_points(summary) == []
