"""Summary of a recorded network: losses, delays, or capacity, as lines of text."""

import numpy as np
from numpy.typing import NDArray

from testbed.channels.link.mahimahi import OPPORTUNITY_BYTES, DeliveryTrace
from testbed.traces.format import Format
from testbed.traces.measured import not_said
from testbed.traces.measured_call import MeasuredCall
from testbed.traces.recording import NetworkTrace, Recording, runs

CAPACITY_WINDOW_S = 1.0


def summary(trace: NetworkTrace, kept_as: Format, name: str) -> list[str]:
    """Return the summary, one line per quantity: ``lost: 3 (30 %)``.

    Parameters
    ----------
    trace
        The recording.
    kept_as
        The format of its file.
    name
        The name of its file.
    """
    lines = [f"file: {name}", f"format: {kept_as.name} ({kept_as.about})"]
    lines += [f"note: {note}" for note in trace.notes]
    if isinstance(trace, DeliveryTrace):
        return lines + _capacity(trace)
    if isinstance(trace, MeasuredCall):
        return lines + _statistics(trace)
    lines += _losses(trace)
    return lines + (_times(trace) if trace.send_ns is not None else [])


def _losses(trace: Recording) -> list[str]:
    fates, lengths = runs(trace.lost)
    bursts = lengths[fates]
    lines = [
        f"packets: {len(trace)}",
        f"lost: {int(trace.lost.sum())} ({100 * trace.lost.mean():.3g} %)",
    ]
    if len(bursts):
        lines.append(
            f"bursts of loss: {len(bursts)}, mean {bursts.mean():.3g} packets, "
            f"median {np.median(bursts):.3g}, 95 % up to {_quantile(bursts, 95):.0f}, longest {bursts.max()}"
        )
    return lines


def _statistics(trace: MeasuredCall) -> list[str]:
    expected, lost = float(trace.expected.sum()), float(trace.lost.sum())
    percent = 100 * trace.loss
    lines = [
        f"stream: {trace.stream}",
        f"duration: {trace.duration_ms.sum() / 1000:.1f} s in {len(trace.duration_ms)} intervals of "
        f"{np.median(trace.duration_ms) / 1000:.3g} s (median)",
        f"packets: {expected:.0f}",
        f"lost: {lost:.0f} ({100 * lost / expected:.3g} %); per interval: {_spread(percent, '%')}",
    ]
    if trace.mean_burst_packets is not None:
        lines.append(f"lost per concealment: {trace.mean_burst_packets:.3g} packets")
    for name, values, unit in (
        ("jitter (RFC 3550)", trace.jitter_ms, "ms"),
        ("round-trip time", trace.rtt_ms, "ms"),
        ("bitrate of the payloads", trace.kbps, "kb/s"),
        ("available bitrate", trace.available_kbps, "kb/s"),
    ):
        known = values[np.isfinite(values)]
        if len(known):
            lines.append(f"{name}: mean {known.mean():.3g} {unit}; per interval: {_spread(known, unit)}")
    return lines + [f"not told: {sentence}" for sentence in not_said(trace)]


def _spread(values: NDArray[np.float64], unit: str) -> str:
    percent = ", ".join(f"p{share} {_quantile(values, share):.3g}" for share in (5, 50, 95))
    return f"{percent}, greatest {values.max():.3g} {unit}"


def _times(trace: Recording) -> list[str]:
    send_ns, delay_ns = trace.times("a summary")
    here = ~trace.lost
    span_s = float(send_ns[-1] - send_ns[0]) / 1e9
    step_ms = float(np.median(np.diff(send_ns))) / 1e6 if len(trace) > 1 else 0.0
    lines = [
        f"duration: {span_s:.3f} s, one packet per {step_ms:.3f} ms (median)",
        f"reordered: {trace.reordered()}, duplicates: {trace.duplicates}",
    ]
    if not here.any():
        return lines
    delays_ms = delay_ns[here] / 1e6
    percent = ", ".join(f"p{share} {_quantile(delays_ms, share):.3f}" for share in (5, 50, 95, 99))
    lines += [
        f"delay: least {delays_ms.min():.3f} ms, {percent}, greatest {delays_ms.max():.3f}",
        f"jitter (RFC 3550): mean {jitter_ms(trace).mean():.3f} ms, at the end {jitter_ms(trace)[-1]:.3f} ms",
    ]
    if trace.skew_ppm is not None:
        lines.append(
            f"clock skew: {trace.skew_ppm:+.2f} ppm, {'removed' if trace.skew_removed else 'left in'}"
        )
    return lines


def jitter_ms(trace: Recording) -> NDArray[np.float64]:
    """Return the running estimate of jitter in ms, in the order of arrival (RFC 3550, section 6.4.1)."""
    from scipy.signal import lfilter

    _, delay_ns = trace.times("jitter")
    delays_ms = delay_ns[trace.arrival_order()] / 1e6
    changes = np.abs(np.diff(delays_ms, prepend=delays_ms[:1]))
    return np.asarray(lfilter([1 / 16], [1, -15 / 16], changes), np.float64)


def capacity_kbps(trace: DeliveryTrace, window_s: float) -> NDArray[np.float64]:
    """Return the capacity of a link in each whole window of its period, in kb/s.

    Parameters
    ----------
    trace
        The recording of the link.
    window_s
        Length of a window; one that is longer than the period is as long as the period.
    """
    window_ns = min(round(window_s * 1e9), trace.period_ns)
    windows = trace.period_ns // window_ns
    # An opportunity at the very end of a window belongs to it: the trace's last is at the end of its period.
    places = -(-np.array(trace.times_ns, np.int64) // window_ns) - 1
    counts = np.bincount(np.clip(places, 0, None), minlength=windows)[:windows]
    return np.asarray(counts * (OPPORTUNITY_BYTES * 8 / 1e3) / (window_ns / 1e9), np.float64)


def _capacity(trace: DeliveryTrace) -> list[str]:
    kbps = capacity_kbps(trace, CAPACITY_WINDOW_S)
    percent = ", ".join(f"p{share} {_quantile(kbps, share):.0f}" for share in (5, 25, 50, 75, 95))
    gaps_ms = np.diff(np.array(trace.times_ns, np.float64), prepend=0.0) / 1e6
    return [
        f"opportunities: {len(trace.times_ns)} of {OPPORTUNITY_BYTES} bytes, "
        f"repeating after {trace.period_ns / 1e9:.3f} s",
        f"capacity: mean {trace.mean_bps / 1e3:.0f} kb/s; over {CAPACITY_WINDOW_S:g} s: {percent} kb/s; "
        f"{int((kbps == 0).sum())} of {len(kbps)} windows without any",
        f"time between opportunities: p50 {np.median(gaps_ms):.0f} ms, p99 {_quantile(gaps_ms, 99):.0f} ms, "
        f"longest {gaps_ms.max():.0f} ms",
    ]


def _quantile(values: NDArray[np.float64] | NDArray[np.int64], percent: float) -> float:
    return float(np.percentile(values, percent))
