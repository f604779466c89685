"""A run's means with their 95 % intervals, as a table for notebooks."""

import pandas as pd

from testbed.errors import ResultsError
from testbed.reports.intervals import Interval
from testbed.reports.summary import Cell, summarize
from testbed.results import Results

_NOTHING = Interval(float("nan"), float("nan"), float("nan"), 0, 0)


def summary_table(results: Results) -> pd.DataFrame:
    """Return one row per point and scheme.

    Returns
    -------
    DataFrame
        ``point``, the swept parameters, ``scheme``, ``calls`` and ``failed``; of each metric the mean
        (``plcmos``), its 95 % interval (``plcmos_low``, ``plcmos_high``), the number of calls and of their
        clips (``plcmos_calls``, ``plcmos_clips``), and how much better it is than the baseline on the same
        calls (``plcmos_gain``, ``plcmos_gain_low``, ``plcmos_gain_high``), and the share of the baseline's
        damage by loss that it repairs (``plcmos_repaired``, ...); the means of bitrates, losses and delays.
        NaN where nothing is known.

    Raises
    ------
    ResultsError
        It is a flow study, or has no rows yet.
    """
    if not results.kind.has_schemes:
        raise ResultsError(f"{results.folder}: a flow study, which has no schemes; its rows are in `table`")
    if not len(results.stored):
        raise ResultsError(f"{results.folder}: the run has no rows yet")
    summary = summarize(results)
    rows = [
        {
            "point": cell.point,
            **summary.points[cell.point],
            "scheme": cell.scheme,
            "calls": cell.calls,
            "failed": cell.failed,
            **_scores(cell, summary.metrics),
            **cell.costs,
        }
        for cell in summary.cells.values()
    ]
    return pd.DataFrame(rows)


def _scores(cell: Cell, metrics: list[str]) -> dict[str, float]:
    made: dict[str, float] = {}
    for metric in metrics:
        score = cell.scores.get(metric, _NOTHING)
        made |= _numbers(metric, score)
        made |= {f"{metric}_calls": score.pairs, f"{metric}_clips": score.clips}
        made |= _numbers(f"{metric}_gain", cell.gains.get(metric, _NOTHING))
        made |= _numbers(f"{metric}_repaired", cell.repaired.get(metric, _NOTHING))
    return made


def _numbers(name: str, value: Interval) -> dict[str, float]:
    return {name: value.mean, f"{name}_low": value.low, f"{name}_high": value.high}
