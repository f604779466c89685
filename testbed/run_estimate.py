"""Estimate of the time and the disk that a run needs."""

from dataclasses import dataclass, field
from math import ceil, isnan

from testbed.words import duration

MANY_TASKS = 200
"""Number of tasks from which on all processes have equally much to do."""


@dataclass(frozen=True)
class RunEstimate:
    """The need of a run; processor times in s.

    Attributes
    ----------
    begin_s
        Time of this process before the first task.
    warm_up_s
        Time that a first task takes longer than others, in each process.
    work_s
        Time of all tasks; NaN if none of the sample worked.
    end_s
        Time of the table, the answer and the page.
    tasks
        Number of tasks, at most `MANY_TASKS`.
    disk_bytes
        Size of the run's folder.
    failure
        Reason of the first failure in the sample; "" if there was none.
    wire_kbps
        Bitrate on the wire of each scheme at the middle point; NaN where its calls failed.
    """

    begin_s: float
    warm_up_s: float
    work_s: float
    end_s: float
    tasks: int
    disk_bytes: float
    failure: str = ""
    wire_kbps: dict[str, float] = field(default_factory=dict)

    def wall_s(self, jobs: int) -> float:
        """Return the time from the command to the page, on an idle machine with a core per process."""
        used = min(jobs, self.tasks)
        # Other processes begin when this one has begun, and load the same modules.
        begin_s = self.begin_s * (2 if used > 1 else 1)
        return begin_s + self.warm_up_s + self.work_s * ceil(self.tasks / used) / self.tasks + self.end_s

    def lines(self, jobs: int) -> list[str]:
        """Return it in words, for a number of processes."""
        lines = []
        if self.wire_kbps:
            width = max(map(len, self.wire_kbps))
            lines = ["kb/s on the wire, about (payload, RTP, UDP and IPv4):"]
            lines += [
                f"  {name:{width}}  {'-' if isnan(kbps) else f'{kbps:.0f}':>4}"
                for name, kbps in self.wire_kbps.items()
            ]
        if isnan(self.work_s):
            return [*lines, f"no estimate of the time, because the sample failed: {self.failure}"]
        if self.failure:
            lines += [f"note: a part of the sample failed: {self.failure}"]
        processes = "1 process" if jobs == 1 else f"{jobs} processes"
        size = f"{self.disk_bytes / 1e6:.0f} MB on disk"
        return [*lines, f"about {duration(self.wall_s(jobs))} in {processes}, {size}"]
