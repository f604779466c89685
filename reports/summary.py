"""Summary of a run's table: means, intervals, differences, shares."""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from testbed.columns import MEASURED, PLAYED_FROM, failed_rows
from testbed.metrics import described, is_usable
from testbed.reports import labels
from testbed.reports.device import DeviceCost, device_costs
from testbed.reports.facts import policies
from testbed.reports.grid import Grid, PartOfGrid
from testbed.reports.intervals import Interval, confidence_of, interval, ratio
from testbed.results import Results
from testbed.speakers import resampled_speakers

RECOVERIES = tuple(column.name.removeprefix("frames_") for column in PLAYED_FROM)
"""Sources that frames are played from, by the names of the columns that count them."""
_MEANS = tuple(column.name for column in MEASURED if column.unit != "frames")
_COUNTS = ("frames", "frames_dtx", "frames_late", *(f"frames_{name}" for name in RECOVERIES))
_REDUNDANCY = ("red_kbps", "lbrr_kbps", "dred_kbps")
_NOTHING_SENT_KBPS = 0.5
DELAY = "mouth_to_ear_ms"
"""Column with the delay from mouth to ear."""
NETWORK = ("packet_loss", "delay_variation_ms_p95", DELAY, "wire_kbps")
"""Columns that a scheme's own bitrate can change, if links have a limit."""
_CALL = ("point", "clip", "realization", "scheme")
"""Columns that identify a call."""


@dataclass(frozen=True, slots=True)
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
    to_score
        Number of calls to score, of each metric that scores a part of them.
    device
        Its cost to a device; None where it was not measured.
    """

    point: int
    scheme: str
    calls: int
    failed: int
    costs: Mapping[str, float]
    shares: Mapping[str, float]
    scores: dict[str, Interval] = field(default_factory=dict)
    gains: dict[str, Interval] = field(default_factory=dict)
    repaired: dict[str, Interval] = field(default_factory=dict)
    diagnoses: tuple[str, ...] = ()
    is_unsent: bool = False
    to_score: dict[str, int] = field(default_factory=dict)
    device: DeviceCost | None = None

    def calls_to_score(self, metric: str) -> int:
        """Return the number of calls that a metric scores."""
        return self.to_score.get(metric, self.calls)

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
    scored_realizations
        Number of realizations that a metric scores, from the first; of metrics that score a part of them.
    clips_not_scored
        Clips in languages that a metric does not judge; of metrics with such clips.
    wobble
        Largest shift of a mean difference between schemes by what nobody hears, by metric; of metrics that
        `testbed metrics check` measured.
    speakers
        Speaker of each clip, if speakers are the sample.
    confidence
        Nominal confidence of the intervals.
    grids
        Each metric and each column in `network`: one row per (point, clip, realization) with a value, one
        column per scheme.
    ceiling
        The scheme that loses nothing; None if the run has none.
    baseline
        The scheme that the others are compared with: classic PLC alone, else the one with the lowest bitrate;
        None if there is only one scheme.
    network
        Columns that the schemes' own bitrates changed; empty if none.
    own_point
        The point that an answer begins with: the scenario's own, else the middle one.
    table
        The rows, of the columns that identify a call, its error, bitrate on the wire, loss and scores.
    policies
        Playout policy by point; empty where it is not recorded.
    warnings
        Those of the run, and of metrics that are not installed here.
    """

    cells: dict[tuple[int, str], Cell]
    schemes: list[str]
    clips: list[str]
    metrics: list[str]
    network: list[str]
    points: list[dict[str, Any]]
    own_point: int
    ceiling: str | None
    baseline: str | None
    failures: pd.DataFrame
    table: pd.DataFrame
    policies: list[str]
    warnings: list[str]
    scored_realizations: dict[str, int]
    clips_not_scored: dict[str, list[str]]
    wobble: dict[str, float]
    speakers: dict[str, str]
    confidence: float
    grids: dict[str, Grid]

    def rivals(self) -> list[str]:
        """Return the schemes that meet loss, in the scenario's order."""
        return [scheme for scheme in self.schemes if scheme != self.ceiling]

    def label(self, point: int) -> str:
        """Return the label of a point: the swept values that tell it from the others."""
        return labels.point({name: self.points[point][name] for name in self._telling})

    @cached_property
    def _telling(self) -> list[str]:
        return labels.telling(self.points)

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
        return self.grids[metric].at(point)

    def gap(self, point: int, metric: str, scheme: str, other: str) -> Interval | None:
        """Return the improvement of `scheme` over `other`, call by call."""
        grid = self.grids[metric].part(point)
        return interval(described(metric).sign * (grid.of(scheme) - grid.of(other)), grid.sample)

    def rows_to_score(self, metric: str) -> pd.DataFrame:
        """Return the rows of the calls that a metric scores."""
        if metric not in self.partly_scored:
            return self.table
        is_scored = ~self.table["clip"].isin(self.clips_not_scored.get(metric, []))
        if metric in self.scored_realizations:
            is_scored &= self.table["realization"] < self.scored_realizations[metric]
        return self.table[is_scored]

    @property
    def partly_scored(self) -> list[str]:
        """The metrics that score a part of the calls."""
        return [
            name for name in self.metrics if name in {**self.scored_realizations, **self.clips_not_scored}
        ]


