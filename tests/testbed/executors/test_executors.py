"""All executors: each task once, as few at a time as there is room for, and an end that leaves no process."""

import operator
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testbed.errors import RunError, ScenarioError
from testbed.executors import executor
from testbed.executors.executor import Executor
from testbed.executors.processes import Processes
from testbed.executors.this_process import ThisProcess

EXECUTORS = pytest.mark.parametrize(
    "make",
    [
        pytest.param(ThisProcess, id="this process"),
        pytest.param(lambda: Processes(2), id="loky"),
        pytest.param(lambda: executor(2, "local", dict), id="dask", marks=pytest.mark.long),
    ],
)


def numbers(taken: list[int], count: int) -> Iterator[int]:
    """Yield tasks and note which were taken."""
    for number in range(count):
        taken.append(number)
        yield number


def processes() -> set[str]:
    """Return the processes that this one started, without the trackers, which outlive a run."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = status.read_text().rpartition(")")[2].split()[:2]
            command = status.with_name("cmdline").read_text()
        except OSError:
            continue
        if int(parent) == os.getpid() and state not in "ZX" and "tracker" not in command:
            found.add(f"{status.parent.name} {command}")
    return found


@EXECUTORS
def test_each_task_is_done_once_and_taken_when_there_is_room(make: Callable[[], Executor]) -> None:
    taken: list[int] = []
    found = []
    for done, result in enumerate(make().run(numbers(taken, 30), operator.add, 100), start=1):
        found.append(result)
        assert len(taken) <= 6 + done
    assert sorted(found) == list(range(100, 130))


@pytest.mark.long
@EXECUTORS
def test_an_error_in_a_task_ends_all(make: Callable[[], Executor]) -> None:
    before = processes()
    with pytest.raises(ZeroDivisionError):
        list(make().run(iter([1, 2, 0, 3]), operator.floordiv, 6))
    assert processes() <= before


@pytest.mark.long
@EXECUTORS
def test_an_end_before_the_last_result_ends_all(make: Callable[[], Executor]) -> None:
    before, taken = processes(), list[int]()
    for _ in make().run(numbers(taken, 30), operator.add, 100):
        break
    assert len(taken) <= 7
    assert processes() <= before


@pytest.mark.long
def test_a_killed_process_ends_the_run_with_its_likely_cause() -> None:
    with pytest.raises(RunError, match="a process of the run was killed; was there enough memory"):
        list(Processes(2).run(iter([9, 9, 9]), lambda _, status: os._exit(status), None))


def test_one_process_is_this_one_and_a_single_task_needs_no_other() -> None:
    assert isinstance(executor(1, None, dict), ThisProcess)
    assert list(Processes(2).run(iter([7]), lambda *_: os.getpid(), None)) == [os.getpid()]


@pytest.mark.parametrize(
    "address", ["host:8786", "http://host:8787", "", "Local", "tcp://", "tcp://host", "tcp://host:99999"]
)
def test_what_is_no_address_of_a_scheduler_is_refused(address: str) -> None:
    with pytest.raises(ScenarioError, match="give local, or the address of a scheduler, such as tcp://"):
        executor(2, address, dict)


def test_a_missing_dask_is_said_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ScenarioError, match=r"pip install 'speech-testbed\[dask\]'"):
        executor(2, "local", dict)
