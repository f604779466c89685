"""The executor without further processes."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from testbed.executors.executor import Result, Task, on_one_thread
from testbed.machine import processor_name


class ThisProcess:
    """Does tasks in this process, one after another; see `testbed.executors.executor.Executor`."""

    def __init__(self) -> None:
        self.processors = [processor_name()]

    def run(
        self, tasks: Iterable[Task], work: Callable[[Any, Task], Result], context: Any
    ) -> Iterator[Result]:
        """Do all tasks and yield their results."""
        for task in tasks:
            yield on_one_thread(work, context, task)
