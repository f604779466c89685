"""The executor with processes of this machine; they end when their parent ends, even by `kill -9`."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any

from testbed.errors import RunError
from testbed.executors.executor import TASKS_PER_PROCESS, Result, Task, finished, on_one_thread
from testbed.executors.this_process import ThisProcess
from testbed.machine import processor_name
from testbed.signals import held_back

_WATCH_S = 0.5
_NO_RESTARTS = {"LOKY_MAX_MEMORY_LEAK_SIZE": "1e15"}
"""Models and kernels that a process loads later than with its first task are no leak of memory."""


class Processes:
    """Does tasks in processes of this machine; see `testbed.executors.executor.Executor`.

    Parameters
    ----------
    number
        Largest number of processes.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self.processors = [processor_name()]

    def run(
        self, tasks: Iterable[Task], work: Callable[[Any, Task], Result], context: Any
    ) -> Iterator[Result]:
        """Do all tasks and yield their results; a single task is done in this process.

        Raises
        ------
        RunError
            A process was killed.
        """
        waiting = iter(tasks)
        first = list(islice(waiting, self._number))
        if len(first) < 2:
            yield from ThisProcess().run(first, work, context)
            return
        from loky import ProcessPoolExecutor
        from loky.process_executor import TerminatedWorkerError

        with held_back():
            pool = ProcessPoolExecutor(
                len(first), initializer=_begin, initargs=(context, os.getpid()), env=_NO_RESTARTS
            )

        def submit(task: Task) -> Any:
            with held_back():  # the first call starts the processes
                return pool.submit(_work_kept, work, task)

        try:
            for future in finished(chain(first, waiting), submit, lambda: TASKS_PER_PROCESS * len(first)):
                yield future.result()
        except TerminatedWorkerError as error:
            pool.shutdown(wait=True, kill_workers=True)
            raise RunError(
                "a process of the run was killed; was there enough memory? Try fewer --jobs"
            ) from error
        except BaseException:
            pool.shutdown(wait=True, kill_workers=True)
            raise
        pool.shutdown()


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
    return on_one_thread(work, _kept[0], task)
