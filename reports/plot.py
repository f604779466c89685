"""One figure of a run, for a paper or a slide: any column against any other, one line per group."""

import math
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from testbed.errors import ResultsError
from testbed.escaping import printable
from testbed.figures import STYLE, save
from testbed.metrics import described
from testbed.reports import labels
from testbed.reports.colours import Look, looks, looks_in_order
from testbed.reports.gained import gained
from testbed.reports.intervals import Interval
from testbed.reports.lines import Lines, lines, numeric
from testbed.reports.published import published
from testbed.reports.selection import check_column, shown, where
from testbed.reports.shapes import SHAPES
from testbed.results import Results, load
from testbed.words import counted, suggestion

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

    from testbed.reports.inline_figure import InlineFigure

SUFFIXES = (".svg", ".png", ".pdf")
MOST_PANELS = 24
_PUBLISHED_COLOUR = "#7a8490"
_NAMED = 4
"""Number of pooled values that the figure names."""


def plot(
    run_dir: Path,
    x: str,
    y: str,
    by: str,
    output: Path,
    conditions: Sequence[str] = (),
    facet: str | None = None,
    gain: bool = False,
    on_note: Callable[[str], None] = lambda note: None,
) -> Path:
    """Write the figure of `figure_of` to a file and return its path.

    Parameters
    ----------
    run_dir
        The folder that `testbed run` wrote.
    output
        File to write; its suffix is one of `SUFFIXES`.
    on_note
        Called with each note that the figure has about its means.

    Raises
    ------
    ResultsError
        The run cannot be read or drawn, or the suffix is another one.
    """
    output = figure_file(Path(output))
    figure, notes = figure_of(load(Path(run_dir)), x, y, by, conditions, facet, gain)
    for note in notes:
        on_note(note)
    save(figure, output, dpi=200)
    return output


def figure_file(path: Path) -> Path:
    """Return the path of a figure; ResultsError if its suffix is none of `SUFFIXES`."""
    if path.suffix.lower() not in SUFFIXES:
        raise ResultsError(f"{path}: give a file that ends in {' or '.join(SUFFIXES)}")
    return path


def figure_of(
    results: Results,
    x: str,
    y: str,
    by: str,
    conditions: Sequence[str] = (),
    facet: str | None = None,
    gain: bool = False,
) -> "tuple[InlineFigure, list[str]]":
    """Draw the mean of `y` against `x` with its 95 % interval, one line per value of `by`.

    The figure has the number of calls of each mean, and the values that a mean pools besides clips and
    realizations. Published figures of these columns are marked; see `testbed.reports.published`.

    Parameters
    ----------
    x
        A column. Swept parameters and the requested depth of DRED are drawn at their values; measured
        columns, such as ``wire_kbps``, at their mean over the same calls; text, such as ``scheme``, at one
        place per word.
    y
        A numeric column.
    by
        A column; each of its values gets a line. If neither it nor `x` is ``scheme``, the ceiling is a line
        of its own.
    conditions
        ``"column=value"`` each: only rows that meet them are drawn; see `testbed.reports.selection.where`.
    facet
        A column; each of its values gets a panel.
    gain
        Whether `y`, a metric, is drawn as the gain over the baseline, call by call.

    Returns
    -------
    tuple
        The figure, and its notes about the means.

    Raises
    ------
    ResultsError
        A column does not exist or holds no numbers, no row meets the conditions, or there are too
        many panels.
    """
    for option, column in (("--x", x), ("--y", y), ("--by", by), ("--facet", facet)):
        if column is not None:
            check_column(results, option, column)
    if not numeric(results.table[y]) or not results.table[y].notna().any():
        numbers = [str(name) for name in results.table if numeric(results.table[name])]
        raise ResultsError(f"--y {y}: holds no numbers{suggestion(y, numbers)}")
    title = labels.axis(y)
    if gain:
        results, baseline = gained(results, y)
        title = f"{described(y).label} gained over {baseline}"
    results = where(results, conditions)
    panels = {
        name: lines(part, x, y, by, None if gain else described(y).bounds)
        for name, part in _parts(results, facet).items()
    }
    panels = {name: made for name, made in panels.items() if made.points}
    if not panels:
        raise ResultsError(f"--x {x}: holds no numbers where {y} has any")
    notes = _notes(results, list(panels.values()), conditions)
    return _drawn(results, panels, x, None if gain else y, title, by, notes), notes


def _parts(results: Results, facet: str | None) -> dict[str, Results]:
    """Return the rows of each panel."""
    if facet is None:
        return {"": results}
    values = results.table[facet].map(shown)
    names = list(dict.fromkeys(values))
    if len(names) > MOST_PANELS:
        raise ResultsError(
            f"--facet {facet}: {len(names)} values, at most {MOST_PANELS} panels; choose some with --where"
        )
    return {
        f"{printable(labels.axis(facet))}: {name}": results.with_rows(results.table[values == name])
        for name in names
    }


def _notes(results: Results, panels: Sequence[Lines], conditions: Sequence[str]) -> list[str]:
    """Return the notes about the means: the rows, their number, and the values that they pool."""
    means = _many([calls for made in panels for calls in made.calls], results.kind.row)
    if results.kind.has_schemes:
        means += f" of {_many([clips for made in panels for clips in made.clips], 'clip')}"
    notes = [f"Each mean is over {means}."]
    if conditions:
        notes.append(f"Only rows with {', '.join(conditions)}.")
    for name in dict.fromkeys(name for made in panels for name in made.pooled):
        values = list(dict.fromkeys(value for made in panels for value in made.pooled.get(name, [])))
        named = ", ".join(values[:_NAMED]) + (", …" if len(values) > _NAMED else "")
        notes.append(
            f"Means pool {len(values)} values of {name} ({named}): "
            f"choose one with --where {name}=…, or draw each with --facet {name}."
        )
    for keys in dict.fromkeys(tuple(made.scattered) for made in panels if made.scattered):
        notes.append(
            f"No line joins points, which differ in {' and '.join(keys)}: choose with --where or --facet."
        )
    if left_out := dict.fromkeys(name for made in panels for name in made.left_out):
        notes.append(f"Without {', '.join(left_out)}.")
    return notes


