"""A recorded network as a figure: delays and losses over time, run lengths and their fits, capacity."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from testbed.channels.link.mahimahi import DeliveryTrace
from testbed.errors import ChannelError
from testbed.figures import STYLE, save
from testbed.traces.fit import fit_losses
from testbed.traces.fitted import Fitted
from testbed.traces.goodness import inner_runs, survival
from testbed.traces.measured_call import MeasuredCall
from testbed.traces.recording import NetworkTrace, Recording
from testbed.traces.summary import CAPACITY_WINDOW_S, capacity_kbps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".svg", ".png", ".pdf")
_COLOURS = {"bernoulli": "#009e73", "gilbert": "#d55e00", "gilbert_elliott": "#0072b2"}
_NAMES = {"bernoulli": "Bernoulli", "gilbert": "Gilbert", "gilbert_elliott": "Gilbert-Elliott"}
_WINDOWS = 100
_INK, _LOST = "#30363d", "#cc3311"


def draw(trace: NetworkTrace, title: str, output: Path) -> None:
    """Draw a recording.

    Parameters
    ----------
    trace
        The recording.
    title
        Title of the figure.
    output
        The file; its suffix is one of `SUFFIXES`.

    Raises
    ------
    ChannelError
        The suffix is another one.
    """
    if output.suffix.lower() not in SUFFIXES:
        raise ChannelError(f"{output}: give a file that ends in {' or '.join(SUFFIXES)}")
    import matplotlib
    from matplotlib.figure import Figure

    panels = _panels(trace)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9, 0.6 + 2.9 * len(panels)), layout="constrained")
        figure.suptitle(title)
        for axes, panel in zip(figure.subplots(len(panels), squeeze=False)[:, 0], panels, strict=True):
            axes.grid(color="#eef1f4")
            axes.set_axisbelow(True)
            axes.spines[["top", "right"]].set_visible(False)
            panel(axes)
        save(figure, output, dpi=150)


def _panels(trace: NetworkTrace) -> list["_Panel"]:
    if isinstance(trace, DeliveryTrace):
        return [_Capacity(trace)]
    if isinstance(trace, MeasuredCall):
        return [
            _PerInterval(trace, 100 * trace.loss, "packets lost (%)", _LOST),
            *(
                _PerInterval(trace, values, label, _INK)
                for values, label in (
                    (trace.jitter_ms, "jitter (ms)"),
                    (trace.rtt_ms, "round-trip time (ms)"),
                    (trace.kbps, "bitrate (kb/s)"),
                    (trace.available_kbps, "available bitrate (kb/s)"),
                )
                if np.isfinite(values).any()
            ),
        ]
    panels: list[_Panel] = []
    if trace.send_ns is not None and not trace.lost.all():
        panels += [_Delay(trace), _Distribution(trace)]
    if trace.lost.any() and not trace.lost.all():
        models = fit_losses(trace.lost)
        panels += [_LossOverTime(trace), _Runs(trace.lost, models, True), _Runs(trace.lost, models, False)]
    return panels or [_Nothing()]


class _Panel:
    def __call__(self, axes: "Axes") -> None:
        raise NotImplementedError


class _PerInterval(_Panel):
    def __init__(self, trace: MeasuredCall, values: NDArray[np.float64], label: str, colour: str) -> None:
        self._edges_s = np.r_[0.0, np.cumsum(trace.duration_ms)] / 1000
        self._values, self._label, self._colour = values, label, colour

    def __call__(self, axes: "Axes") -> None:
        axes.stairs(self._values, self._edges_s, color=self._colour, fill=self._colour == _LOST)
        axes.set_xlabel("time (s)")
        axes.set_ylabel(self._label)
        axes.set_ylim(bottom=0)


class _Nothing(_Panel):
    def __call__(self, axes: "Axes") -> None:
        axes.text(0.5, 0.5, "nothing to draw: one fate for all packets", ha="center")
        axes.set_axis_off()


class _Delay(_Panel):
    def __init__(self, trace: Recording) -> None:
        self._send_ns, self._delay_ns = trace.times("a drawing")
        self._here = ~trace.lost

    def __call__(self, axes: "Axes") -> None:
        seconds = (self._send_ns - self._send_ns[0]) / 1e9
        here = self._here
        # Points by the ten thousand are an image, in vector formats too.
        axes.plot(seconds[here], self._delay_ns[here] / 1e6, ".", ms=2, color=_INK, rasterized=True)
        axes.set_xlabel("time of sending (s)")
        axes.set_ylabel("one-way delay (ms)")
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))


class _LossOverTime(_Panel):
    def __init__(self, trace: Recording) -> None:
        windows = min(_WINDOWS, len(trace))
        edges = np.linspace(0, len(trace), windows + 1).astype(int)
        self._percent = 100 * np.add.reduceat(trace.lost, edges[:-1], dtype=np.int64) / np.diff(edges)
        self._edges: NDArray[np.float64] = edges.astype(np.float64)
        self._unit = "packet"
        if trace.send_ns is not None:
            self._edges = (trace.send_ns - trace.send_ns[0])[np.minimum(edges, len(trace) - 1)] / 1e9
            self._unit = "time of sending (s)"

    def __call__(self, axes: "Axes") -> None:
        axes.stairs(self._percent, self._edges, color=_LOST, fill=True)
        axes.set_xlabel(self._unit)
        axes.set_ylabel(f"packets lost (%),\nby 1/{len(self._percent)} of the call")
        axes.set_ylim(bottom=0)


class _Distribution(_Panel):
    def __init__(self, trace: Recording) -> None:
        _, delay_ns = trace.times("a drawing")
        self._delays_ms = np.sort(delay_ns[~trace.lost]) / 1e6

    def __call__(self, axes: "Axes") -> None:
        count = len(self._delays_ms)
        # Ranks spaced so that the tail keeps its packets and the rest does not crowd the file.
        ranks = np.unique(np.rint(count - np.geomspace(1, count, 2000)).astype(int))
        axes.step(self._delays_ms[ranks], 1 - ranks / count, where="pre", color=_INK)
        axes.set_yscale("log")
        axes.set_xlabel("one-way delay d (ms)")
        axes.set_ylabel("share of arrivals\nwith delay d or more")


class _Runs(_Panel):
    def __init__(self, lost: NDArray[np.bool_], models: list[Fitted], fate: bool) -> None:
        self._lengths = inner_runs(lost, fate)
        self._models, self._fate = models, fate

    def __call__(self, axes: "Axes") -> None:
        longest = int(self._lengths.max(initial=1))
        shown = np.unique(np.rint(np.geomspace(1, longest + 1, 400)).astype(int))
        count = max(1, len(self._lengths))
        longer = count - np.searchsorted(np.sort(self._lengths), shown)
        some = longer > 0
        axes.plot(shown[some], longer[some] / count, "o-", ms=3, color=_INK, lw=1, label="recorded")
        for model in self._models:
            law = survival(model, self._fate, longest + 1)[shown - 1]
            visible = law >= 0.3 / count
            colour, name = _COLOURS[model.name], _NAMES[model.name]
            axes.plot(shown[visible], law[visible], "--", lw=1.5, color=colour, label=name)
        axes.set_yscale("log")
        if longest > 60:
            axes.set_xscale("log")
        else:
            axes.locator_params(axis="x", integer=True)
        what = "burst of loss" if self._fate else "gap between losses"
        axes.set_xlabel(f"length n of a {what} (packets)")
        axes.set_ylabel(f"share of {'bursts' if self._fate else 'gaps'}\nof n packets or more")
        axes.legend(frameon=False)


class _Capacity(_Panel):
    def __init__(self, trace: DeliveryTrace) -> None:
        self._kbps = capacity_kbps(trace, CAPACITY_WINDOW_S)
        self._window_s = min(CAPACITY_WINDOW_S, trace.period_ns / 1e9)
        self._mean_kbps = trace.mean_bps / 1e3

    def __call__(self, axes: "Axes") -> None:
        edges_s = np.arange(len(self._kbps) + 1) * self._window_s
        axes.stairs(self._kbps, edges_s, color=_COLOURS["gilbert_elliott"], fill=True)
        axes.axhline(self._mean_kbps, color=_INK, ls="--", lw=1, label=f"mean {self._mean_kbps:.0f} kb/s")
        axes.set_xlabel("time (s)")
        axes.set_ylabel(f"capacity over {self._window_s:g} s (kb/s)")
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False, loc="upper right")
