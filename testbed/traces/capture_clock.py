"""Steps of a capture's clock: packets with earlier times than those captured before them.

A capture holds packets in the order of their arrival. Where times fall by more than neighbours can be
swapped, the clock was set back. The RTP timestamps, which go on, show how far.
"""

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

_SMALLEST_STEP_NS = 10_000_000
_WINDOW_PACKETS = 150
_EDGE_NS = 100_000_000


def without_steps_back(
    times_ns: NDArray[np.int64], timestamps: NDArray[np.int64], clock_hz: int, sequences: list[int]
) -> tuple[NDArray[np.int64], list[str]]:
    """Return times of arrival without the clock's backward steps, and notes on these steps.

    Parameters
    ----------
    times_ns, timestamps
        Time of capture and RTP timestamp of each packet of a stream, in the order of the capture; (n,).
    clock_hz
        Rate of the timestamps.
    sequences
        The sequence number of each packet, for the notes.
    """
    falls = np.flatnonzero(np.diff(times_ns) < -_SMALLEST_STEP_NS) + 1
    if not len(falls):
        return times_ns, []
    ticks = np.diff(timestamps, prepend=timestamps[:1]).astype(np.int32).astype(np.float64)
    delay_ns = (times_ns - times_ns[0]) - np.cumsum(ticks) * (1e9 / clock_hz)
    edges = sorted({*falls.tolist(), *_rises(delay_ns)})
    corrected = times_ns.copy()
    notes = []
    for place in falls.tolist():
        at = bisect_left(edges, place)
        start = max(place - _WINDOW_PACKETS, edges[at - 1] if at else 0)
        end = min(place + _WINDOW_PACKETS, edges[at + 1] if at + 1 < len(edges) else len(times_ns))
        step_ns = round(float(delay_ns[place:end].min() - delay_ns[start:place].min()))
        if step_ns > -_SMALLEST_STEP_NS:
            continue
        corrected[place:] -= step_ns
        notes.append(
            f"the capture's clock stepped by {step_ns / 1e9:+.3f} s, "
            f"{(times_ns[place - 1] - times_ns[0]) / 1e9:.3f} s after the first packet, before sequence "
            f"number {sequences[place]}: removed from the delays"
        )
    return corrected, notes


def _rises(delay_ns: NDArray[np.float64]) -> list[int]:
    """Return where delays rise and stay high: timestamps paused, or the clock was set forward."""
    edges = np.flatnonzero(np.diff(delay_ns) > _EDGE_NS) + 1
    return [
        place
        for place in edges.tolist()
        if delay_ns[place : place + _WINDOW_PACKETS].min()
        > delay_ns[max(0, place - _WINDOW_PACKETS) : place].min() + _EDGE_NS
    ]