def _wobble(manifest: dict[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for each in manifest.get("wobble") or ():
        found[each["metric"]] = max(each.get("mean_pair") or 0.0, found.get(each["metric"], 0.0))
    return found


def _own_point(table: pd.DataFrame, manifest: dict[str, Any]) -> int:
    points = sorted(int(point) for point in table["point"].unique())
    own = manifest.get("own_point")
    return own if own in points else points[len(points) // 2]


def summarize(results: Results) -> Summary:
    """Summarize a run."""
    manifest, asked = results.manifest, results.manifest.get("metrics", [])
    table = _columns(results, *_CALL, "error", "wire_kbps", "packet_loss", *asked)
    present = [str(name) for name in table["scheme"].unique()]
    order = [name for name in manifest.get("scheme_names", []) if name in present]
    schemes = order + [name for name in present if name not in order]
    metrics = [name for name in asked if name in table and table[name].notna().any()]
    points = list(manifest.get("points") or [{}])
    ceiling = results.ceiling if results.ceiling in schemes else None
    rivals = [name for name in schemes if name != ceiling]
    baseline = baseline_of(results, table, rivals)
    failures = table[failed_rows(table)]
    playouts = ["".join(policies(manifest, point)[:1]) for point in points]
    warnings = [str(warning) for warning in manifest.get("warnings") or ()]
    warnings += [
        f"metric {name} is not installed here: it is shown as if higher were better, and recommends no scheme"
        for name in metrics
        if not is_usable(name)
    ]
    network = _network(results, table, ceiling)
    realizations = int(table["realization"].max()) + 1
    scored = manifest.get("scored_realizations") or {}
    clips = [str(clip) for clip in table["clip"].unique()]
    speakers = resampled_speakers(manifest, clips)
    confidence = confidence_of(manifest)
    summary = Summary(
        _cells(results, table, schemes, manifest),
        schemes,
        clips,
        metrics,
        network,
        points,
        _own_point(table, manifest),
        ceiling,
        baseline,
        failures,
        table,
        playouts,
        warnings,
        {name: scored[name] for name in metrics if scored.get(name, realizations) < realizations},
        {name: clips for name, clips in (manifest.get("clips_not_scored") or {}).items() if name in metrics},
        _wobble(manifest),
        speakers,
        confidence,
        {
            column: Grid.of(
                table if column in table else _columns(results, *_CALL, column), column, speakers, confidence
            )
            for column in (*metrics, *network)
        },
    )
    for metric in summary.partly_scored:
        numbers = summary.rows_to_score(metric).groupby(["point", "scheme"], observed=True).size()
        for key, cell in summary.cells.items():
            cell.to_score[metric] = int(numbers.get(key, 0))
    for metric in metrics:
        for point, grid in summary.grids[metric].parts():
            add_scores(summary, point, metric, grid)
    for column in network:
        for point, grid in summary.grids[column].parts():
            for scheme in grid.schemes:
                if (found := interval(grid.of(scheme), grid.sample)) is not None:
                    summary.cells[point, scheme].scores[column] = found
    return summary


def _network(results: Results, table: pd.DataFrame, ceiling: str | None) -> list[str]:
    """Return the columns of `NETWORK`, if the losses of a call depended on the scheme."""
    if "packet_loss" not in table:
        return []
    keys = ["point", "clip", "realization"]
    losses = table.loc[table["scheme"] != ceiling, [*keys, "packet_loss"]].groupby(keys)["packet_loss"]
    if not (losses.max() > losses.min()).any():
        return []
    return [
        name
        for name in NETWORK
        if name in results.stored.names and _columns(results, name)[name].notna().any()
    ]


def baseline_of(results: Results, table: pd.DataFrame, rivals: Sequence[str]) -> str | None:
    """Return the scheme that the others are compared with; see `Summary.baseline`."""
    if results.baseline in rivals:
        return results.baseline
    if len(rivals) < 2:
        return None
    kbps = table[table["scheme"].isin(rivals)].groupby("scheme")["wire_kbps"].mean().dropna()
    return str(kbps.idxmin()) if len(kbps) else rivals[0]


def _columns(results: Results, *names: str) -> pd.DataFrame:
    """Return columns with NaN for every missing number, for any types in the file."""
    table = results.stored.columns(names)
    missing = [
        name
        for name in table
        if pd.api.types.is_numeric_dtype(table[name])
        and table[name].dtype != "float64"
        and table[name].isna().any()
    ]
    return table.astype(dict.fromkeys(missing, "float64")) if missing else table


def _cells(
    results: Results, table: pd.DataFrame, schemes: Sequence[str], manifest: dict[str, Any]
) -> dict[tuple[int, str], Cell]:
    """Return the cells without scores, by point and in the order of the schemes."""
    groups = table.groupby(["point", "scheme"], observed=True)
    sizes, group = groups.size(), groups.ngroup()

    def of_groups(name: str, statistic: str) -> "pd.Series[float]":
        """Return the statistic of a column, which is read alone, in each group."""
        return _columns(results, name)[name].groupby(group).agg(statistic).set_axis(sizes.index)

    costs = {name: of_groups(name, "mean") for name in _MEANS if name in results.stored.names}
    counts = {name: of_groups(name, "sum") for name in _COUNTS if name in results.stored.names}
    frames = counts.get("frames", 0.0 * sizes)
    if "frames_dtx" in counts:
        costs["pauses"] = counts["frames_dtx"] / frames
        frames = frames - counts["frames_dtx"]
    if "buffer_needed_ms_max" in results.stored.names:
        costs["buffer_needed_ms_max"] = of_groups("buffer_needed_ms_max", "max")
    shares = {
        name: counts[f"frames_{name}"] / frames
        for name in (*RECOVERIES, "late")
        if f"frames_{name}" in counts
    }
    has_failed = failed_rows(table)
    failed = has_failed.groupby(group).sum().set_axis(sizes.index)
    made = pd.DataFrame({"calls": sizes, "failed": failed})
    means, parts = _finite_rows(costs, made.index), _finite_rows(shares, made.index)
    place = {scheme: number for number, scheme in enumerate(schemes)}
    devices = device_costs(manifest)
    cells = [
        Cell(
            int(point),
            str(scheme),
            int(calls),
            int(failed),
            mean,
            part,
            device=devices.get((int(point), str(scheme))),
        )
        for (point, scheme), calls, failed, mean, part in zip(
            made.index, made["calls"], made["failed"], means, parts, strict=True
        )
    ]
    cells.sort(key=lambda cell: (cell.point, place[cell.scheme]))
    diagnosed = _Diagnosed(manifest)
    return {(cell.point, cell.scheme): diagnosed.of(cell) for cell in cells}


def _finite_rows(columns: dict[str, "pd.Series[float]"], index: pd.Index) -> "list[_FiniteRow]":
    values = pd.DataFrame(columns, index=index).to_numpy(float)
    places = {name: place for place, name in enumerate(columns)}
    return [_FiniteRow(places, values, row) for row in range(len(values))]


class _FiniteRow(Mapping[str, float]):
    """The finite values of one row of a table, by column; a tenth of the memory of a dict."""

    __slots__ = ("_places", "_row", "_values")

    def __init__(self, places: Mapping[str, int], values: NDArray[np.float64], row: int) -> None:
        self._places, self._values, self._row = places, values, row

    def __getitem__(self, name: str) -> float:
        value = float(self._values[self._row, self._places[name]])
        if not math.isfinite(value):
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._places if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Diagnosed:
    """The run's diagnoses by (point, scheme)."""

    def __init__(self, manifest: dict[str, Any]) -> None:
        self._found: dict[tuple[Any, Any], list[dict[str, Any]]] = defaultdict(list)
        for each in manifest.get("diagnoses") or ():
            self._found[each.get("point"), each.get("scheme")].append(each)
        schemes = (manifest.get("scenario") or {}).get("schemes") or ()
        self._asked = {each.get("name"): each for each in reversed(schemes) if isinstance(each, dict)}

    def of(self, cell: Cell) -> Cell:
        """Return a cell with its diagnoses."""
        found = self._found.get((cell.point, cell.scheme), [])
        asked = self._asked.get(cell.scheme, {})
        is_asked = cell.asks_dred or any(name.removesuffix("_kbps") in asked for name in _REDUNDANCY)
        is_asked = is_asked or any(each.get("kind") == "not_sent" for each in found)
        is_measured = any(name in cell.costs for name in _REDUNDANCY)
        return replace(
            cell,
            diagnoses=tuple(str(each.get("text", "")) for each in found),
            is_unsent=is_asked and is_measured and cell.redundancy_kbps < _NOTHING_SENT_KBPS,
        )


def add_scores(summary: Summary, point: int, metric: str, grid: PartOfGrid) -> None:
    """Give the cells of a point their score, gain and share repaired by one metric."""
    judge = described(metric)
    values = {scheme: grid.of(scheme) for scheme in grid.schemes if (point, scheme) in summary.cells}
    baseline, ceiling = values.get(summary.baseline or ""), values.get(summary.ceiling or "")
    lost = None if baseline is None or ceiling is None else judge.sign * (ceiling - baseline)
    for scheme, mine in values.items():
        if (score := interval(mine, grid.sample, judge.bounds)) is None:
            continue
        cell = summary.cells[point, scheme]
        cell.scores[metric] = score
        if baseline is None:
            continue
        won = judge.sign * (mine - baseline)
        if scheme != summary.baseline and (gain := interval(won, grid.sample)) is not None:
            cell.gains[metric] = gain
        if lost is not None and (share := ratio(won, lost, grid.sample)) is not None:
            is_scale = scheme in (summary.baseline, summary.ceiling)
            cell.repaired[metric] = replace(share, low=np.nan, high=np.nan) if is_scale else share
