"""The periods between changes: fair share of each flow, and its time of convergence.

A change is the start, end, pause or resumption of a flow, the start or end of steady cross traffic (constant
rate, long TCP), or a step of the capacity.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import inf, isnan

import numpy as np
from numpy.typing import NDArray

from testbed.flows.capacity import capacity_kbps, change_times_s, fair_shares, links
from testbed.scenario.flow_media import Adaptive, Audio
from testbed.scenario.flow_scenario import FlowScenario

TOLERANCE = 0.2
HOLD_S = 3.0


@dataclass(frozen=True)
class Period:
    """A period without changes.

    Attributes
    ----------
    start_s, stop_s
        Start and end.
    capacity_kbps
        Capacity of the direction; NaN if unknown.
    fair_kbps
        Max-min fair share of each active flow with a controller. The rates of audio and of constant cross
        traffic are subtracted first; a long TCP connection counts as a flow, short ones do not count.
    usable_kbps
        The part of the capacity that all sources together could use.
    """

    start_s: float
    stop_s: float
    capacity_kbps: float
    fair_kbps: dict[str, float]
    usable_kbps: float


def periods(scenario: FlowScenario, direction: str) -> list[Period]:
    """Return the periods of a direction, in order, from 0 to the end."""
    stages = scenario.stages(direction)
    spans = {flow.name: flow.spans_s(scenario.duration_s) for flow in scenario.going(direction)}
    rivals = [
        (
            traffic.start_ms / 1000,
            inf if traffic.stop_ms is None else traffic.stop_ms / 1000,
            traffic.demand(),
        )
        for link in links(stages)
        for traffic in link.cross_traffic
    ]
    edges = {0.0, scenario.duration_s, *change_times_s(stages)}
    edges |= {edge for its in spans.values() for span in its for edge in span}
    edges |= {edge for start_s, stop_s, demand in rivals if demand.is_steady for edge in (start_s, stop_s)}
    inner = sorted(edge for edge in edges if 0 <= edge <= scenario.duration_s)
    found = []
    for start_s, stop_s in pairwise(inner):
        active = [
            flow
            for flow in scenario.going(direction)
            if any(a <= start_s and stop_s <= b for a, b in spans[flow.name])
        ]
        most = {flow.name: flow.media.max_kbps for flow in active if isinstance(flow.media, Adaptive)}
        taken = sum(flow.media.rate_kbps for flow in active if isinstance(flow.media, Audio))
        everything = sum(most.values()) + taken
        present = [demand for begin_s, end_s, demand in rivals if begin_s <= start_s < end_s]
        for demand in present:
            taken += demand.constant_kbps
            everything += demand.most_kbps
        capacity = capacity_kbps(stages, start_s)
        fair = fair_shares(capacity - taken, most, sum(demand.greedy_flows for demand in present))
        usable = float("nan") if isnan(capacity) else min(capacity, everything)
        found.append(Period(start_s, stop_s, capacity, fair, usable))
    return found


def convergence_s(
    rate_kbps: NDArray[np.float64],
    fair_kbps: float,
    bin_s: float,
    tolerance: float = TOLERANCE,
    hold_s: float = HOLD_S,
) -> float:
    """Return the time until a rate stays at its fair share.

    The rate is averaged over the last second. It has converged once it has been within the tolerance for the
    hold time. The result is the time from the start of the series to the start of the hold.

    Parameters
    ----------
    rate_kbps
        The rate in bins from a change to the next.
    fair_kbps
        The fair share.
    bin_s
        Duration of a bin.
    tolerance
        Largest relative deviation from the fair share.
    hold_s
        Time for which the rate must stay within the tolerance.

    Returns
    -------
    The time in seconds; NaN if the rate does not converge, or the share is unknown.
    """
    if not fair_kbps > 0:
        return float("nan")
    smooth = trailing_mean(rate_kbps, round(1 / bin_s))
    near = np.abs(smooth - fair_kbps) <= tolerance * fair_kbps
    hold = max(1, round(hold_s / bin_s))
    run = 0
    for index, is_near in enumerate(near.tolist()):
        run = run + 1 if is_near else 0
        if run == hold:
            return float((index + 1 - hold) * bin_s)
    return float("nan")


def trailing_mean(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Return the mean over the last `window` values, or over fewer at the start."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    stop = np.arange(1, len(values) + 1)
    start = np.maximum(0, stop - window)
    smooth: NDArray[np.float64] = (total[stop] - total[start]) / (stop - start)
    return smooth


def oscillation(rate_kbps: NDArray[np.float64], bin_s: float) -> float:
    """Return the coefficient of variation of the means over whole seconds; NaN for fewer than two."""
    window = round(1 / bin_s)
    seconds = rate_kbps[: len(rate_kbps) // window * window].reshape(-1, window).mean(axis=1)
    if len(seconds) < 2 or seconds.mean() == 0:
        return float("nan")
    return float(seconds.std() / seconds.mean())


def jain(rates_kbps: NDArray[np.float64]) -> float:
    """Return Jain's index of rates: 1 if they are equal, 1/n if one has all. NaN for fewer than two."""
    if len(rates_kbps) < 2 or not np.any(rates_kbps):
        return float("nan")
    return float(rates_kbps.sum() ** 2 / (len(rates_kbps) * (rates_kbps**2).sum()))
