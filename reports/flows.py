"""The report of a flow study: rates, queues and losses of each controller, in numbers and over time."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from testbed.columns import failed_rows
from testbed.errors import ResultsError
from testbed.reports.colours import PALETTE, tints
from testbed.reports.flow_charts import chart, highest
from testbed.reports.flow_verdict import CONTROLLED, leads, point_label, verdicts
from testbed.reports.reproduction import reproduction
from testbed.reports.templates import digest, plain, script, style, template
from testbed.results import CHANGES_FILE, TRAJECTORIES_FILE, Results, read_table

MAX_CHARTS = 60
_SCRIPTS = ("charts", "axes", "page", "readout", "downloads", "figure", "flows", "redraw")
_COLUMNS = {
    "trajectories": ("point", "realization", "flow", "time_s", "capacity_kbps", "target_kbps",
                     "received_kbps", "queue_ms", "loss"),
    "changes": ("point", "realization", "flow", "start_s", "stop_s", "fair_kbps", "received_kbps",
                "convergence_s"),
    "results": ("point", "realization", "flow", "direction", "kind", "received_kbps", "link_utilisation",
                "usable_utilisation", "queue_p50_ms", "queue_p95_ms", "loss", "changes", "converged",
                "convergence_s", "oscillation", "fairness", "feedback_kbps", "feedback_loss", "error"),
}  # fmt: skip
_TOTALS = (
    "received_kbps", "usable_utilisation", "link_utilisation", "queue_p50_ms", "queue_p95_ms", "loss",
    "convergence_s", "oscillation", "fairness", "feedback_kbps",
)  # fmt: skip
"""Columns of the first table."""


@dataclass(frozen=True)
class Section:
    """One point in one direction.

    Attributes
    ----------
    point, label, direction
        The point, its label, and the direction.
    totals
        The row of the first table: means over flows that follow a controller and over realizations.
    flows
        A row for each flow, as means over realizations.
    changes
        A row for each change and flow of the first realization.
    chart
        Data of the first realization over time; None if there is none.
    """

    point: int
    label: str
    direction: str
    totals: dict[str, Any]
    flows: list[dict[str, Any]]
    changes: list[dict[str, Any]]
    chart: dict[str, Any] | None


def render(results: Results) -> str:
    """Return the page.

    Raises
    ------
    ResultsError
        A table or one of its columns is missing.
    """
    tables = {
        "results": results.table,
        "trajectories": read_table(Path(results.folder) / TRAJECTORIES_FILE),
        "changes": read_table(Path(results.folder) / CHANGES_FILE),
    }
    for name, table in tables.items():
        if missing := [column for column in _COLUMNS[name] if column not in table.columns]:
            raise ResultsError(f"{results.folder}: {name}.parquet has no column {missing[0]}")
    found = sections(results, tables["trajectories"], tables["changes"])
    manifest = results.manifest
    judged = verdicts(results.table, tables["changes"], manifest.get("points") or [])
    said = leads(judged)
    folder = Path(results.folder).name
    code, several = script(_SCRIPTS), len({section.direction for section in found}) > 1
    return template("flows.html").render(
        script=code,
        script_digest=digest(code),
        data=plain(
            {
                "name": (manifest.get("scenario") or {}).get("name", "run"),
                "shown": 0,
                "points": {"0": {}},
                "parts": {},
                "colours": len(PALETTE),
                "charts": [
                    {
                        **section.chart,
                        "id": number,
                        "label": ", ".join([section.label, *[section.direction] * several]),
                        "again": _again(folder, section.point),
                    }
                    for number, section in enumerate(found)
                    if section.chart
                ],
            }
        ),
        style=style() + tints(PALETTE),
        scenario=manifest.get("scenario") or {},
        made_again=reproduction(manifest),
        manifest=manifest,
        leads=said,
        verdicts=judged if len(judged) > len(said) else [],
        sections=found,
        columns=_TOTALS,
        directions=list(dict.fromkeys(section.direction for section in found)),
        has_others=any(row["kind"] not in (*CONTROLLED, "audio") for s in found for row in s.flows),
        failures=_records(results.table[failed_rows(results.table)]),
        runs=len(results.table[["point", "realization"]].drop_duplicates()),
        complete=manifest.get("complete", True),
        warnings=manifest.get("warnings") or [],
        created=str(manifest.get("created") or "")[:10],
    )


def _again(folder: str, point: int) -> str:
    """Return the Python that reads the time series of a chart."""
    return f"testbed.load({folder!r}).trajectories.query('point == {point} and realization == 0')"


def sections(results: Results, trajectories: pd.DataFrame, changes: pd.DataFrame) -> list[Section]:
    """Return a section for each point and direction, in order; points whose every run failed have none."""
    found: list[Section] = []
    drawn: list[tuple[pd.DataFrame, list[str], list[str]]] = []
    parameters = results.manifest.get("points") or []
    good = results.table[results.table["received_kbps"].notna()]
    for (point, direction), its in good.groupby(["point", "direction"], sort=False):
        controlled = its[its["kind"].isin(CONTROLLED)]
        names = controlled["flow"].drop_duplicates().tolist()
        others = its.loc[~its["kind"].isin((*CONTROLLED, "audio")), "flow"].drop_duplicates().tolist()
        first = its["realization"].min()
        series = trajectories[
            (trajectories["point"] == point)
            & (trajectories["realization"] == first)
            & trajectories["flow"].isin([*names, *others])
        ]
        met = changes[
            (changes["point"] == point) & (changes["realization"] == first) & changes["flow"].isin(names)
        ]
        number_of = int(str(point))
        label = point_label(parameters[number_of]) if number_of < len(parameters) else f"point {point}"
        drawn.append((series, names, others))
        found.append(
            Section(
                number_of,
                label,
                str(direction),
                _totals(controlled, its[its["flow"].isin(others)]),
                _by_flow(its),
                _records(met.sort_values(["start_s", "flow"], kind="stable")),
                None,
            )
        )
    return [
        replace(section, chart=made)
        for section, made in zip(found, _charts([section.direction for section in found], drawn), strict=True)
    ]


def _charts(
    directions: list[str], drawn: list[tuple[pd.DataFrame, list[str], list[str]]]
) -> Iterator[dict[str, Any] | None]:
    """Yield the data of each section's chart, those of a direction on the same axes; None without series."""
    both = [*zip(directions, drawn, strict=True)]
    top = {
        direction: highest([series for at, (series, _, _) in both if at == direction])
        for direction in set(directions)
    }
    for number, (direction, (series, names, others)) in enumerate(both):
        is_drawn = number < MAX_CHARTS and not series.empty
        yield chart(series, names, others, top[direction]) if is_drawn else None


def _totals(controlled: pd.DataFrame, others: pd.DataFrame) -> dict[str, Any]:
    means = controlled[[*_TOTALS, "feedback_loss"]].mean()
    totals: dict[str, Any] = {str(name): mean for name, mean in means.items()}
    totals["changes"], totals["converged"] = controlled["changes"].sum(), controlled["converged"].sum()
    weights = controlled["converged"].astype(float)
    times = controlled["convergence_s"].fillna(0.0)
    totals["convergence_s"] = (times * weights).sum() / weights.sum() if weights.sum() else float("nan")
    runs = max(1, others["realization"].nunique())
    totals["others_kbps"] = others["received_kbps"].sum() / runs if len(others) else float("nan")
    totals["others_loss"] = others["loss"].mean() if len(others) else float("nan")
    return totals


def _by_flow(its: pd.DataFrame) -> list[dict[str, Any]]:
    kept = its[[*_COLUMNS["results"][2:-1]]]
    grouped = kept.groupby(["flow", "direction", "kind"], sort=False, dropna=False).mean()
    return _records(grouped.reset_index())


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
