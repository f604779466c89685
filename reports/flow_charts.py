"""Rate, queue and loss of flows over time, as SVG whose text can be read on a phone."""

import re
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from testbed.escaping import printable
from testbed.figures import STYLE
from testbed.reports.colours import AXIS, CEILING, GRID, INK, looks_in_order, themed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 500
_WIDTH_IN = 5.0
"""At 72 pixels per inch, about the width of a column of the page, so that text keeps its size."""
_HEIGHTS_IN = {"rate": 2.5, "queue": 1.3, "loss": 1.0}
_FONT = 11.5
_SIZE = re.compile(r' (width|height)="[0-9.]+pt"')


def highest(series: Sequence[pd.DataFrame]) -> dict[str, float]:
    """Return the highest value of each column in several runs, for common axes; 0 if unknown."""
    found = {}
    for name in ("capacity_kbps", "target_kbps", "received_kbps", "queue_ms", "loss"):
        tops = [each[name].max() for each in series]
        found[name] = max((float(top) for top in tops if pd.notna(top)), default=0.0)
    return found


def chart(series: pd.DataFrame, flows: Sequence[str], others: Sequence[str], top: Mapping[str, float]) -> str:
    """Return one run's figure: rates with the capacity above, waiting in the queue, and loss if there is any.

    Parameters
    ----------
    series
        The run's rows of ``trajectories.parquet``, of one direction.
    flows
        The flows that follow a controller; their order determines their colours.
    others
        The cross traffic, drawn as one line.
    top
        Result of `highest` for the runs that this one is compared with.
    """
    import matplotlib
    from matplotlib.figure import Figure

    style: Any = {
        **STYLE,
        "font.family": "sans-serif",
        "font.size": _FONT,
        "axes.edgecolor": AXIS,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
    }
    with matplotlib.rc_context(style):
        lost_any = bool((series["loss"] > 0).any())
        shown = {name: high for name, high in _HEIGHTS_IN.items() if name != "loss" or lost_any}
        figure = Figure((_WIDTH_IN, sum(shown.values())), layout="constrained")
        panels = dict(
            zip(
                shown,
                figure.subplots(len(shown), 1, sharex=True, height_ratios=list(shown.values())),
                strict=True,
            )
        )
        _rates(panels["rate"], series, flows, others)
        for name, colour in zip(flows, _colours(flows), strict=True):
            its = series[series["flow"] == name]
            time_s, waited_ms = thinned(its["time_s"], its["queue_ms"])
            panels["queue"].plot(time_s, waited_ms, color=colour, linewidth=1.1)
            if "loss" in panels:
                time_s, lost = thinned(its["time_s"], its["loss"])
                panels["loss"].plot(time_s, 100 * lost, color=colour, linewidth=1.1)
                panels["loss"].set_ylabel("loss (%)")
                panels["loss"].set_ylim(0, 105 * top["loss"])
        rates = (top[f"{name}_kbps"] for name in ("capacity", "target", "received"))
        panels["rate"].set_ylim(0, 1.05 * max(rates))
        panels["queue"].set_ylabel("queue (ms)")
        panels["queue"].set_ylim(0, 1.05 * top["queue_ms"] or 1)
        for axes in panels.values():
            axes.grid(color=GRID)
            axes.spines[["top", "right"]].set_visible(False)
        last = [*panels.values()][-1]
        last.set_xlabel("time (s)")
        last.set_xlim(0, float(series["time_s"].max()))
        figure.align_ylabels()
        text = StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    # Without a size of its own the picture takes the page's width and keeps its shape.
    return themed(_SIZE.sub("", svg[svg.index("<svg") :], count=2))


def thinned(time_s: Any, values: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a series of at most `MOST_POINTS` means over neighbours; NaN if none of them is known."""
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
        color=CEILING.colour,
        linewidth=1.4,
        label="capacity",
    )
    if others:
        together = series[series["flow"].isin(others)].groupby("time_s")["received_kbps"].sum()
        time_s, kbps = thinned(together.index, together)
        axes.plot(time_s, kbps, color=INK, linewidth=0.9, alpha=0.7, label="cross traffic")
    for index, (name, colour) in enumerate(zip(flows, _colours(flows), strict=True)):
        its = series[series["flow"] == name]
        time_s, kbps = thinned(its["time_s"], its["target_kbps"])
        axes.plot(time_s, kbps, color=colour, linewidth=0.8, linestyle=(0, (3, 1.5)))
        time_s, kbps = thinned(its["time_s"], its["received_kbps"])
        axes.plot(time_s, kbps, color=colour, linewidth=1.3, label=f"{index}")
    axes.set_ylabel("rate (kb/s)")
    axes.plot([], [], color=INK, linewidth=0.8, linestyle=(0, (3, 1.5)), label="target")
    legend = axes.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=3,
        frameon=False,
        handlelength=1.5,
    )
    # Names last, because matplotlib hides those with a leading underscore.
    for entry in legend.get_texts():
        if entry.get_text().isdigit():
            entry.set_text(printable(flows[int(entry.get_text())]))


def _colours(flows: Sequence[str]) -> list[str]:
    return [look.colour for look in looks_in_order(flows).values()]
