"""A pool of processes for tasks; they end when their parent ends, even by `kill -9`."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from testbed.errors import RunError
from testbed.signals import held_back

Task = TypeVar("Task")
Result = TypeVar("Result")
_WATCH_S = 0.5


def run_tasks(
    tasks: Sequence[Task],
    work: Callable[[Any, Task], Result],
    context: Any,
    jobs: int,
) -> Iterator[Result]:
    """Run all tasks and yield each result as it is ready, in any order.

    Parameters
    ----------
    work
        Called with `context` and a task; importable by other processes.
    context
        Common to all tasks; sent to each process once.
    jobs
        Number of processes; 1: this one. On an error, Ctrl-C included, all others are ended.
    """
    if jobs == 1 or len(tasks) < 2:
        for task in tasks:
            yield _on_one_thread(work, context, task)
        return
    from concurrent.futures import as_completed

    from loky import ProcessPoolExecutor
    from loky.process_executor import TerminatedWorkerError

    with held_back():
        executor = ProcessPoolExecutor(
            min(jobs, len(tasks)), initializer=_begin, initargs=(context, os.getpid())
        )
    try:
        with held_back():
            # Only this iterator holds the results, and it releases each.
            finished = as_completed([executor.submit(_work_kept, work, task) for task in tasks])
        for future in finished:
            yield future.result()
    except TerminatedWorkerError as error:
        executor.shutdown(wait=True, kill_workers=True)
        raise RunError(
            "a process of the run was killed; was there enough memory? Try fewer --jobs"
        ) from error
    except BaseException:
        executor.shutdown(wait=True, kill_workers=True)
        raise
    executor.shutdown()


_kept: list[Any] = []


def _begin(context: Any, parent: int) -> None:
    """Set up a process of the pool: it keeps the context, and ends with its parent.

    The trackers of `multiprocessing` and loky end when no process is left that they track.
    """
    _kept[:] = [context]
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    os._exit(1)


def _work_kept(work: Callable[[Any, Task], Result], task: Task) -> Result:
    return _on_one_thread(work, _kept[0], task)


def _on_one_thread(work: Callable[[Any, Task], Result], context: Any, task: Task) -> Result:
    """Run a task with linear algebra on one thread: the number of threads changes its last digits."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return work(context, task)
