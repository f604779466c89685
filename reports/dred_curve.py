"""Curves of DRED networks: their differences at equal bitrate and quality, in words and as figures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from testbed.escaping import printable
from testbed.figures import STYLE
from testbed.metrics import described
from testbed.reports.colours import CEILING, looks_in_order
from testbed.reports.intervals import Interval, Sample, interval
from testbed.reports.rate_curve import Difference, RateCurve, differences, weights
from testbed.reports.shapes import SHAPES
from testbed.reports.wording import estimate, number
from testbed.words import aligned, counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from testbed.reports.inline_figure import InlineFigure

DISTORTION = "distortion"
MEASURES = (DISTORTION, "pesq_wb", "estoi")
_KBPS = "DRED of one second (kb/s)"


@dataclass(frozen=True)
class NetworkDifference:
    """A network compared with the first one by one measure.

    Attributes
    ----------
    bitrate
        Its bitrate relative to the first's, minus 1, at equal quality (BD-rate). Negative is cheaper.
    quality
        Its gain at equal bitrate (BD-quality): of scores in their unit, of the distortion in dB. Positive is
        better.
    """

    network: str
    measure: str
    bitrate: Difference
    quality: Difference


def networks_of(table: pd.DataFrame) -> list[str]:
    """Return the names of the networks, in order; the features before coding (level -1) are none."""
    return list(dict.fromkeys(table.loc[table["level"] >= 0, "network"]))


def compare(table: pd.DataFrame) -> list[NetworkDifference]:
    """Compare each network with the first one, by the levels of which none cheaper is as good.

    Parameters
    ----------
    table
        From `testbed.dred_curve.measure_curve`; each network with the same clips.
    """
    first, *others = networks_of(table)
    return [
        NetworkDifference(
            name, measure, *differences(_curve(table, name, measure), _curve(table, first, measure))
        )
        for name in others
        for measure in MEASURES
    ]


def _curve(table: pd.DataFrame, network: str, measure: str) -> RateCurve:
    rows = table[(table["network"] == network) & (table["level"] >= 0) & table[measure].notna()]
    kbps, values = (rows.pivot(index="clip", columns="level", values=name) for name in ("kbps", measure))
    drawn = weights(len(kbps))
    rates, means = (_means(drawn, each) for each in (kbps, values))
    with np.errstate(divide="ignore"):
        qualities = -10 * np.log10(means) if measure == DISTORTION else described(measure).sign * means
    kept = [*_better(rates, qualities)]
    return RateCurve(network, np.log(rates)[:, kept], qualities[:, kept], len(rows), len(kbps), len(kbps))


def _better(rates: NDArray[np.float64], qualities: NDArray[np.float64]) -> Iterator[int]:
    """Yield the levels by rising bitrate, without those that cost more than the one before and are no better.

    In every resample, that is: else the differences of a resample would not be defined.
    """
    last = None
    for level in np.argsort(rates[0], kind="stable").tolist():
        if last is None or all((each[:, level] > each[:, last]).all() for each in (rates, qualities)):
            yield level
            last = level


def _means(drawn: NDArray[np.float64], values: pd.DataFrame) -> NDArray[np.float64]:
    """Return the weighted means over clips, (rows, levels)."""
    means: NDArray[np.float64] = drawn @ values.to_numpy(float) / drawn.sum(axis=1, keepdims=True)
    return means


def curve_rows(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return the means of each network and level as words, after a row of headings."""
    head = ("network", "level", "bits per 40 ms", "bits of state", "kb/s", "distortion", "PESQ-WB", "ESTOI")
    rows: list[tuple[str, ...]] = [head]
    for _, part in table.groupby(["network", "level"], sort=False):
        level, means = int(part["level"].iloc[0]), part.mean(numeric_only=True)
        coded = [number(means[column], digits) for column, digits in _CODED] if level >= 0 else ["–"] * 4
        scores = [number(means[metric], described(metric).decimals) for metric in MEASURES[1:]]
        rows.append((part["network"].iloc[0], str(level) if level >= 0 else "–", *coded, *scores))
    return rows


_CODED = (("latent_bits", 1), ("state_bits", 0), ("kbps", 3), (DISTORTION, 3))


def difference_rows(found: Sequence[NetworkDifference]) -> list[tuple[str, str, str, str]]:
    """Return the differences as words, after a row of headings."""
    rows = [("network", "measure", "bitrate at equal quality", "gain at equal bitrate")]
    for each in found:
        digits = 2 if each.measure == DISTORTION else described(each.measure).decimals
        unit = " dB" if each.measure == DISTORTION else ""
        bitrate, quality = each.bitrate.value, each.quality.value
        cost = _percent(bitrate) if bitrate else f"not defined: {each.bitrate.reason}"
        gain = estimate(quality, digits, True) + unit if quality else f"not defined: {each.quality.reason}"
        rows.append((each.network, _title(each.measure), cost, gain))
    return rows


def curve_text(table: pd.DataFrame) -> str:
    """Return the curve and the differences for a terminal."""
    names = networks_of(table)
    lines = aligned(curve_rows(table), right=set(range(1, 8)))
    lines += ["", f"{_clips(table)} kb/s: DRED of one second, its state included."]
    if len(names) > 1:
        lines += ["", f"Compared with {names[0]}, with 95 % intervals over clips:"]
        lines += aligned(difference_rows(compare(table)))
    return "\n".join(lines)


