"""One figure of a run, for a paper or a slide: any column against any other, one line a group."""

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from testbed.errors import ResultsError
from testbed.files import written_whole
from testbed.reports import labels
from testbed.reports.colours import CEILING_COLOUR, colours
from testbed.reports.flows import CONTROLLED
from testbed.reports.intervals import Interval, interval
from testbed.reports.published import published
from testbed.reports.summary import CEILING
from testbed.results import Results, load

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

SUFFIXES = (".svg", ".png", ".pdf")
_MARKERS = "os^Dv"
_PUBLISHED_COLOUR = "#7a8490"
_ASKED = ("dred_asked_ms",)
"""Columns that say what a scheme asks for: they have few values, like a swept parameter."""


def plot(run_dir: Path, x: str, y: str, by: str, output: Path) -> Path:
    """Draw the mean of `y` against `x` with its 95 % interval, one line for each value of `by`.

    What has been published of these columns is marked beside it; see `testbed.reports.published`.

    Parameters
    ----------
    run_dir
        What `testbed run` left.
    x
        A column. A swept parameter, and the depth of DRED asked for, stand at their values; what was
        measured, such as ``wire_kbps``, at its mean over the same calls; text, such as ``scheme``, at one
        place a word.
    y
        A numeric column.
    by
        A column whose values are told apart. Where neither it nor `x` is ``scheme``, the no-loss ceiling is
        a group of its own.
    output
        File to write; its suffix is one of `SUFFIXES`.

    Returns
    -------
    Path
        `output`.

    Raises
    ------
    ResultsError
        If the run cannot be read, a column does not exist or holds no numbers, or the suffix is another one.
    """
    output = Path(output)
    if output.suffix.lower() not in SUFFIXES:
        raise ResultsError(f"{output}: give a file that ends in {', '.join(SUFFIXES)}")
    results = load(Path(run_dir))
    for option, column in (("x", x), ("y", y), ("by", by)):
        _check_column(results, option, column)
    if not _numeric(results.table[y]) or not results.table[y].notna().any():
        numbers = [str(name) for name in results.table if _numeric(results.table[name])]
        raise ResultsError(f"--y {y}: holds no numbers; {_nearest(y, numbers)}")
    _draw(results, x, y, by, output)
    return output


def groups(results: Results, x: str, y: str, by: str) -> dict[str, list[tuple[Any, Interval]]]:
    """Return what is drawn: for each group, its places on the x axis and the mean of `y` there.

    Of a flow study only the flows that follow a controller are drawn, unless it is about single flows.
    """
    table = results.table
    of_flows = results.manifest.get("kind") == "flows"
    if of_flows and not {"flow", "kind"} & {x, by}:
        table = table[table["kind"].isin(CONTROLLED)]
    # What is drawn at random: a clip and then its channel; in a flow study a run, in which there are flows.
    unit = ["realization", "flow"] if of_flows else ["clip", "realization"]
    name = table[by].map(str)
    if not of_flows and "scheme" not in (by, x):
        name = name.mask(table["scheme"] == CEILING, CEILING)
    at_values = x in results.manifest.get("swept", []) or x in _ASKED or not _numeric(table[x])
    lines: dict[str, list[tuple[Any, Interval]]] = {}
    for group in dict.fromkeys(name):
        mine = table[name == group]
        for value, rows in mine.groupby(x if at_values else "point", sort=True):
            column = rows.groupby(unit)[y].mean().rename_axis(["clip", "realization"])
            mean = interval(column, labels.BOUNDS.get(y))
            place = value if at_values else rows[x].mean()
            if mean is not None and not pd.isna(place):
                lines.setdefault(str(group), []).append((place, mean))
    return lines


def _draw(results: Results, x: str, y: str, by: str, output: Path) -> None:
    import matplotlib
    from matplotlib.figure import Figure

    lines = groups(results, x, y, by)
    if not lines:
        raise ResultsError(f"--x {x}: holds no numbers where {y} has any")
    order = results.manifest.get("scheme_names") if by == "scheme" else None
    tint = colours(list(order or lines) + [name for name in lines if name not in (order or lines)])
    words = list(dict.fromkeys(map(str, results.table[x]))) if not _numeric(results.table[x]) else []
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "testbed", "font.size": 10}):
        figure = Figure(figsize=(8, 5), layout="constrained")
        axes = figure.subplots()
        drawn = []
        for index, (name, points) in enumerate(lines.items()):
            shift = 0.5 * (index / max(1, len(lines) - 1) - 0.5) if len(lines) > 1 and by != x else 0.0
            places = [words.index(str(place)) + shift if words else float(place) for place, _ in points]
            means = [mean for _, mean in points]
            drawn.append(_line(axes, places, means, tint[name], index, name == CEILING, bool(words)))
        marked = published(x, y, axes.get_xlim()[1])
        for mark in marked:
            line = "*" if len(mark.places) == 1 else ":"
            drawn += axes.plot(
                mark.places, mark.values, line, color=_PUBLISHED_COLOUR, markersize=11, zorder=3
            )
        named = [*lines, *(mark.label for mark in marked)]
        if words:
            axes.set_xticks(range(len(words)), words, rotation=30, ha="right", parse_math=False)
        axes.set_xlabel(labels.axis(x), parse_math=False)
        axes.set_ylabel(labels.axis(y), parse_math=False)
        axes.grid(color="#eef1f4")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        # Numbers first and names after, because matplotlib hides names with a leading underscore.
        numbers = [str(index) for index in range(len(named))]
        legend = figure.legend(
            drawn, numbers, title=labels.axis(by), loc="outside right upper", frameon=False
        )
        for text, name in zip(legend.get_texts(), named, strict=True):
            text.set_text(name)
            text.set_parse_math(False)
        with written_whole(output) as temporary:
            figure.savefig(temporary, dpi=200, metadata=_undated(output.suffix.lower()))


def _line(
    axes: "Axes",
    places: list[float],
    means: list[Interval],
    colour: str,
    index: int,
    ceiling: bool,
    words: bool,
) -> "Line2D":
    known = [(0.0, 0.0) if m.low != m.low else (m.mean - m.low, m.high - m.mean) for m in means]
    line: Line2D = axes.errorbar(
        places,
        [mean.mean for mean in means],
        yerr=[[max(0.0, down) for down, _ in known], [max(0.0, up) for _, up in known]],
        color=CEILING_COLOUR if ceiling else colour,
        marker=_MARKERS[index % len(_MARKERS)],
        markersize=5,
        linestyle="none" if words else "--" if ceiling else "-",
        linewidth=1.6,
        elinewidth=0.9,
        capsize=2.5,
    )[0]
    return line


def _undated(suffix: str) -> dict[str, None]:
    """Return metadata that leave the date out, so that the same run gives the same file."""
    return {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(suffix, {})


def _numeric(column: "pd.Series[Any]") -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _check_column(results: Results, option: str, column: str) -> None:
    if column not in results.table:
        names = [str(name) for name in results.table]
        raise ResultsError(
            f"--{option} {column}: {results.folder} has no such column; {_nearest(column, names)}"
        )


def _nearest(column: str, names: list[str]) -> str:
    close = difflib.get_close_matches(column, names, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(names)}"
