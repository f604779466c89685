"""The curves of a training, as a table and as a figure: rate, distortion, and the numbers that are sent."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from testbed.figures import save
from testbed.files import written_whole
from testbed.training.trainer import MEASURED_LEVELS, Measurement

TABLE_FILE = "curves.csv"
FIGURE_FILE = "curves.png"
SHOWN_LEVEL = 6
COLUMNS = (
    "step",
    "minutes",
    "sequences",
    "loss",
    "level",
    "bits_per_40_ms",
    "state_bits",
    "distortion",
    "latents_sent",
    "states_sent",
)


def write_curves(points: Sequence[Measurement], folder: Path) -> None:
    """Write ``curves.csv`` (see `write_table`) and ``curves.png``."""
    write_table(points, folder)
    _draw(points, folder / FIGURE_FILE)


def write_table(points: Sequence[Measurement], folder: Path) -> None:
    """Write ``curves.csv``, a row per measurement and quantizer level."""
    rows = [row for point in points for row in _rows(point)]
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(rows)
    with written_whole(folder / TABLE_FILE) as path:
        path.write_text(text.getvalue(), "utf-8")


def in_words(point: Measurement) -> str:
    """Return a measurement in a line: loss, bits per 40 ms and per state, distortion, numbers sent."""
    latent_bits, state_bits, distortion = point.levels[MEASURED_LEVELS.index(SHOWN_LEVEL)]
    sent = f"{point.latents_sent[SHOWN_LEVEL]} + {point.states_sent[SHOWN_LEVEL]}"
    return (
        f"loss {point.loss:.2f}, at level {SHOWN_LEVEL} {latent_bits:.0f} + {state_bits:.0f} bits, "
        f"distortion {distortion:.3f}, {sent} numbers"
    )


def _rows(point: Measurement) -> list[tuple[float, ...]]:
    head = (point.step, round(point.minutes, 3), point.sequences, round(point.loss, 4))
    return [
        (
            *head,
            level,
            *(round(value, 4) for value in measured),
            point.latents_sent[level],
            point.states_sent[level],
        )
        for level, measured in zip(MEASURED_LEVELS, point.levels, strict=True)
    ]


def _draw(points: Sequence[Measurement], path: Path) -> None:
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    figure = Figure((10, 7), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True)
    minutes = [point.minutes for point in points]
    [[loss, bits], [distortion, sent]] = axes
    loss.plot(minutes, [point.loss for point in points], color="black")
    loss.set(title="loss on held-out speakers", yscale="log")
    colours = mpl.colormaps["viridis"]
    for place, level in enumerate(MEASURED_LEVELS):
        style = {"color": colours(place / len(MEASURED_LEVELS)), "label": f"level {level}"}
        bits.plot(minutes, [point.levels[place][0] for point in points], **style)
        distortion.plot(minutes, [point.levels[place][2] for point in points], **style)
        sent.plot(minutes, [point.latents_sent[level] for point in points], **style)
        sent.plot(minutes, [point.states_sent[level] for point in points], ls=":", color=style["color"])
    bits.set(title="bits per 40 ms", yscale="log")
    distortion.set(title="distortion of features", yscale="log", xlabel="minutes of training")
    sent.set(title="latents sent (states: dotted)", xlabel="minutes of training")
    for axis in (loss, bits, distortion):
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter(NullFormatter())
    figure.legend(*bits.get_legend_handles_labels(), loc="outside right upper", fontsize="small")
    save(figure, path, dpi=120)
