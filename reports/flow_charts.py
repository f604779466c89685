"""The time series of flows as data for the figures of a page."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MOST_POINTS = 250
_TOPS = ("capacity_kbps", "target_kbps", "received_kbps", "queue_ms", "loss")
_DECIMALS = {"target_kbps": 1, "received_kbps": 1, "queue_ms": 1, "loss": 4}


def highest(series: Sequence[pd.DataFrame]) -> dict[str, float]:
    """Return the highest value of each column in several runs, for common axes; 0 if unknown."""
    found = {}
    for name in _TOPS:
        tops = [each[name].max() for each in series]
        found[name] = max((float(top) for top in tops if pd.notna(top)), default=0.0)
    return found


def chart(
    series: pd.DataFrame, flows: Sequence[str], others: Sequence[str], top: Mapping[str, float]
) -> dict[str, Any]:
    """Return one run's data: capacity, and of each flow target, received bitrate, waiting time and loss.

    Parameters
    ----------
    series
        The run's rows of ``trajectories.parquet``, of one direction.
    flows
        The flows that follow a controller; their order determines their colours.
    others
        The cross traffic, one line together.
    top
        Result of `highest` for the runs that this one is compared with.
    """
    one = series[series["flow"] == series["flow"].iloc[0]].reset_index()
    steps = one[one["capacity_kbps"].diff().fillna(1) != 0]
    found = [_flow(name, series[series["flow"] == name]) for name in flows]
    cross = series[series["flow"].isin(others)].groupby("time_s")["received_kbps"].sum()
    time_s, kbps = thinned(cross.index, cross)
    return {
        "end_s": float(series["time_s"].max()),
        "capacity": [
            [float(at), float(kbps)] for at, kbps in zip(steps["time_s"], steps["capacity_kbps"], strict=True)
        ],
        "flows": found,
        "cross": [[float(at), round(float(rate), 1)] for at, rate in zip(time_s, kbps, strict=True)],
        "top": {
            "kbps": max(top[f"{name}_kbps"] for name in ("capacity", "target", "received")),
            "queue_ms": top["queue_ms"],
            "loss": top["loss"] if bool((series["loss"] > 0).any()) else 0.0,
        },
    }


def _flow(name: str, its: pd.DataFrame) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name}
    for column, decimals in _DECIMALS.items():
        time_s, mean = thinned(its["time_s"], its[column])
        made["time_s"] = np.round(time_s, 3).tolist()
        made[column] = [round(value, decimals) if np.isfinite(value) else None for value in mean.tolist()]
    return made


def thinned(time_s: Any, values: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a series of at most `MOST_POINTS` means over neighbours; NaN if none of them is known."""
    times, numbers = np.asarray(time_s, np.float64), np.asarray(values, np.float64)
    if not len(numbers):
        return times, numbers
    step = max(1, -(-len(numbers) // MOST_POINTS))
    starts = np.arange(0, len(numbers), step)
    known = np.isfinite(numbers)
    total = np.add.reduceat(np.where(known, numbers, 0.0), starts)
    count = np.add.reduceat(known.astype(np.float64), starts)
    mean = np.divide(total, count, out=np.full(len(starts), np.nan), where=count > 0)
    return times[starts], mean