def age_rows(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return the means of each network and age as words, after a row of headings."""
    head = ("network", "age (ms)", "level", "bits per 40 ms", "distortion", "at constant level", "distortion")
    rows: list[tuple[str, ...]] = [head]
    grows = table[table["dq"] > 0]
    for (name, age), part in grows.groupby(["network", "age_ms"], sort=False):
        stays = table[(table["dq"] == 0) & (table["network"] == name) & (table["age_ms"] == age)]
        cells = [
            number(each[column].mean(), digits)
            for each in (part, stays)
            for column, digits in (("latent_bits", 1), (DISTORTION, 3))
        ]
        rows.append((str(name), str(age), str(part["level"].iloc[0]), *cells))
    return rows


def age_text(table: pd.DataFrame) -> str:
    """Return distortion by age for a terminal."""
    return "\n".join([*aligned(age_rows(table), right=set(range(1, 7))), "", _clips(table)])


def _clips(table: pd.DataFrame) -> str:
    speakers = ", ".join(sorted(set(table["speaker"]) - {""}))
    return f"Means over {counted(table['clip'].nunique(), 'clip')}{f' of {speakers}' if speakers else ''}."


def curve_figure(table: pd.DataFrame) -> "InlineFigure":
    """Draw distortion, PESQ-WB and ESTOI against the bitrate, one line per network."""
    figure, panels = _figure(len(MEASURES))
    for axes, measure in zip(panels, MEASURES, strict=True):
        for name, (colour, shape) in _looks(table).items():
            rows = table[(table["network"] == name) & (table["level"] >= 0)]
            _line(axes, rows, "level", "kbps", measure, colour, shape, "-", name)
        if measure != DISTORTION:
            bound = table.loc[table["level"] < 0]
            for name in dict.fromkeys(bound["network"]):
                axes.axhline(bound[measure].mean(), color=CEILING.colour, linestyle="--", lw=1.2, label=name)
        axes.set_xscale("log")
        _plain_numbers(axes.xaxis)
        _finish(axes, _KBPS, _title(measure), logarithmic=measure == DISTORTION)
    _legend(figure, panels[-1])
    return figure


def age_figure(table: pd.DataFrame) -> "InlineFigure":
    """Draw distortion and bits against age, with levels that grow (solid) and that stay (dashed)."""
    figure, panels = _figure(2)
    titles = ((DISTORTION, "distortion"), ("latent_bits", "bits per 40 ms"))
    for axes, (column, title) in zip(panels, titles, strict=True):
        for name, (colour, shape) in _looks(table).items():
            for growth in sorted(set(table["dq"]), reverse=True):
                rows = table[(table["network"] == name) & (table["dq"] == growth)]
                label = name if growth else f"{name}, level constant"
                _line(axes, rows, "age_ms", "age_ms", column, colour, shape, "-" if growth else "--", label)
        _finish(axes, "age (ms)", title, logarithmic=column == DISTORTION)
    _legend(figure, panels[0])
    return figure


def _line(
    axes: "Axes", rows: pd.DataFrame, by: str, x: str, y: str, colour: str, shape: int, style: str, label: str
) -> None:
    """Draw the means of `y` with their intervals over clips."""
    found: list[tuple[float, Interval]] = []
    for _, part in rows[rows[y].notna()].groupby(by):
        clips = part["clip"].to_numpy(str)
        bounds = described(y).bounds if y in MEASURES[1:] else (0.0, np.inf)
        mean = interval(part[y].to_numpy(float), Sample(clips, clips), bounds)
        if mean is not None:
            found.append((float(part[x].mean()), mean))
    # A mean below the metric's bounds, as ESTOI has of noise, lies outside its interval.
    ends = [
        (max(0.0, m.mean - m.low), max(0.0, m.high - m.mean)) if m.is_known else (0.0, 0.0) for _, m in found
    ]
    axes.errorbar(
        [place for place, _ in found],
        [mean.mean for _, mean in found],
        yerr=np.transpose(ends),
        color=colour,
        marker=SHAPES[shape],
        markersize=4,
        linestyle=style,
        linewidth=1.4,
        elinewidth=0.8,
        label=printable(label),
    )


def _looks(table: pd.DataFrame) -> dict[str, tuple[str, int]]:
    return {name: (look.colour, look.shape) for name, look in looks_in_order(networks_of(table)).items()}


def _figure(panels: int) -> "tuple[InlineFigure, list[Axes]]":
    import matplotlib

    from testbed.reports.inline_figure import InlineFigure

    with matplotlib.rc_context(STYLE):
        figure = InlineFigure(figsize=(10.8, 3.8), layout="constrained")
        return figure, list(figure.subplots(1, panels))


def _finish(axes: "Axes", x: str, y: str, logarithmic: bool) -> None:
    if logarithmic:
        axes.set_yscale("log")
        _plain_numbers(axes.yaxis)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(color="#eef1f4")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _plain_numbers(axis: "Axis") -> None:
    """Label a logarithmic axis at 1, 2, 5 and their multiples of ten, without powers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _legend(figure: "InlineFigure", axes: "Axes") -> None:
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)


def _title(measure: str) -> str:
    return "distortion" if measure == DISTORTION else described(measure).label


def _percent(value: Interval) -> str:
    mean, low, high = (number(part, 0, 100, sign=True) for part in (value.mean, value.low, value.high))
    return f"{mean} % [{low} to {high} %]" if value.is_known else f"{mean} %"
