"""A comparison of two runs as plain text."""

import math
import shutil
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from testbed.columns import Column
from testbed.escaping import printable
from testbed.metrics import METRICS, described
from testbed.reports import labels
from testbed.words import aligned, counted, shortened

if TYPE_CHECKING:
    from testbed.reports.comparison import Comparison

_MOST_ROWS = 60
_MOST_KEYS = 40
_WIDEST_VALUE = 40
_WIDEST = 110


def comparison_text(comparison: "Comparison") -> str:
    """Return what differs in the making, how rows are paired, and a table of differences per column."""
    blocks = [
        "\n".join(f"{name}  {run!r}" for name, run in (("A", comparison.a), ("B", comparison.b))),
        "\n".join(_made(comparison)),
        "\n".join(map(_paragraph, _matched(comparison))),
        *("\n".join(_table(comparison, column)) for column in comparison.columns),
    ]
    return printable("\n\n".join(block for block in blocks if block))


def _made(comparison: "Comparison") -> list[str]:
    made = comparison.made
    if not made:
        return ["Scenario, versions and files are the same."]
    rows = [("What differs", "A", "B")]
    rows += [(each.key, _shown(each.a), _shown(each.b)) for each in made[:_MOST_KEYS]]
    more = [f"and {counted(len(made) - _MOST_KEYS, 'more difference')}"] if len(made) > _MOST_KEYS else []
    return [*aligned(rows), *more]


def _matched(comparison: "Comparison") -> Iterator[str]:
    """Yield sentences: which rows are equal, and what a difference pairs."""
    kind = comparison.a.kind
    equal, total, columns = comparison.equal_rows
    if total:
        what = {total: "all", 0: "none"}.get(equal, str(equal))
        rest = f"; {'the' if equal else 'they'}{' others' if equal else ''} differ in {shortened(columns, 5)}"
        yield f"{counted(total, 'row')} in both, {what} equal digit for digit{rest if columns else ''}."
    if comparison.is_paired and comparison.has_same_draws:
        for name, run in (("A", comparison.a), ("B", comparison.b)):
            alone = len(run.table) - total
            if alone:
                yield f"{counted(alone, 'row')} of {name} alone: in no mean or difference below."
    if not comparison.is_paired:
        yield (
            "The runs share no clips" if kind.has_schemes else "The seeds differ"
        ) + ": differences are between means of different samples, not pairs."
    elif kind.has_schemes:
        clips = max(len(run.manifest.get("clips") or ()) for run in (comparison.a, comparison.b))
        each = "clip and realization" if comparison.has_same_draws else "clip, since the seeds differ"
        yield f"Differences are paired by {each}; {_of(len(comparison.clips), clips)} are in both."
    left = [
        run.manifest.get("points") or [{}]
        for run in (comparison.a, comparison.b)
        if len(run.manifest.get("points") or [{}]) > len(comparison.points)
    ]
    if left:
        yield f"{counted(len(comparison.points), 'point')} of {max(map(len, left))} are in both."
    over = "clips" if kind.has_schemes else "realizations"
    yield f"B - A has its 95 % interval over {over}; the intervals are not simultaneous."


def _of(some: int, all_: int) -> str:
    return f"all {counted(some, 'clip')}" if some == all_ else f"{some} of {counted(all_, 'clip')}"


def _table(comparison: "Comparison", column: str) -> list[str]:
    rows = comparison.table
    rows = rows[rows["column"] == column] if len(rows) else rows
    if not len(rows):
        return []
    declared = labels.column(column)
    several = len(comparison.points) > 1
    subject = comparison.a.kind.subject
    head = (*(["At"] if several else []), subject.capitalize(), "A", "B", "B - A", "95 % interval", "")
    judged = [_judged(row, column) for _, row in rows.iterrows()]
    lines = [head]
    for (_, row), verdict in zip(rows.head(_MOST_ROWS).iterrows(), judged, strict=False):
        at = [labels.point(comparison.a.manifest["points"][int(row["point_a"])])] if several else []
        lines.append((*at, str(row[subject]), *_numbers(row, declared), verdict))
    more = len(rows) - _MOST_ROWS
    first = 2 if several else 1
    return [
        f"{declared.axis}: {_counts(judged)}",
        *aligned(lines, right=range(first, first + 3)),
        *([f"and {counted(more, 'more row')}: --csv writes all"] if more > 0 else []),
    ]


def _counts(judged: list[str]) -> str:
    """Return how many rows have each verdict: ``B better in 3 of 6, not significant in 3``."""
    names = [*dict.fromkeys(judged)]
    said = [f"{name or 'not significant'} in {judged.count(name)}" for name in sorted(names, reverse=True)]
    return f"{', '.join(said)} of {len(judged)}"


def _numbers(row: "pd.Series[float]", column: Column) -> tuple[str, str, str, str]:
    digits = column.decimals
    interval = ""
    if math.isfinite(row["low"]):
        interval = f"[{row['low']:+.{digits}f} to {row['high']:+.{digits}f}]".replace("-", "−")
    difference = f"{row['difference']:+.{digits}f}".replace("-", "−")
    return f"{row['a']:.{digits}f}", f"{row['b']:.{digits}f}", difference, interval


def _judged(row: "pd.Series[float]", column: str) -> str:
    """Return which run is better or has more, where the interval excludes 0."""
    low, high = float(row["low"]), float(row["high"])
    if not math.isfinite(low):
        return "no interval"
    if low <= 0 <= high:
        return "equal" if low == high == 0 else ""
    if column not in METRICS:
        return "B more" if low > 0 else "B less"
    return "B better" if (low > 0) == (described(column).better == "higher") else "B worse"


def _shown(value: str) -> str:
    return value if len(value) <= _WIDEST_VALUE else f"{value[: _WIDEST_VALUE - 1]}…"


def _paragraph(text: str) -> str:
    width = min(_WIDEST, shutil.get_terminal_size((100, 24)).columns)
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)
