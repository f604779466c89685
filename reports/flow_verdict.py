"""The verdict on a flow study: what each controller does to the flows that follow it, in a sentence.

A controller harms where it loses more than 1 % of the packets, where they wait in queues for more than 100 ms
(95th percentile; ITU-T G.114 has 150 ms for the whole way from mouth to ear), or where a flow gets less than
two thirds of its max-min fair share. The best is the one that uses most of the usable capacity without harm:
rate that costs loss or delay is no merit.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from testbed.reports import labels
from testbed.reports.wording import listed, number

CONTROLLED = ("video", "voice")
CONTROLLER = "congestion.controller"
MOST_LOSS = 0.01
MOST_QUEUE_MS = 100.0
LEAST_SHARE = 2 / 3
_NO_LOSS = 5e-4
_MOST_LEADS = 6


@dataclass(frozen=True)
class FlowVerdict:
    """The verdict on one point in one direction.

    Attributes
    ----------
    point, direction
        The point and the direction.
    label
        Label of the point, the controller first, and the direction if there are two.
    compared
        What the points that are compared with this one have in common: direction, and swept values other than
        the controller, in words.
    loss, queue_p95_ms, used
        Means over flows and realizations: share of packets lost, waiting time, and use of the usable
        capacity; NaN if unknown.
    starving
        Flows that get less than two thirds of their fair share: name, received and fair bitrate in kb/s.
    """

    point: int
    direction: str
    label: str
    compared: str
    loss: float
    queue_p95_ms: float
    used: float
    starving: Sequence[tuple[str, float, float]]

    @property
    def is_harmless(self) -> bool:
        """True if nothing is lost, delayed or starved beyond the limits."""
        return self.loss <= MOST_LOSS and not self.queue_p95_ms > MOST_QUEUE_MS and not self.starving

    @property
    def sentence(self) -> str:
        """The verdict: what it costs, what it uses, and who starves."""
        facts = ["no loss" if self.loss < _NO_LOSS else f"{_percent(self.loss)} loss"]
        if not math.isnan(self.queue_p95_ms):
            facts.append(f"p95 queue {number(self.queue_p95_ms)} ms")
        if self.loss <= MOST_LOSS and not math.isnan(self.used):
            facts.append(f"{_percent(self.used)} of the usable capacity")
        harms = ["loses"] * (self.loss > MOST_LOSS) + ["delays"] * (self.queue_p95_ms > MOST_QUEUE_MS)
        too_much = f"; it {listed(harms)} too much" if harms else ""
        who = [f"{name} starves ({number(got)} of {number(fair)} kb/s)" for name, got, fair in self.starving]
        starving = f", but {listed(who)}" if who else ""
        return f"{self.label}: {', '.join(facts)}{too_much}{starving}"


def verdicts(
    table: pd.DataFrame, changes: pd.DataFrame, points: Sequence[dict[str, Any]]
) -> list[FlowVerdict]:
    """Return the verdict on each point and direction whose flows follow a controller.

    Parameters
    ----------
    table, changes
        ``results.parquet`` and ``changes.parquet``.
    points
        The swept values of each point.
    """
    good = table[table["received_kbps"].notna() & table["kind"].isin(CONTROLLED)]
    several = good["direction"].nunique() > 1
    found = []
    for (point, direction), its in good.groupby(["point", "direction"], sort=False):
        parameters = points[int(str(point))] if int(str(point)) < len(points) else {}
        others = {name: value for name, value in parameters.items() if name != CONTROLLER}
        met = changes[(changes["point"] == point) & changes["flow"].isin(its["flow"])]
        label = point_label(parameters) if parameters else f"point {point}" if points[1:] else "the flows"
        way = [str(direction)] * several
        found.append(
            FlowVerdict(
                int(str(point)),
                str(direction),
                ", ".join([label, *way]),
                ", ".join([*way, *([labels.point(others)] if others else [])]),
                float(its["loss"].mean()),
                float(its["queue_p95_ms"].mean()),
                float(its["usable_utilisation"].mean()),
                _starving(met),
            )
        )
    return found


def leads(found: Iterable[FlowVerdict]) -> list[str]:
    """Return, for the points that differ in the controller alone, which is best; of many, a count."""
    compared: dict[str, list[FlowVerdict]] = {}
    for verdict in found:
        compared.setdefault(verdict.compared, []).append(verdict)
    if len(compared) > _MOST_LEADS:
        every = [verdict for them in compared.values() for verdict in them]
        return [f"{sum(each.is_harmless for each in every)} of {len(every)} do no harm."]
    said = []
    for where, them in compared.items():
        begin = f"{where[:1].upper()}{where[1:]}: " if where else ""
        harmless = [verdict for verdict in them if verdict.is_harmless]
        if len(them) == 1:
            said.append(f"{them[0].sentence}.")
        elif harmless:
            best = max(harmless, key=lambda verdict: -1.0 if math.isnan(verdict.used) else verdict.used)
            facts = best.sentence.removeprefix(f"{best.label}: ")
            said.append(f"{begin}{_controller(best)} uses the most capacity without harm: {facts}.")
        else:
            least = min(them, key=lambda verdict: (len(verdict.starving), verdict.loss, verdict.queue_p95_ms))
            said.append(f"{begin}every controller does harm; least does {least.sentence}.")
    return said


def point_label(parameters: dict[str, Any]) -> str:
    """Return the label of a combination of swept parameters: first the controller, by its name alone."""
    rest = {name: value for name, value in parameters.items() if name != CONTROLLER}
    words = [str(parameters[CONTROLLER])] if CONTROLLER in parameters else []
    return ", ".join([*words, *([labels.point(rest)] if rest or not words else [])])


def _percent(share: float) -> str:
    return f"{number(share, 1 if share < 0.1 else 0, 100)} %"


def _controller(verdict: FlowVerdict) -> str:
    return verdict.label.partition(", ")[0]


def _starving(changes: pd.DataFrame) -> list[tuple[str, float, float]]:
    """Return the flows that get too little of their fair share over the time in which they have one."""
    starving = []
    for flow, its in changes.groupby("flow", sort=False):
        lasted_s = its["stop_s"] - its["start_s"]
        is_known = its["fair_kbps"].notna() & its["received_kbps"].notna() & (lasted_s > 0)
        time_s = lasted_s[is_known].sum()
        if not time_s:
            continue
        rates = ((its[name] * lasted_s)[is_known] for name in ("received_kbps", "fair_kbps"))
        got, fair = (float(rate.sum() / time_s) for rate in rates)
        if got < LEAST_SHARE * fair:
            starving.append((str(flow), got, fair))
    return starving
