"""Rate, queue and loss of flows over time, as SVG that stands in a page."""

import re
from collections.abc import Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from testbed.reports.colours import CEILING_COLOUR, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 500
CROSS_COLOUR = "#6b7280"
_WIDTH_IN, _HEIGHT_IN = 7.0, 5.2
_SIZE = re.compile(r' (width|height)="[0-9.]+pt"')
_INK, _GRID = "#57606a", "#eef1f4"


def chart(series: pd.DataFrame, flows: Sequence[str], others: Sequence[str]) -> str:
    """Return one run's figure: rates with the capacity above, waiting in the queue, loss.

    Parameters
    ----------
    series
        The run's rows of ``trajectories.parquet``, of one direction.
    flows
        The flows that follow a controller, in their order, which gives them their colours.
    others
        Cross traffic, which is drawn as one.
    """
    import matplotlib
    from matplotlib.figure import Figure

    style: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "testbed",
        "font.family": "sans-serif",
        "font.size": 10,
        "axes.edgecolor": "#8c959f",
        "axes.labelcolor": _INK,
        "xtick.color": _INK,
        "ytick.color": _INK,
    }
    with matplotlib.rc_context(style):
        figure = Figure((_WIDTH_IN, _HEIGHT_IN), layout="constrained")
        rates, queue, loss = figure.subplots(3, 1, sharex=True, height_ratios=(3, 1.6, 1))
        _rates(rates, series, flows, others)
        for name, colour in zip(flows, _colours(flows), strict=True):
            its = series[series["flow"] == name]
            time_s, waited_ms = thinned(its["time_s"], its["queue_ms"])
            queue.plot(time_s, waited_ms, color=colour, linewidth=1.1)
            time_s, lost = thinned(its["time_s"], its["loss"])
            loss.plot(time_s, 100 * lost, color=colour, linewidth=1.1)
        queue.set_ylabel("queue (ms)")
        loss.set_ylabel("loss (%)")
        loss.set_xlabel("time (s)")
        for axes in (rates, queue, loss):
            axes.set_ylim(bottom=0)
            axes.grid(color=_GRID)
            axes.spines[["top", "right"]].set_visible(False)
        loss.set_xlim(0, float(series["time_s"].max()))
        figure.align_ylabels()
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    # Without a size of its own the picture takes the page's width and keeps its shape.
    return _SIZE.sub("", svg[svg.index("<svg") :], count=2)


def thinned(time_s: Any, values: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a series of at most `MOST_POINTS`: means over neighbours, NaN where none of them is known."""
    times, numbers = np.asarray(time_s, np.float64), np.asarray(values, np.float64)
    step = max(1, -(-len(numbers) // MOST_POINTS))
    starts = np.arange(0, len(numbers), step)
    known = np.isfinite(numbers)
    total = np.add.reduceat(np.where(known, numbers, 0.0), starts)
    count = np.add.reduceat(known.astype(np.float64), starts)
    mean = np.divide(total, count, out=np.full(len(starts), np.nan), where=count > 0)
    return times[starts], mean


def _rates(axes: "Axes", series: pd.DataFrame, flows: Sequence[str], others: Sequence[str]) -> None:
    one = series[series["flow"] == series["flow"].iloc[0]]
    axes.step(
        one["time_s"],
        one["capacity_kbps"],
        where="post",
        color=CEILING_COLOUR,
        linewidth=1.4,
        label="capacity",
    )
    if others:
        together = series[series["flow"].isin(others)].groupby("time_s")["received_kbps"].sum()
        time_s, kbps = thinned(together.index, together)
        axes.plot(time_s, kbps, color=CROSS_COLOUR, linewidth=0.9, alpha=0.7, label="cross traffic")
    for name, colour in zip(flows, _colours(flows), strict=True):
        its = series[series["flow"] == name]
        time_s, kbps = thinned(its["time_s"], its["target_kbps"])
        axes.plot(time_s, kbps, color=colour, linewidth=0.8, linestyle=(0, (3, 1.5)))
        time_s, kbps = thinned(its["time_s"], its["received_kbps"])
        axes.plot(time_s, kbps, color=colour, linewidth=1.3, label=name)
    axes.set_ylabel("rate (kb/s)")
    axes.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=6, frameon=False, fontsize=9, handlelength=1.5
    )


def _colours(flows: Sequence[str]) -> list[str]:
    return [PALETTE[index % len(PALETTE)] for index in range(len(flows))]
