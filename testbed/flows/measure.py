"""The rows of one run: one per flow, and one per flow and change."""

from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.flows.cross_traffic import CrossTrafficLog
from testbed.flows.log import FlowLog
from testbed.flows.periods import HOLD_S, Period, convergence_s, jain, oscillation, periods
from testbed.flows.simulate import Outcome
from testbed.flows.trajectory import BIN_S, Series
from testbed.scenario.flow_scenario import DIRECTIONS, Flow, FlowScenario
from testbed.timeline import NEVER


def rows(
    scenario: FlowScenario, outcome: Outcome, series: dict[str, Series], met: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return one row per flow and entry of cross traffic.

    Parameters
    ----------
    series
        The time series of each.
    met
        The result of `changes`.

    Returns
    -------
    The columns of `testbed.flows.columns`, by name.
    """
    found = []
    for direction in DIRECTIONS:
        spans = periods(scenario, direction)
        flows = scenario.going(direction)
        names = [flow.name for flow in flows] + [
            log.name for log in outcome.cross_traffic if log.direction == direction
        ]
        common = {
            "link_utilisation": _utilisation(
                names, series, [(p.start_s, p.stop_s, p.capacity_kbps) for p in spans]
            ),
            "usable_utilisation": _utilisation(
                names, series, [(p.start_s, p.stop_s, p.usable_kbps) for p in spans]
            ),
        }
        fairness = _fairness(scenario, direction, spans, series)
        for flow in flows:
            row = _row(scenario, flow, outcome.flows[flow.name], series[flow.name], spans, met)
            found.append({**row, **common, "fairness": fairness if flow.is_controlled else float("nan")})
        found += [
            {**_other_row(log, series[log.name], spans), **common}
            for log in outcome.cross_traffic
            if log.direction == direction
        ]
    return found


def changes(scenario: FlowScenario, series: dict[str, Series]) -> list[dict[str, Any]]:
    """Return one row per flow with a controller and period in which it sends.

    Each row has the columns `testbed.flows.columns.CHANGES`. Periods shorter than the hold of `convergence_s`
    are left out.
    """
    found = []
    for direction in DIRECTIONS:
        for period in periods(scenario, direction):
            if period.stop_s - period.start_s < HOLD_S:
                continue
            for name, fair_kbps in period.fair_kbps.items():
                received = _between(series[name]["received_kbps"], period.start_s, period.stop_s)
                found.append(
                    {
                        "flow": name,
                        "start_s": period.start_s,
                        "stop_s": period.stop_s,
                        "capacity_kbps": period.capacity_kbps,
                        "fair_kbps": fair_kbps,
                        "received_kbps": float(received.mean()),
                        "convergence_s": convergence_s(received, fair_kbps, BIN_S),
                    }
                )
    return found


def _row(
    scenario: FlowScenario,
    flow: Flow,
    log: FlowLog,
    series: Series,
    spans: list[Period],
    met: list[dict[str, Any]],
) -> dict[str, Any]:
    active = flow.spans_s(scenario.duration_s)
    active_s = sum(stop - start for start, stop in active)
    arrived_ns = np.array(log.arrived_ns, np.int64)
    there = arrived_ns != NEVER
    waited_ms = np.array(log.queue_ns, np.float64)[there] / 1e6
    delay_ms = (arrived_ns - np.array(log.sent_ns, np.int64))[there] / 1e6
    size = np.array(log.size_bytes, np.float64)
    its = [row["convergence_s"] for row in met if row["flow"] == flow.name]
    times = [seconds for seconds in its if not isnan(seconds)]
    swings = [
        oscillation(_between(series["received_kbps"], (p.start_s + p.stop_s) / 2, p.stop_s), BIN_S)
        for p in spans
        if any(a <= p.start_s and p.stop_s <= b for a, b in active)
    ]
    known = [swing for swing in swings if not isnan(swing)]
    capacity = [
        (max(a, p.start_s), min(b, p.stop_s), p.capacity_kbps)
        for p in spans
        for a, b in active
        if a < p.stop_s and b > p.start_s
    ]
    return {
        "flow": flow.name,
        "direction": flow.direction,
        "kind": flow.media.kind,
        "active_s": active_s,
        "sent_kbps": 0.008 * float(size.sum()) / active_s,
        "received_kbps": 0.008 * float(size[there].sum()) / active_s,
        "utilisation": _utilisation([flow.name], {flow.name: series}, capacity),
        "queue_p50_ms": _percentile(waited_ms, 50),
        "queue_p95_ms": _percentile(waited_ms, 95),
        "queue_max_ms": _percentile(waited_ms, 100),
        "delay_p50_ms": _percentile(delay_ms, 50),
        "delay_p95_ms": _percentile(delay_ms, 95),
        "packets_sent": len(log.sent_ns),
        "packets_arrived": int(there.sum()),
        "loss": 1 - float(there.mean()) if len(there) else float("nan"),
        "changes": len(its),
        "converged": len(times),
        "convergence_s": float(np.mean(times)) if times else float("nan"),
        "oscillation": float(np.mean(known)) if known else float("nan"),
        "feedback_kbps": 0.008 * log.feedback_bytes / active_s,
        "feedback_loss": 1 - log.feedback_arrived / log.feedback_sent if log.feedback_sent else float("nan"),
    }


def _other_row(log: CrossTrafficLog, series: Series, spans: list[Period]) -> dict[str, Any]:
    on = np.flatnonzero(series["sent_kbps"] > 0)
    first, last = (int(on[0]), int(on[-1]) + 1) if len(on) else (0, 0)
    active_s = (last - first) * BIN_S
    received = series["received_kbps"][first:last]
    ended = log.delivered[-1] + log.dropped[-1] if log.sent else 0
    capacity = [(p.start_s, p.stop_s, p.capacity_kbps) for p in spans]
    return {
        "flow": log.name,
        "direction": log.direction,
        "kind": log.model,
        "active_s": active_s,
        "sent_kbps": float(series["sent_kbps"][first:last].mean()) if active_s else 0.0,
        "received_kbps": float(received.mean()) if active_s else 0.0,
        "utilisation": _utilisation([log.name], {log.name: series}, capacity),
        "packets_sent": log.sent[-1] if log.sent else 0,
        "packets_arrived": log.delivered[-1] if log.sent else 0,
        "loss": log.dropped[-1] / ended if ended else float("nan"),
        "oscillation": oscillation(received[len(received) // 2 :], BIN_S),
    }


def _fairness(
    scenario: FlowScenario, direction: str, spans: list[Period], series: dict[str, Series]
) -> float:
    names = [flow.name for flow in scenario.going(direction) if flow.is_controlled]
    shared = [p for p in spans if set(p.fair_kbps) == set(names)]
    if not shared:
        return float("nan")
    return jain(
        np.array(
            [
                np.concatenate(
                    [_between(series[name]["received_kbps"], p.start_s, p.stop_s) for p in shared]
                ).mean()
                for name in names
            ]
        )
    )


def _utilisation(
    names: list[str], series: dict[str, Series], offered: list[tuple[float, float, float]]
) -> float:
    """Return the share that flows received of a capacity, given as (start, stop, kb/s); NaN if unknown."""
    got = sum(
        float(_between(series[name]["received_kbps"], start, stop).sum()) * BIN_S
        for name in names
        for start, stop, _ in offered
    )
    there = sum((stop - start) * kbps for start, stop, kbps in offered)
    return got / there if there > 0 else float("nan")


def _between(values: NDArray[np.float64], start_s: float, stop_s: float) -> NDArray[np.float64]:
    return values[round(start_s / BIN_S) : max(round(start_s / BIN_S) + 1, round(stop_s / BIN_S))]


def _percentile(values: NDArray[np.float64], percent: float) -> float:
    return float(np.percentile(values, percent)) if len(values) else float("nan")
