"""Time and disk that a flow study needs, estimated from one run of some points."""

import time
from collections.abc import Callable

import numpy as np

from testbed.run_estimate import MANY_TASKS, RunEstimate
from testbed.stopwatch import Stopwatch

_MOST_S = 6.0
"""Processor time after which no further point is sampled."""
_END_S, _POINT_S, _RUN_S = 2.0, 0.02, 0.05
"""Time of the page, for each point of it, and to keep a run."""
_PAGE_BYTES, _POINT_BYTES = 200_000, 20_000


def estimate(
    points: int, runs: int, try_run: Callable[[int], tuple[int, str]], report: Callable[[int, int], None]
) -> RunEstimate:
    """Simulate one realization of some points, and estimate from these.

    Parameters
    ----------
    points, runs
        Number of points, and of runs of the whole study.
    try_run
        Makes a run of a point; returns the size of its tables in bytes, and the reason if it failed.
    report
        Called with the number of runs made, and that of the whole sample.
    """
    begin_s = time.process_time()
    last = points - 1
    sample = list(dict.fromkeys([points // 2, 0, last, last // 4, 3 * last // 4]))
    report(0, len(sample))
    first = Stopwatch()
    try_run(sample[0])
    first_s, spent = first.seconds, Stopwatch()
    seconds, sizes, failure = [], [], ""
    for number, point in enumerate(sample, 1):
        watch = Stopwatch()
        size, reason = try_run(point)
        failure = failure or reason
        if not reason:
            seconds.append(watch.seconds)
            sizes.append(size)
        report(number, len(sample))
        if spent.seconds > _MOST_S:
            break
    return RunEstimate(
        begin_s=begin_s,
        warm_up_s=max(0.0, first_s - seconds[0]) if seconds else first_s,
        work_s=runs * float(np.mean(seconds)) if seconds else float("nan"),
        end_s=_END_S + _POINT_S * points + _RUN_S * runs,
        tasks=min(runs, MANY_TASKS),
        disk_bytes=_PAGE_BYTES + _POINT_BYTES * points + runs * float(np.mean(sizes or [0])),
        failure=failure,
    )
