"""Interface of executors, and what they share."""

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

TASKS_PER_PROCESS = 3
"""Tasks in flight per process: one that runs, and others, so that none waits while results are written."""
_LOOK_S = 5


class Executor(Protocol):
    """Does tasks somewhere."""

    @property
    def processors(self) -> Collection[str]:
        """The kinds of processor that do the tasks, as known so far; see `testbed.machine.processor_name`."""

    def run(
        self, tasks: Iterable[Task], work: Callable[[Any, Task], Result], context: Any
    ) -> Iterator[Result]:
        """Do all tasks and yield each result as it is ready, in any order.

        On an error, Ctrl-C included, and when the iterator is closed early, the work on all tasks ends.

        Parameters
        ----------
        tasks
            Any number; taken as there is room, and the results are released as they are yielded.
        work
            Called with `context` and a task; importable by other processes.
        context
            Common to all tasks; sent to each process once.
        """


def finished(
    tasks: Iterable[Task],
    submit: Callable[[Task], Any],
    most: Callable[[], int],
    look: Callable[[], Any] = lambda: None,
) -> Iterator[Any]:
    """Submit tasks and yield the future of each as it finishes.

    Parameters
    ----------
    submit
        Returns the future of a task.
    most
        Returns the largest number of tasks in flight; at least one is.
    look
        Called now and then while no task finishes.
    """
    waiting = iter(tasks)
    done: SimpleQueue[Any] = SimpleQueue()
    in_flight = 0
    while True:
        for task in islice(waiting, max(most() - in_flight, not in_flight)):
            submit(task).add_done_callback(done.put)
            in_flight += 1
        if not in_flight:
            return
        future = _next(done, look)
        in_flight -= 1
        yield future
        del future  # releases its result


def _next(done: "SimpleQueue[Any]", look: Callable[[], Any]) -> Any:
    while True:
        try:
            return done.get(timeout=_LOOK_S)
        except Empty:
            look()


def on_one_thread(work: Callable[[Any, Task], Result], context: Any, task: Task) -> Result:
    """Do a task with linear algebra on one thread: the number of threads changes its last digits."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return work(context, task)
