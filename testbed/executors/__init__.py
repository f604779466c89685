"""Executors: where the tasks of a run are done, one file each."""

from collections.abc import Callable

from testbed.environment import Environment
from testbed.executors.dask_cluster import DaskCluster
from testbed.executors.executor import Executor
from testbed.executors.processes import Processes
from testbed.executors.this_process import ThisProcess


def executor(jobs: int, dask: str | None, environment: Callable[[], Environment]) -> Executor:
    """Return the executor for a run.

    Parameters
    ----------
    jobs
        Number of processes; 1: this one.
    dask
        Address of a Dask cluster's scheduler, ``"local"``, or None for no cluster.
    environment
        Returns the environment that the workers of a cluster must have.

    Raises
    ------
    ScenarioError
        There can be no such cluster.
    """
    if dask is not None:
        return DaskCluster(dask, jobs, environment())
    return ThisProcess() if jobs == 1 else Processes(jobs)
