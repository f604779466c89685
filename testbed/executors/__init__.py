"""Executors: where the tasks of a run are done, one file each."""

from testbed.executors.executor import Executor
from testbed.executors.processes import Processes
from testbed.executors.this_process import ThisProcess


def executor(jobs: int) -> Executor:
    """Return the executor for a number of processes; 1: this one."""
    return ThisProcess() if jobs == 1 else Processes(jobs)
