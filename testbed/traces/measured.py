"""Networks from the statistics of WebRTC calls: dumps of webrtc-internals, and series of `getStats()`."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed.traces import getstats, webrtc_internals
from testbed.traces.audio_stream import chosen_stream
from testbed.traces.format import Format, StreamChoice
from testbed.traces.measured_call import MeasuredCall, measured_call
from testbed.traces.stats_series import StatsSeries


def _reader(
    series_of: Callable[[bytes, str], list[StatsSeries]],
) -> Callable[[bytes, str, StreamChoice], MeasuredCall]:
    def read(content: bytes, where: str, choice: StreamChoice) -> MeasuredCall:
        return measured_call(chosen_stream(series_of(content, where), choice.ssrc, where), where)

    return read


WEBRTC_INTERNALS = Format(
    name="webrtc_internals",
    about="a dump of chrome://webrtc-internals",
    suffixes=(),
    keeps="statistics",
    read=_reader(webrtc_internals.series_of),
    write=None,
)
GETSTATS = Format(
    name="getstats",
    about="reports of WebRTC's getStats() over time, as JSON",
    suffixes=(),
    keeps="statistics",
    read=_reader(getstats.series_of),
    write=None,
)


def as_yaml(call: MeasuredCall, title: str) -> str:
    """Return a call's network as YAML to paste under `channel:`, after what is assumed, as comments."""
    (stage,) = stages(call)
    measured = stage["measured"]
    lines = [f"# {' '.join(title.split())}", f"# {call.stream}", *(f"# {line}" for line in not_said(call))]
    lines += ["- measured:"]
    lines += [f"    {name}: {value}" for name, value in measured.items() if name != "intervals"]
    lines.append("    intervals:")
    for each in measured["intervals"]:
        lines.append(f"      - {{{', '.join(f'{name}: {value:g}' for name, value in each.items())}}}")
    return "\n".join(lines)


def stages(call: MeasuredCall) -> list[dict[str, Any]]:
    """Return a call's network as plain values, as in a scenario's `channel:`."""
    one_way_ms = _filled(call.rtt_ms) / 2
    jitter_ms = _filled(call.jitter_ms)
    columns: dict[str, list[float]] = {
        "duration_ms": np.maximum(1, call.duration_ms.round(1)).tolist(),
        "loss": call.loss.round(4).tolist(),
        # The mean delay stays: an exponential delay has its jitter as mean.
        "delay_ms": np.maximum(0, one_way_ms - jitter_ms).round(1).tolist(),
        "jitter_ms": jitter_ms.round(2).tolist(),
    }
    if np.isfinite(call.available_kbps).any():
        columns["rate_kbps"] = np.maximum(1, _filled(call.available_kbps).round()).tolist()
    intervals = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    measured: dict[str, Any] = {"intervals": intervals}
    if call.mean_burst_packets is not None:
        measured["mean_burst_packets"] = round(call.mean_burst_packets, 2)
    return [{"measured": measured}]


def not_said(call: MeasuredCall) -> list[str]:
    """Return a sentence for each fact about the network that a call's statistics do not tell."""
    interval_ms = float(np.median(call.duration_ms))
    sentences = [
        f"Losses within an interval: reports are {interval_ms / 1000:.3g} s apart; the rate of loss is taken "
        "to be even between them."
    ]
    if call.mean_burst_packets is None:
        sentences.append("Length of bursts: losses are assumed to be independent.")
    else:
        sentences.append(
            f"Length of bursts: {call.mean_burst_packets:.3g} packets on average, lost packets per "
            "concealment; packets that came too late are concealed too, so bursts may be longer."
        )
    if np.isfinite(call.rtt_ms).any():
        sentences.append("One-way delay: half the round-trip time is assumed.")
    else:
        sentences.append("Delay: there is no round-trip time; only jitter delays packets.")
    if np.isfinite(call.jitter_ms).any():
        sentences.append(
            "Distribution of delays: jitter is RFC 3550's smoothed mean difference; independent exponential "
            "delays with this jitter are assumed."
        )
    else:
        sentences.append("Jitter: none was reported; packets of an interval have the same delay.")
    sentences.append("Order: packets that overtook others are not told; all keep their order.")
    if np.isfinite(call.available_kbps).any():
        sentences.append(
            "Capacity: the sender's estimate of the bitrate for all its streams is taken for the rate of the "
            "link; losses and jitter hold those of its queue already."
        )
    else:
        sentences.append("Capacity and queue: only the bitrate of the call is known, so there is no link.")
    if call.way == "sent":
        sentences.append("Path: behind a server (SFU), what was sent is reported up to the server only.")
    return [*sentences, *(f"Counters: {note}." for note in call.notes)]


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values in which unknown ones are the last known before, or the first known; 0 without any."""
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return np.zeros(len(values))
    places = np.clip(np.searchsorted(known, np.arange(len(values)), side="right") - 1, 0, None)
    return np.asarray(values[known[places]])
