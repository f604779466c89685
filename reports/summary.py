"""Summary of a run's table: means, intervals, differences, shares."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from testbed.columns import MEASURED, PLAYED_FROM
from testbed.metrics import described, is_usable
from testbed.reports.facts import receiver
from testbed.reports.intervals import Interval, interval, ratio
from testbed.results import Results

RECOVERIES = tuple(column.name.removeprefix("frames_") for column in PLAYED_FROM)
"""Sources that frames are played from, by the names of the columns that count them."""
_MEANS = tuple(column.name for column in MEASURED if column.unit != "frames")
_REDUNDANCY = ("red_kbps", "lbrr_kbps", "dred_kbps")
_NOTHING_SENT_KBPS = 0.5
NETWORK = ("packet_loss", "delay_variation_ms_p95", "mean_delay_ms", "wire_kbps")
"""Columns that a scheme's own bitrate can change, if links have a limit."""


@dataclass(frozen=True)
class Cell:
    """One scheme at one point.

    Attributes
    ----------
    costs
        Mean of each measured column that does not count frames; ``buffer_needed_ms_max`` is a maximum,
        ``pauses`` the share of all frames that was not sent.
    shares
        Share of the frames sent that was played from each of `RECOVERIES`, and of packets ``late``; 0 to 1;
        empty if every call failed.
    scores
        Mean of each metric and of each column in `Summary.network`; absent if no call could be scored.
    gains
        Improvement over the baseline, at the same point and on the same loss, in the metric's unit;
        positive is better for metrics of either direction.
    repaired
        Share of the baseline's loss of quality that the scheme repairs: by definition 0 for the baseline and
        1 for the ceiling. Absent if that loss is not significant.
    diagnoses
        Problems of the scheme at the point, a line each that begins with its name.
    is_unsent
        Whether redundancy was asked for and none was sent, so that the scheme only conceals.
    """

    point: int
    scheme: str
    calls: int
    failed: int
    costs: dict[str, float]
    shares: dict[str, float]
    scores: dict[str, Interval] = field(default_factory=dict)
    gains: dict[str, Interval] = field(default_factory=dict)
    repaired: dict[str, Interval] = field(default_factory=dict)
    diagnoses: tuple[str, ...] = ()
    is_unsent: bool = False

    @property
    def marks(self) -> list[str]:
        """Its problems without causes and remedies, which follow a colon or a semicolon."""
        texts = [text.removeprefix(f"{self.scheme} ") for text in self.diagnoses]
        return [re.split("[:;] ", text, maxsplit=1)[0] for text in texts]

    @property
    def title(self) -> str:
        """Its name, with the redundancy that was asked for and never sent: ``LBRR + DRED (sent no DRED)``."""
        lacking = [mark for mark in self.marks if mark.startswith("sent no ")]
        return f"{self.scheme} ({', '.join(lacking)})" if lacking else self.scheme

    @property
    def redundancy_kbps(self) -> float:
        """Bitrate of the redundancy sent."""
        return sum(self.costs.get(name, 0.0) for name in _REDUNDANCY)

    @property
    def asks_dred(self) -> bool:
        """True if the scheme asks for DRED."""
        return self.costs.get("dred_asked_ms", 0) > 0

    @property
    def dred_share(self) -> float:
        """Share of the DRED asked for that was sent, 0 to 1; NaN if not measured."""
        return self.costs.get("dred_sent_ms", float("nan")) / self.costs["dred_asked_ms"]


@dataclass(frozen=True)
class Summary:
    """All cells of a run by (point, scheme), and their common properties.

    Attributes
    ----------
    ceiling
        The scheme that loses nothing; None if the run has none.
    baseline
        The scheme that the others are compared with: classic PLC alone, else the one with the lowest bitrate;
        None if there is only one scheme.
    network
        Columns that the schemes' own bitrates changed; empty if none.
    receivers
        Waiting time of the receiver, by point; see `testbed.reports.facts.receiver`.
    warnings
        Those of the run, and of metrics that are not installed here.
    """

    cells: dict[tuple[int, str], Cell]
    schemes: list[str]
    metrics: list[str]
    network: list[str]
    points: list[dict[str, Any]]
    ceiling: str | None
    baseline: str | None
    failures: pd.DataFrame
    table: pd.DataFrame
    receivers: list[str]
    warnings: list[str]

    def rivals(self) -> list[str]:
        """Return the schemes that meet loss, in the scenario's order."""
        return [scheme for scheme in self.schemes if scheme != self.ceiling]

    def ceiling_at(self, point: int) -> Cell | None:
        """Return the cell of the ceiling at a point."""
        return self.cells.get((point, self.ceiling or ""))

    @property
    def only(self) -> str | None:
        """The scheme of a run that has no other."""
        rivals = self.rivals()
        return rivals[0] if len(rivals) == 1 else None

    def depths(self) -> list[Cell]:
        """Return the cells that ask for DRED, by point and then in the scenario's order."""
        cells = [self.cells.get((point, name)) for point in range(len(self.points)) for name in self.schemes]
        return [cell for cell in cells if cell is not None and cell.asks_dred]

    def grid(self, point: int, metric: str) -> pd.DataFrame:
        """Return one metric at one point: one row per (clip, realization), one column per scheme."""
        here = self.table[self.table["point"] == point]
        return here.pivot_table(
            index=["clip", "realization"], columns="scheme", values=metric, aggfunc="mean"
        )

    def gap(self, point: int, metric: str, scheme: str, other: str) -> Interval | None:
        """Return the improvement of `scheme` over `other`, call by call."""
        grid = self.grid(point, metric)
        return interval(described(metric).sign * (grid[scheme] - grid[other]))


