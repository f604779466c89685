"""The capacity of a list of stages at a time, and its max-min fair shares."""

from collections.abc import Mapping, Sequence
from math import isnan

from testbed.channels.link import Link
from testbed.channels.stage import StageParameters


def links(stages: Sequence[StageParameters]) -> list[Link]:
    """Return the links among stages."""
    return [stage for stage in stages if isinstance(stage, Link)]


def capacity_kbps(stages: Sequence[StageParameters], time_s: float) -> float:
    """Return the lowest rate of the links at a time.

    NaN without a link, or if a link replays a trace, whose capacity changes all the time.
    """
    rates = [link_kbps(link, time_s) for link in links(stages)]
    return min(rates) if rates and not any(map(isnan, rates)) else float("nan")


def link_kbps(link: Link, time_s: float) -> float:
    """Return a link's rate at a time; NaN for a trace."""
    if link.steps is not None:
        return next(step.rate_kbps for step in reversed(link.steps) if step.from_ms <= 1000 * time_s)
    return float("nan") if link.rate_kbps is None else link.rate_kbps


def change_times_s(stages: Sequence[StageParameters]) -> list[float]:
    """Return the times at which the capacity of stages changes, after the beginning."""
    steps = [step.from_ms / 1000 for link in links(stages) for step in link.steps or ()]
    return sorted({time_s for time_s in steps if time_s > 0})


def fair_shares(capacity: float, most: Mapping[str, float], greedy_flows: int = 0) -> dict[str, float]:
    """Divide a capacity max-min fairly among flows.

    Parameters
    ----------
    capacity
        Capacity to divide, in kb/s; below 0 counts as 0. NaN, not known, makes every share NaN.
    most
        Largest rate that each flow can use, in kb/s; may be infinite.
    greedy_flows
        Number of further flows, without a limit.
    """
    if isnan(capacity):
        return dict.fromkeys(most, capacity)
    shares: dict[str, float] = {}
    left = max(0.0, capacity)
    for number, name in enumerate(sorted(most, key=lambda each: most[each])):
        shares[name] = min(most[name], left / (len(most) + greedy_flows - number))
        left -= shares[name]
    return shares
