"""The answer of a run as plain text, for the terminal and a notebook."""

import shutil
import textwrap
from collections.abc import Mapping, Sequence
from itertools import zip_longest

from testbed.errors import ResultsError
from testbed.escaping import printable
from testbed.metrics import described
from testbed.reports import labels, wording
from testbed.reports.all_points import AllPoints, over_all_points
from testbed.reports.device import EXPLANATION
from testbed.reports.equal_bitrate_table import ABOUT, EqualBitrateTable, equal_bitrate_tables
from testbed.reports.facts import facts, speech
from testbed.reports.flow_verdict import leads, verdicts
from testbed.reports.headline import Answer, answers
from testbed.reports.intervals import Interval
from testbed.reports.listed_points import left_out, listed_points
from testbed.reports.stopped import stopped
from testbed.reports.summary import DELAY, Cell, Summary, summarize
from testbed.reports.terms import wait_column
from testbed.reports.trade import trades
from testbed.reports.wording import estimate, mean
from testbed.results import CHANGES_FILE, Results, read_table
from testbed.words import aligned

_WIDEST = 110
_MOST_POINTS = 100
_NARROW = 14
"""Characters of a swept parameter's name in a line of its heading."""


def answer_text(
    results: Results,
    margins: Mapping[str, float] | None = None,
    budget_kbps: float | None = None,
    point: int | None = None,
) -> str:
    """Return the answer at one point, its table and warnings, and a table of the points of a sweep.

    Of a flow study, return the verdict on each point.

    Parameters
    ----------
    margins, budget_kbps
        See `testbed.reports.verdict.verdicts`.
    point
        Default: the scenario's own, if it is among the swept values, else the middle one.

    Raises
    ------
    ResultsError
        If the run has no rows or no such point, or a choice of schemes is asked of a flow study.
    """
    if not results.kind.has_schemes:
        if margins or budget_kbps or point is not None:
            raise ResultsError(f"{results.folder}: a flow study, which has no schemes to choose from")
        return _of_flows(results)
    if not len(results.stored):
        raise ResultsError(f"{results.folder}: the run has no rows yet")
    summary = summarize(results)
    points = sorted({point for point, _ in summary.cells})
    point = summary.own_point if point is None else point
    if point not in points:
        there = (
            f"give one of {points[0]} to {points[-1]}" if len(points) > 1 else f"the only one is {points[0]}"
        )
        raise ResultsError(f"{results.folder}: there is no point {point}; {there}")
    found = answers(summary, margins, budget_kbps, listed_points(points, summary.points, point, _MOST_POINTS))
    clips = speech(results.manifest, summary.clips)
    at = f" at {summary.label(point)}" if len(points) > 1 else ""
    over = over_all_points(summary, margins, budget_kbps) if len(points) > 1 else []
    blocks = [
        _paragraph(" · ".join([*facts(results.manifest, summary.points[point]), clips])),
        "\n".join(map(_paragraph, stopped(results.manifest, summary.points))),
        "\n".join(_table_of_points(summary, found, over, point)) if len(points) > 1 else "",
        _paragraph(left_out(len(found), len(points))) if len(found) < len(points) else "",
        _paragraph(f"The answer{at}: {found[point].lead}"),
        "\n".join(_paragraph(sentence) for sentence in found[point].more),
        "\n".join(_table_of_schemes(scheme_rows(summary, found[point], point))),
        "\n".join(_paragraph(each.lead(len(points))) for each in over),
        *(
            "\n".join(_table_at_equal_bitrate(each))
            for each in equal_bitrate_tables(summary, found[point].verdict.metric)
            if point in each.points
        ),
        "\n".join(_paragraph(f"warning: {text}", "  ") for text in _warnings(results, summary, found[point])),
    ]
    return printable("\n\n".join(block for block in blocks if block))


def _of_flows(results: Results) -> str:
    """Return the verdict on a flow study, and on each of its points."""
    changes = read_table(results.folder / CHANGES_FILE)
    found = verdicts(results.table, changes, results.manifest.get("points") or [])
    said = leads(found)
    shown = found[:_MOST_POINTS] if len(found) > len(said) else []
    blocks = [
        *map(_paragraph, said),
        "\n".join(_paragraph(each.sentence, "  ") for each in shown),
        "\n".join(_paragraph(f"warning: {text}", "  ") for text in results.manifest.get("warnings") or ()),
    ]
    return printable("\n\n".join(block for block in blocks if block))


def _warnings(results: Results, summary: Summary, answer: Answer) -> list[str]:
    warnings = [] if results.manifest.get("complete", True) else ["the run is not complete"]
    return [*warnings, *summary.warnings, *answer.diagnoses]