def _many(counts: Sequence[int], what: str) -> str:
    """Return ``8 calls``, or ``6 to 8 calls``."""
    fewest, most = min(counts), max(counts)
    return counted(most, what) if fewest == most else f"{fewest} to {counted(most, what)}"


def _drawn(
    results: Results,
    panels: dict[str, Lines],
    x: str,
    y: str | None,
    title: str,
    by: str,
    notes: Sequence[str],
) -> "InlineFigure":
    """Draw the panels; `y` names the column that published figures are of, if any."""
    import matplotlib

    from testbed.reports.inline_figure import InlineFigure

    names = list(dict.fromkeys(name for made in panels.values() for name in made.points))
    if by == "scheme":
        known = dict.fromkeys([*(results.manifest.get("scheme_names") or ()), *names])
        entries = (results.manifest.get("scenario") or {}).get("schemes") or ()
        looked = looks(list(known), entries, results.ceiling)
    else:
        looked = looks_in_order(names, results.ceiling)
    words = [] if numeric(results.table[x]) else list(dict.fromkeys(map(shown, results.table[x])))
    columns = math.ceil(math.sqrt(len(panels)))
    rows = math.ceil(len(panels) / columns)
    size = (8.0, 5.4) if len(panels) == 1 else (2.2 + 3.4 * columns, 1.2 + 2.8 * rows)
    with matplotlib.rc_context(STYLE):
        figure = InlineFigure(figsize=size, layout="constrained")
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        drawn: dict[str, Line2D] = {}
        for axes, (panel, made) in zip(grid, panels.items(), strict=False):
            drawn = _panel(axes, made, names, looked, results.ceiling, words, by != x) | drawn
            for mark in published(x, y, axes.get_xlim()[1]) if y else ():
                line = "*" if len(mark.places) == 1 else ":"
                drawn[mark.label] = axes.plot(
                    mark.places, mark.values, line, color=_PUBLISHED_COLOUR, markersize=11, zorder=3
                )[0]
            if words:
                axes.set_xticks(range(len(words)), words, rotation=30, ha="right")
            axes.set_title(panel, fontsize=10)
            axes.grid(color="#eef1f4")
            axes.set_axisbelow(True)
            axes.spines[["top", "right"]].set_visible(False)
        for axes in grid[len(panels) :]:
            axes.set_visible(False)
        for axes in grid[::columns]:
            axes.set_ylabel(printable(title))
        for number, axes in enumerate(grid[: len(panels)]):
            if number + columns >= len(panels):
                axes.set_xlabel(printable(labels.axis(x)))
                axes.tick_params(labelbottom=True)
        # Numbers first and names after, because matplotlib hides names with a leading underscore.
        legend = figure.legend(
            drawn.values(),
            [str(index) for index in range(len(drawn))],
            title=printable(labels.axis(by)),
            loc="outside right upper",
            frameon=False,
        )
        for entry, name in zip(legend.get_texts(), drawn, strict=True):
            entry.set_text(name)
        named = str((results.manifest.get("scenario") or {}).get("name", "run"))
        figure.suptitle(printable(named), fontsize=12)
        width = int(14 * size[0])
        below = "\n".join(line for note in notes for line in textwrap.wrap(printable(note), width))
        figure.supxlabel(below, x=0.01, ha="left", fontsize=8, color="#57606a")
    return figure


def _panel(
    axes: "Axes",
    made: Lines,
    names: Sequence[str],
    looked: dict[str, Look],
    ceiling: str | None,
    words: Sequence[str],
    apart: bool,
) -> dict[str, "Line2D"]:
    """Draw the lines of one panel and return the legend's entry of each."""
    drawn = {}
    for name, points in made.points.items():
        index = names.index(name)
        look = looked[name]
        if name in made.beside and len(points) == 1 and not words:
            drawn[name] = axes.axhline(points[0][1].mean, color=look.colour, linestyle="--", linewidth=1.4)
            continue
        shift = 0.5 * (index / (len(names) - 1) - 0.5) if len(names) > 1 and apart else 0.0
        places = [words.index(shown(place)) + shift if words else float(place) for place, _ in points]
        style = "none" if words or made.scattered else "--" if name in made.beside or name == ceiling else "-"
        drawn[name] = _line(axes, places, [mean for _, mean in points], look, style)
    return drawn


def _line(axes: "Axes", places: list[float], means: list[Interval], look: Look, style: str) -> "Line2D":
    known = [(0.0, 0.0) if m.low != m.low else (m.mean - m.low, m.high - m.mean) for m in means]
    line: Line2D = axes.errorbar(
        places,
        [mean.mean for mean in means],
        yerr=[[max(0.0, down) for down, _ in known], [max(0.0, up) for _, up in known]],
        color=look.colour,
        marker=SHAPES[look.shape],
        markersize=5,
        linestyle=style,
        linewidth=1.6,
        elinewidth=0.9,
        capsize=2.5,
    )[0]
    return line
