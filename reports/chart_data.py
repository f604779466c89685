"""Data of the page's figures: sweeps, axes, costs with their Pareto fronts, and single calls."""

from collections.abc import Mapping, Sequence
from typing import Any

from testbed.columns import MEASURED, names
from testbed.reports import labels
from testbed.reports.headline import Answer
from testbed.reports.single_calls import single_calls
from testbed.reports.summary import Summary
from testbed.reports.sweeps import Sweep, sweeps
from testbed.reports.trade import Trade

_LEAST_VARIATION = 0.02
"""Smallest variation of a measured column, as a share, that makes it worth an axis."""
_ALWAYS = ("wire_kbps", "payload_kbps")


def chart_data(
    summary: Summary,
    manifest: Mapping[str, Any],
    points: Sequence[int],
    shown: int,
    answers: Mapping[int, Answer],
    weighed: Sequence[Trade],
) -> dict[str, Any]:
    """Return what the scripts of the figures read, beside the cells and the metrics.

    Parameters
    ----------
    points
        The points of the page.
    shown
        The point that is shown first.
    answers
        The answer at each point.
    weighed
        The trades of quality and costs.
    """
    found = sweeps(points, summary.points)
    measured = measured_columns(summary, points)
    clips = [clip for clip in manifest.get("clips") or () if clip.get("speaker")]
    speakers = {str(clip.get("name")): str(clip["speaker"]) for clip in clips}
    nearest = sorted(points, key=lambda point: (point != shown, point))
    return {
        "sweeps": [
            {
                "keys": sweep.keys,
                "title": sweep.title,
                "values": sweep.values,
                "texts": sweep.texts,
                "points": sweep.points,
                "numeric": sweep.is_numeric,
            }
            for sweep in found
        ],
        "axes": {key: labels.axis(key) for sweep in found for key in sweep.keys},
        "measured": [column_data(name) | {"better": ""} for name in measured],
        "default_axes": default_axes(manifest, found, measured, summary.metrics),
        "points": {
            point: {
                "parameters": summary.points[point],
                "label": summary.label(point),
                "words": {key: labels.value(key, value) for key, value in summary.points[point].items()},
                "recommended": answers[point].recommended or summary.only,
            }
            for point in points
        },
        "trades": [
            {"column": trade.column, "points": trade.points, "front": _front(trade)} for trade in weighed
        ],
        "calls": vars(
            single_calls(summary, nearest, {clip: name for clip, name in speakers.items() if name})
        ),
    }


def _front(trade: Trade) -> dict[str, list[tuple[int, str]]]:
    """Return the cells on the front of each metric, by point and scheme."""
    return {metric: [(cell.point, cell.scheme) for cell in cells] for metric, cells in trade.front.items()}


def measured_columns(summary: Summary, points: Sequence[int]) -> list[str]:
    """Return the measured columns that can be an axis: their means differ, or the network's do."""
    cells = [cell for (point, _), cell in summary.cells.items() if point in set(points)]
    found = []
    for name in names(MEASURED):
        values = [cell.costs[name] for cell in cells if name in cell.costs]
        varies = values and max(values) - min(values) > _LEAST_VARIATION * max(map(abs, values))
        if varies or name in summary.network or (values and name in _ALWAYS):
            found.append(name)
    return found


def default_axes(
    manifest: Mapping[str, Any], found: Sequence[Sweep], measured: Sequence[str], metrics: Sequence[str]
) -> dict[str, str]:
    """Return the axes of the first figure: those that the scenario names, else of bitrates or the sweep."""
    asked = (manifest.get("scenario") or {}).get("report") or {}
    keys = [key for sweep in found for key in sweep.keys]
    numeric = [sweep for sweep in found if sweep.is_numeric]
    bitrates = [key for key in keys if key.startswith(("codec.", "schemes.")) and key.endswith("kbps")]
    x = numeric[0].keys[0] if numeric and not bitrates else next(iter((*measured, *keys)), "")
    if "wire_kbps" in measured and (bitrates or not numeric):
        x = "wire_kbps"
    firsts = {key: sweep.keys[0] for sweep in found for key in sweep.keys}
    return {
        "x": asked["x"] if asked.get("x") in (*keys, *measured) else x,
        "y": asked["y"] if asked.get("y") in (*measured, *metrics) else "",
        "lines": firsts.get(asked.get("lines", ""), ""),
        "facet": firsts.get(asked.get("facet", ""), ""),
    }


def column_data(name: str) -> dict[str, Any]:
    """Return the declaration of a column or a metric for the page's script."""
    column = labels.column(name)
    return {
        "name": name,
        "title": column.title,
        "heading": column.heading,
        "axis": labels.axis(name),
        "unit": column.unit,
        "decimals": column.decimals,
    }