def summarize(results: Results) -> Summary:
    """Summarize a run."""
    table, manifest = _with_nan(results.table), results.manifest
    present = [str(name) for name in table["scheme"].unique()]
    order = [name for name in manifest.get("scheme_names", []) if name in present]
    schemes = order + [name for name in present if name not in order]
    metrics = [name for name in manifest.get("metrics", []) if name in table and table[name].notna().any()]
    points = list(manifest.get("points") or [{}])
    ceiling = results.ceiling if results.ceiling in schemes else None
    rivals = [name for name in schemes if name != ceiling]
    baseline = results.baseline if results.baseline in rivals else _cheapest(table, rivals)
    failures = table[table["error"].fillna("") != ""]
    receivers = [receiver(manifest, point) for point in points]
    warnings = [str(warning) for warning in manifest.get("warnings") or ()]
    warnings += [
        f"metric {name} is not installed here: it is shown as if higher were better, and recommends no scheme"
        for name in metrics
        if not is_usable(name)
    ]
    summary = Summary(
        {},
        schemes,
        metrics,
        _network(table, ceiling),
        points,
        ceiling,
        baseline,
        failures,
        table,
        receivers,
        warnings,
    )
    for point in sorted(int(number) for number in table["point"].unique()):
        for scheme in schemes:
            rows = table[(table["point"] == point) & (table["scheme"] == scheme)]
            if len(rows):
                summary.cells[point, scheme] = _diagnosed(_cell(rows, point, scheme), manifest)
    for point in sorted({point for point, _ in summary.cells}):
        for metric in metrics:
            _score(summary, point, metric)
        for column in summary.network:
            grid = summary.grid(point, column)
            for scheme in grid.columns:
                if (found := interval(grid[scheme])) is not None:
                    summary.cells[point, str(scheme)].scores[column] = found
    return summary


def _network(table: pd.DataFrame, ceiling: str | None) -> list[str]:
    """Return the columns of `NETWORK`, if the losses of a call depended on the scheme."""
    if "packet_loss" not in table:
        return []
    met = table[table["scheme"] != ceiling].groupby(["point", "clip", "realization"])
    if (met["packet_loss"].nunique() <= 1).all():
        return []
    return [name for name in NETWORK if name in table and table[name].notna().any()]


def _cheapest(table: pd.DataFrame, schemes: Sequence[str]) -> str | None:
    """Return the scheme with the lowest bitrate, the baseline of a run without classic PLC."""
    if len(schemes) < 2:
        return None
    kbps = table[table["scheme"].isin(schemes)].groupby("scheme")["wire_kbps"].mean().dropna()
    return str(kbps.idxmin()) if len(kbps) else schemes[0]


def _with_nan(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with NaN for every missing number, for any types in the file."""
    missing = [
        name for name in table if pd.api.types.is_numeric_dtype(table[name]) and table[name].isna().any()
    ]
    return table.astype(dict.fromkeys(missing, "float64"))


def _cell(rows: pd.DataFrame, point: int, scheme: str) -> Cell:
    costs = {name: float(rows[name].mean()) for name in _MEANS if name in rows}
    frames = float(rows["frames"].sum()) if "frames" in rows else 0.0
    if "frames_dtx" in rows and frames:
        pauses = float(rows["frames_dtx"].sum())
        costs["pauses"] = pauses / frames
        frames -= pauses
    if "buffer_needed_ms_max" in rows:
        costs["buffer_needed_ms_max"] = float(rows["buffer_needed_ms_max"].max())
    shares = {
        name: float(rows[f"frames_{name}"].sum()) / frames
        for name in (*RECOVERIES, "late")
        if frames and f"frames_{name}" in rows
    }
    failed = int((rows["error"].fillna("") != "").sum())
    costs = {name: value for name, value in costs.items() if np.isfinite(value)}
    return Cell(point, scheme, len(rows), failed, costs, shares)


def _diagnosed(cell: Cell, manifest: dict[str, Any]) -> Cell:
    """Return a cell with the run's diagnoses of it."""
    found = [
        each
        for each in manifest.get("diagnoses") or ()
        if each.get("point") == cell.point and each.get("scheme") == cell.scheme
    ]
    schemes = (manifest.get("scenario") or {}).get("schemes") or ()
    asked = next((each for each in schemes if isinstance(each, dict) and each.get("name") == cell.scheme), {})
    is_asked = cell.asks_dred or any(name in asked for name in ("red", "lbrr", "dred"))
    is_asked = is_asked or any(each.get("kind") == "not_sent" for each in found)
    is_measured = any(name in cell.costs for name in _REDUNDANCY)
    return replace(
        cell,
        diagnoses=tuple(str(each.get("text", "")) for each in found),
        is_unsent=is_asked and is_measured and cell.redundancy_kbps < _NOTHING_SENT_KBPS,
    )


def _score(summary: Summary, point: int, metric: str) -> None:
    grid = summary.grid(point, metric)
    judge = described(metric)
    baseline = grid.get(summary.baseline) if summary.baseline else None
    ceiling = grid.get(summary.ceiling) if summary.ceiling else None
    for scheme in grid.columns:
        cell = summary.cells[point, str(scheme)]
        mine = grid[scheme]
        if (score := interval(mine, judge.bounds)) is not None:
            cell.scores[metric] = score
        if baseline is None:
            continue
        won = judge.sign * (mine - baseline)
        if scheme != summary.baseline and (gain := interval(won)) is not None:
            cell.gains[metric] = gain
        lost = None if ceiling is None else judge.sign * (ceiling - baseline)
        if lost is not None and (share := ratio(won, lost)) is not None:
            is_scale = scheme in (summary.baseline, summary.ceiling)
            cell.repaired[metric] = replace(share, low=np.nan, high=np.nan) if is_scale else share
