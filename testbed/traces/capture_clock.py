"""Steps of the clock by which a capture was taken: packets that seem to come before those captured earlier.

A capture holds packets in the order of their arrival. Where their times fall by more than neighbours can be
mixed up, the clock was set back. How far is told by the RTP timestamps, which go on.
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
    """Return times of arrival by a clock that was never set back, and notes of where it was.

    Parameters
    ----------
    times_ns, timestamps
        When each packet of a stream was captured and its RTP timestamp, in the order of the capture; (n,).
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
            f"number {sequences[place]}: taken out of the delays"
        )
    return corrected, notes


def _rises(delay_ns: NDArray[np.float64]) -> list[int]:
    """Return where delays rise and stay high: timestamps stood still, or the clock was set forward."""
    edges = np.flatnonzero(np.diff(delay_ns) > _EDGE_NS) + 1
    return [
        place
        for place in edges.tolist()
        if delay_ns[place : place + _WINDOW_PACKETS].min()
        > delay_ns[max(0, place - _WINDOW_PACKETS) : place].min() + _EDGE_NS
    ]
