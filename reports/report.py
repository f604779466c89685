"""The report of a run: one self-contained HTML file that makes no network request."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from testbed.columns import MEASURED, names
from testbed.errors import ResultsError
from testbed.escaping import printable
from testbed.files import written_whole
from testbed.metrics import described
from testbed.reports import flows
from testbed.reports.all_points import over_all_points
from testbed.reports.chart_data import chart_data, column_data
from testbed.reports.colours import PARTS, Look, looks, tints
from testbed.reports.device import EXPLANATION
from testbed.reports.equal_bitrate_table import ABOUT, equal_bitrate_tables
from testbed.reports.facts import facts, speech
from testbed.reports.headline import answers
from testbed.reports.listed_points import left_out, listed_points
from testbed.reports.listen import listening
from testbed.reports.reproduction import reproduction, rows
from testbed.reports.shapes import SHAPES
from testbed.reports.sounds import MAX_SOUND_BYTES
from testbed.reports.stopped import stopped
from testbed.reports.summary import DELAY, RECOVERIES, Cell, Summary, summarize
from testbed.reports.templates import digest, plain, script, style, template
from testbed.reports.trade import receiver, trades
from testbed.reports.verdict import judge
from testbed.results import WORK, Results, load

_SCRIPTS = (
    *("charts", "axes", "page", "choices", "readout", "downloads", "figure"),
    *("sights", "curves", "quality", "trade", "heat", "spread", "bars"),
    *("player", "listen", "call", "start", "redraw"),
)
MAX_FAILURES = 200
MAX_CELLS = 2000
"""Most schemes times points of a page: 3 kB each, and 40 elements of tables."""


def write_report(
    run_dir: Path, margins: Mapping[str, float] | None = None, budget_kbps: float | None = None
) -> Path:
    """Write ``report.html`` into a run folder and return its path.

    Parameters
    ----------
    run_dir
        The folder that `testbed run` wrote: ``results.parquet``, ``manifest.json`` and ``examples/``.
    margins, budget_kbps
        See `testbed.reports.verdict.verdicts`.

    Raises
    ------
    ResultsError
        The folder, or an example that its manifest names, cannot be read, or margins or a budget are given
        for a flow study.
    """
    results = load(Path(run_dir))
    if not len(results.stored):
        raise ResultsError(f"{run_dir}: the run has no rows, so there is nothing to report")
    if results.kind.has_schemes:
        page = render(results, margins, budget_kbps)
    elif margins or budget_kbps:
        raise ResultsError(f"{run_dir}: a flow study, which has no schemes to choose from")
    else:
        page = flows.render(results)
    path = Path(results.folder) / "report.html"
    with written_whole(path) as temporary:
        temporary.write_text(printable(page), encoding="utf-8")
    return path


def render(
    results: Results,
    margins: Mapping[str, float] | None = None,
    budget_kbps: float | None = None,
    most_sound_bytes: int = MAX_SOUND_BYTES,
) -> str:
    """Return the page."""
    summary = summarize(results)
    known = sorted({point for point, _ in summary.cells})
    shown = summary.own_point
    points = listed_points(known, summary.points, shown, max(1, MAX_CELLS // len(summary.schemes)))
    found = answers(summary, margins, budget_kbps, points)
    over = over_all_points(summary, margins, budget_kbps)
    first = judge(summary, shown, margins)
    by_delay = trades(summary, points, DELAY)
    weighed = trades(summary, points, "wire_kbps") + by_delay
    heard = listening(results, summary, found, most_sound_bytes)
    load_call = f'testbed.load("{_run_folder(results.folder).name}")'
    code = script(_SCRIPTS)
    looked = looks(
        summary.schemes, (results.manifest.get("scenario") or {}).get("schemes") or (), summary.ceiling
    )
    return template("page.html").render(
        style=style() + tints(list(looked.values())),
        script=code,
        script_digest=digest(code),
        data=plain(
            _data(summary, looked, points, shown, first)
            | {
                "run": _identity(results.manifest),
                "name": (results.manifest.get("scenario") or {}).get("name", "run"),
                "folder": _run_folder(results.folder).name,
            }
            | chart_data(summary, results.manifest, points, shown, found, weighed)
        ),
        manifest=_Defaults(results.manifest),
        summary=summary,
        marks_of={name: index for index, name in enumerate(looked)},
        points=points,
        trades=by_delay,
        has_trade=bool(weighed) and bool(summary.metrics),
        delay=DELAY,
        receiver=receiver,
        points_left_out=left_out(len(points), len(known)) if len(points) < len(known) else "",
        shown=shown,
        judge=first,
        heard=heard,
        calls=plain(None if heard.data is None else heard.data | {"load": load_call}),
        load=load_call,
        answers=found,
        over=over,
        equal_bitrate={
            metric: equal_bitrate_tables(summary, metric)
            for metric in sorted(summary.metrics, key=lambda name: name != first)
        },
        equal_bitrate_about=ABOUT,
        device_explanation=EXPLANATION,
        known=len(known),
        stopped=stopped(results.manifest, summary.points),
        several=len({answer.verdict.metric for answer in found.values() if answer.leading}) > 1,
        played_from=[*RECOVERIES, "late"],
        facts=facts(results.manifest),
        made_again=reproduction(results.manifest),
        folder=_run_folder(results.folder).name,
        rows=rows(summary.table),
        pauses=any(cell.costs.get("pauses") for cell in summary.cells.values()),
        clips=len(summary.clips),
        speech=speech(results.manifest, summary.clips),
        failures=summary.failures.head(MAX_FAILURES).rename_axis("row").reset_index().to_dict("records"),
        complete=results.manifest.get("complete", True),
    )


def _run_folder(folder: Path) -> Path:
    """Return the run's folder; an unfinished run has its rows in a folder inside it."""
    whole = folder.resolve()
    return whole.parent if whole.name == WORK else whole


