"""Clock skew: the clocks of sender and receiver differ slightly in speed.

Queues can only lengthen a delay, so packets that waited in none lie on a straight line below all others. The
slope of this line is the skew. Of all lines below all points, the one with the smallest sum of distances is
taken: Moon, Skelly and Towsley, "Estimation and removal of clock skew from network delay measurements",
INFOCOM 1999. They solve the linear program; its solution is the edge of the lower convex hull below the mean
sending time.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from testbed.channels.recordings.parts import LOST
from testbed.traces.recording import Recording

LARGEST_PPM = 1000.0
"""Largest slope that a clock can cause: quartz keeps within 100 ppm, sound cards within a few hundred."""


def slope_below(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return the slope of the line that lies below all points and is nearest to them in sum.

    Parameters
    ----------
    x, y
        The points, both (n,); `x` non-decreasing. Fewer than two different `x` have slope 0.
    """
    if len(x) < 2 or x[0] == x[-1]:
        return 0.0
    hull: list[tuple[float, float]] = []
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        if hull and a == hull[-1][0]:
            if b >= hull[-1][1]:
                continue
            hull.pop()
        while len(hull) > 1 and _not_below(hull[-2], hull[-1], (a, b)):
            hull.pop()
        hull.append((a, b))
    corners = np.array([point[0] for point in hull])
    edge = int(np.clip(np.searchsorted(corners, x.mean()), 1, len(hull) - 1))
    (left, low), (right, high) = hull[edge - 1], hull[edge]
    return (high - low) / (right - left)


def _not_below(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    return (b[1] - a[1]) * (c[0] - a[0]) >= (c[1] - a[1]) * (b[0] - a[0])


def with_skew(recording: Recording, remove: bool) -> Recording:
    """Return a recording with its skew and, if wanted, without it in the delays; the smallest delay is 0.

    A slope above `LARGEST_PPM` is left as it is, with a note: it is a queue that grew or drained.
    """
    if recording.send_ns is None or recording.delay_ns is None or recording.lost.all():
        return recording
    here = ~recording.lost
    seconds = (recording.send_ns - recording.send_ns[0]) / 1e9
    slope = slope_below(seconds[here], recording.delay_ns[here].astype(np.float64))
    ppm = slope / 1e3
    if not remove:
        return replace(recording, skew_ppm=ppm)
    if abs(ppm) > LARGEST_PPM:
        note = (
            f"the smallest delays drift by {ppm:+.0f} ppm, more than any clock's: a queue that grows or "
            "drains, another route, a clock that was set, timestamps that stop in short pauses, or a wrong "
            "--clock-hz; left as it is"
        )
        return replace(recording, skew_ppm=ppm, notes=(*recording.notes, note))
    # The skew is removed by the receiver's time, so that packets that arrived together stay together.
    arrivals_ns = recording.send_ns - recording.send_ns[0] + recording.delay_ns
    gained_per_ns = slope / 1e9 / (1 + slope / 1e9)
    level = recording.delay_ns - np.rint(gained_per_ns * arrivals_ns).astype(np.int64)
    delay_ns = np.where(here, level - level[here].min(), np.int64(LOST))
    return replace(recording, delay_ns=delay_ns, skew_ppm=ppm, skew_removed=True)
