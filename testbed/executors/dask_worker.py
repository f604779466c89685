"""The work on a worker of a Dask cluster: the check of its environment, and tasks."""

import pickle
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from testbed.environment import Environment, differences
from testbed.errors import RunError
from testbed.executors.executor import on_one_thread
from testbed.machine import processor_name

if TYPE_CHECKING:
    from distributed import Worker


@dataclass(frozen=True, eq=False)
class PackedRun:
    """The common data of the tasks of a run; each worker gets them once.

    Attributes
    ----------
    environment
        The environment of the run; see `testbed.environment`.
    content
        The work and its context. They are pickled, because a worker with another environment may not have
        the modules to unpickle them.
    """

    environment: Environment
    content: bytes


def check(environment: Environment, dask_worker: "Worker") -> None:
    """Check that a worker makes the same rows as the machine of the run.

    Parameters
    ----------
    environment
        The environment of the run.
    dask_worker
        This worker; Dask gives it to a parameter of this name.

    Raises
    ------
    RunError
        It does not; the message has what differs.
    """
    found = differences(environment)
    if (threads := dask_worker.state.nthreads) != 1:
        found.append(f"it has {threads} threads and must have one (--nthreads 1)")
    if found:
        raise RunError(f"worker {dask_worker.address} on {socket.gethostname()}: {'; '.join(found)}")


def same(run: PackedRun) -> PackedRun:
    """Return a run as it is: the task that all others need."""
    return run


def do(run: PackedRun, task: bytes) -> tuple[str, Any]:
    """Do a pickled task; return the kind of processor and the result.

    Raises
    ------
    RunError
        This worker has another environment.
    """
    work, context = _unpacked(run)
    return processor_name(), on_one_thread(work, context, pickle.loads(task))


@lru_cache(maxsize=1)
def _unpacked(run: PackedRun) -> tuple[Callable[[Any, Any], Any], Any]:
    from distributed import get_worker

    check(run.environment, get_worker())
    work, context = pickle.loads(run.content)
    return work, context