class _Defaults(dict[str, Any]):
    """A manifest whose missing keys are None in a template, since older runs have fewer keys."""

    def __missing__(self, key: str) -> None:
        return None


def _identity(manifest: dict[str, Any]) -> str:
    """Return a run's name, day and version, for copied text."""
    own = manifest.get("testbed") or {}
    version = own.get("version") or (manifest.get("versions") or {}).get("speech-testbed", "")
    testbed = " ".join(str(part) for part in ("testbed", version, str(own.get("commit") or "")[:10]) if part)
    name, day = (manifest.get("scenario") or {}).get("name", "run"), str(manifest.get("created") or "")[:10]
    return " · ".join(part for part in (str(name), day, testbed) if part)


def _data(
    summary: Summary,
    looked: Mapping[str, Look],
    points: Sequence[int],
    shown: int,
    first: str | None,
) -> dict[str, Any]:
    """Return the data of the page's script."""
    return {
        "schemes": [
            {
                "name": name,
                "colour": f"var(--scheme-{index})",
                "shape": look.shape,
                "ceiling": name == summary.ceiling,
            }
            for index, (name, look) in enumerate(looked.items())
        ],
        "metrics": [column_data(name) | {"better": described(name).better} for name in summary.metrics],
        "network": [column_data(name) | {"better": "lower"} for name in summary.network],
        "judge": first,
        "baseline": summary.baseline,
        "shown": shown,
        "columns": {name: column_data(name) for name in names(MEASURED)},
        "recoveries": [*RECOVERIES],
        "parts": {part: (label, f"var(--part-{part})") for part, (label, *_) in PARTS.items()},
        "shapes": SHAPES,
        "cells": [
            _cell(summary.cells[key])
            for point in points
            for scheme in summary.schemes
            if (key := (point, scheme)) in summary.cells
        ],
    }


def _cell(cell: Cell) -> dict[str, Any]:
    costs, shares = dict(cell.costs), dict(cell.shares)
    return asdict(replace(cell, costs=costs, shares=shares))