def _table_of_points(
    summary: Summary, found: Mapping[int, Answer], over: Sequence[AllPoints], chosen: int
) -> list[str]:
    headings, places = labels.point_columns(list(found), summary.points)
    judges = {answer.verdict.metric for answer in found.values() if answer.leading}
    above = list(zip_longest(*(textwrap.wrap(heading, _NARROW)[::-1] for heading in headings), fillvalue=""))
    measured = ["wire_kbps", *([DELAY] if trades(summary, list(found), DELAY) else [])]
    metric = ["Score"] if len(judges) != 1 else [described(str(*judges)).heading]
    costs = (*metric, "Gain", *(labels.column(name).heading for name in measured))
    before = ("Scheme" if summary.only else "Use", *(["Metric"] if len(judges) > 1 else []))
    rows = [("", *words, *("" for _ in (*before, *costs))) for words in above[:0:-1]]
    rows.append(("", *above[0], *before, *costs))
    shown = [
        (">" if point == chosen else "", at, answer, summary, point)
        for (point, answer), at in zip(found.items(), places, strict=True)
    ]
    points = len({point for point, _ in summary.cells})
    blank = [""] * (len(headings) - 1)
    shown += [("", [each.label(points), *blank], each.answer, each.summary, 0) for each in over]
    for mark, at, answer, about, point in shown:
        cell, metric_name = about.cells.get((point, answer.leading or "")), answer.verdict.metric or ""
        if cell is None:
            rows.append((mark, *at, *("–" for _ in (*before, *costs))))
            continue
        use = cell.title if answer.recommended or about.only else f"({cell.title})"
        judge = [described(metric_name).label] if len(judges) > 1 else []
        score = _score(cell.scores.get(metric_name), metric_name)
        gain = _score(cell.gains.get(metric_name), metric_name, sign=True)
        rows.append((mark, *at, use, *judge, score, gain, *(_cost(cell, name) for name in measured)))
    lines = aligned(rows, right=range(len(rows[0]) - len(costs), len(rows[0])))
    if any(answer.leading and not (answer.recommended or about.only) for _, _, answer, about, _ in shown):
        lines.append("In brackets: the best mean, where the calls do not show which scheme to use.")
    return lines


def scheme_rows(summary: Summary, answer: Answer, point: int) -> list[tuple[str, ...]]:
    """Return the table of the schemes at a point, its heading first; empty without a metric."""
    metric, choice = answer.verdict.metric, answer.verdict.choice
    if metric is None:
        return []
    judge = described(metric)
    wait = wait_column(summary, point, metric)
    costs = [labels.column(name).heading for name in ("wire_kbps", wait)]
    has_device = any(summary.cells[key].device for key in summary.cells if key[0] == point)
    device = ["Device"] if has_device else []
    rows: list[tuple[str, ...]] = [("Scheme", judge.heading, "Gain", *costs, *device, "")]
    for scheme in summary.schemes:
        cell = summary.cells.get((point, scheme))
        if cell is None:
            continue
        verdict = ""
        if choice is not None and answer.verdict.shows_loss and len(choice.ranked) > 1:
            verdict = "in the running" if choice.has_order and scheme in choice.running else ""
            verdict = "as good as the best" if scheme in choice.equals else verdict
        verdict = "use this" if scheme == answer.recommended else verdict
        unsent = "redundancy not sent" if cell.is_unsent else ""
        score = cell.scores.get(metric)
        rows.append(
            (
                scheme,
                "–" if score is None else estimate(score, judge.decimals),
                _score(cell.gains.get(metric), metric, sign=True) if scheme != summary.ceiling else "",
                _cost(cell, "wire_kbps"),
                _cost(cell, wait) if scheme != summary.ceiling else "",
                *([_device(cell, scheme == summary.ceiling)] if has_device else []),
                "; ".join([*([verdict] if verdict else []), *cell.marks]) or unsent,
            )
        )
    return rows


def _table_of_schemes(rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    lines = aligned(rows, right=range(1, len(rows[0]) - 1))
    return [*lines, "", _paragraph(EXPLANATION)] if "Device" in rows[0] else lines


def _table_at_equal_bitrate(table: EqualBitrateTable) -> list[str]:
    rows = aligned([table.headings, *table.rows], right=range(1, len(table.headings)))
    return [f"At equal bitrate: {table.title}", *rows, *map(_paragraph, (*table.notes, ABOUT))]


def _score(value: Interval | None, metric: str, sign: bool = False) -> str:
    return "–" if value is None else mean(value, described(metric).decimals, sign)


def _device(cell: Cell, is_ceiling: bool) -> str:
    return "" if is_ceiling else str(cell.device or "–")


def _cost(cell: Cell, column: str) -> str:
    return wording.cell(cell.costs.get(column), labels.column(column))


def _paragraph(text: str, further: str = "") -> str:
    width = min(_WIDEST, shutil.get_terminal_size((100, 24)).columns)
    lines = textwrap.fill(
        wording.unbroken(text),
        width,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines.replace("\u00a0", " ")
