"""The figure of one call: packets on the network, sources of played frames, and a spectrogram."""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from testbed.escaping import printable
from testbed.figures import STYLE
from testbed.reports.call import CODES, FLOOR_DB, letters, levels_db
from testbed.reports.colours import PARTS
from testbed.reports.sounds import EXAMPLE_RATE_HZ

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from testbed.reports.inline_figure import InlineFigure

NETWORK = {".": PARTS["arrived"], "L": PARTS["late"], "x": PARTS["lost"], "s": PARTS["dtx"]}
PLAYED = {letter: PARTS[part] for part, letter in CODES.items()}
"""Label and colour of the letters of `testbed.reports.call.letters`."""
_HEIGHT_IN = 3.2


def call_figure(
    timeline: pd.DataFrame,
    pcm: NDArray[np.float32],
    frame_ms: float,
    title: str,
    is_adaptive: bool,
    width_in: float = 9.0,
) -> "InlineFigure":
    """Draw a call.

    Parameters
    ----------
    timeline
        One row per frame, as `testbed.timeline.Timeline.table` makes it.
    pcm
        The sound that was played: (n,) in [-1, 1], 16 kHz.
    frame_ms
        Duration of a frame.
    title
        Name of the call.
    is_adaptive
        Whether the receiver adapts; its delay is drawn, too.
    """
    import matplotlib

    from testbed.reports.inline_figure import InlineFigure

    said = letters(timeline, frame_ms, is_adaptive)
    has_delay = said["played_after_ms"] is not None
    heights = {"strips": 1.0, **({"delay": 0.8} if has_delay else {}), "sound": 2.0}
    with matplotlib.rc_context(STYLE):
        figure = InlineFigure(
            figsize=(width_in, _HEIGHT_IN * sum(heights.values()) / 3), layout="constrained"
        )
        rows = figure.subplots(len(heights), 1, sharex=True, height_ratios=[*heights.values()])
        axes = dict(zip(heights, rows, strict=True))
        strips, sound = axes["strips"], axes["sound"]
        marks = {**_strip(strips, 1.1, said["network"], NETWORK, said["at_s"])}
        marks |= _strip(strips, 0.0, said["played"], PLAYED, said["at_s"])
        strips.set_yticks([1.5, 0.4], ["network", "played"])
        strips.tick_params(axis="y", length=0)
        strips.spines[:].set_visible(False)
        strips.set_title(printable(title), fontsize=10, loc="left")
        if "delay" in axes:
            after_ms = np.array(said["played_after_ms"], float)
            axes["delay"].stairs(after_ms, said["at_s"], baseline=None, color="#0b5cad")
            axes["delay"].set_ylabel("delay (ms)")
            axes["delay"].spines[["top", "right"]].set_visible(False)
        seconds = len(pcm) / EXAMPLE_RATE_HZ
        sound.imshow(
            levels_db(pcm).T,
            extent=(0, seconds, 0, EXAMPLE_RATE_HZ / 2000),
            aspect="auto",
            origin="lower",
            cmap="magma_r",
            vmin=-FLOOR_DB,
            vmax=0,
        )
        sound.set_ylabel("kHz")
        sound.set_xlabel("time in the call (s)")
        sound.set_xlim(0, seconds)
        figure.legend(marks.values(), marks.keys(), loc="outside right upper", frameon=False, fontsize=9)
    return figure


def _strip(
    axes: "Axes", bottom: float, said: str, means: dict[str, tuple[str, str, str]], at_s: Sequence[float]
) -> dict[str, Any]:
    """Draw one strip, a bar for each run of equal letters, and return the keys of the legend."""
    spans: dict[str, list[tuple[float, float]]] = {}
    frame = 0
    for letter, run in groupby(said):
        length = len(list(run))
        spans.setdefault(letter, []).append((at_s[frame], at_s[frame + length] - at_s[frame]))
        frame += length
    return {
        name: axes.broken_barh(spans[letter], (bottom, 0.8), color=colour)
        for letter, (name, colour, _) in means.items()
        if letter in spans
    }
