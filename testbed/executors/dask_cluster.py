"""The executor with the workers of a Dask cluster; those of a local one are processes of this machine.

Dask pickles what it sends, so a cluster must be trusted. If a worker ends, others do its unfinished tasks.
"""

import asyncio
import logging
import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from testbed.environment import Environment
from testbed.errors import RunError, ScenarioError
from testbed.executors.dask_worker import PackedRun, check, do, same
from testbed.executors.executor import TASKS_PER_PROCESS, Result, Task, finished
from testbed.signals import held_back

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

LOCAL = "local"
NO_WORKER_S = 60
"""Time after which a run without any worker ends."""
_LOOK_S = 1
_SETTINGS = {
    "distributed.admin.large-graph-warning-threshold": "1TB",  # the speech of a run may be large
    # Of a local cluster: no pages, and no profile, which takes 2 % of a core per process.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
}


class DaskCluster:
    """Does tasks on a Dask cluster; see `testbed.executors.executor.Executor`.

    Parameters
    ----------
    address
        Address of its scheduler; ``"local"``: a cluster of this machine, which ends with the run.
    jobs
        Number of processes of a local cluster.
    environment
        The environment of the run, which each worker must have, too.

    Raises
    ------
    ScenarioError
        The address is not one, or dask.distributed is not installed.
    """

    def __init__(self, address: str, jobs: int, environment: Environment) -> None:
        if address != LOCAL and not _is_address(address):
            raise ScenarioError(
                f"--dask {address}: give {LOCAL}, or the address of a scheduler, such as tcp://host:8786"
            )
        try:
            import distributed  # noqa: F401 - only whether it is there
        except ImportError:
            raise ScenarioError("--dask needs dask.distributed: pip install 'speech-testbed[dask]'") from None
        self._address = address
        self._jobs = jobs
        self._environment = environment
        self.processors: set[str] = set()

    def run(
        self, tasks: Iterable[Task], work: Callable[[Any, Task], Result], context: Any
    ) -> Iterator[Result]:
        """Do all tasks and yield their results.

        Raises
        ------
        RunError
            No scheduler or worker is there, a worker has another environment, or a task ends all its workers.
        """
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        packed = PackedRun(self._environment, pickle.dumps((work, context)))
        with self._client() as client:
            try:
                for processor, result in _results(client, packed, tasks):
                    self.processors.add(processor)
                    yield result
            except KilledWorker as error:
                raise RunError(
                    f"a task ended {error.allowed_failures + 1} workers, the last was "
                    f"{error.last_worker.address}; was there enough memory?"
                ) from None
            except (FutureCancelledError, OSError):
                raise RunError(f"the connection to the Dask scheduler at {self._address} was lost") from None

    @contextmanager
    def _client(self) -> "Iterator[Client]":
        import dask
        from distributed import Client

        with ExitStack() as stack:
            stack.enter_context(dask.config.set(_SETTINGS))
            address: Any = self._address
            if address == LOCAL:
                try:
                    with held_back():
                        address = stack.enter_context(_local(self._jobs))
                except RuntimeError as error:
                    raise RunError(
                        f"no local Dask cluster started: {error} A script runs again in each process, "
                        "so it must call testbed.run below `if __name__ == '__main__':`"
                    ) from None
            try:
                if address == self._address:
                    with ThreadPoolExecutor(1) as thread:  # in a notebook this one has an event loop
                        thread.submit(asyncio.run, _answer(address)).result()
                client = stack.enter_context(Client(address, set_as_default=False))
            except OSError as error:
                raise RunError(f"no Dask scheduler answers at {self._address}: {error}") from None
            yield client


async def _answer(address: str) -> None:
    """Wait for the answer of a scheduler; a client would wait for one that is none without end.

    Raises
    ------
    OSError
        There is none.
    """
    import dask
    from dask.utils import parse_timedelta
    from distributed import Security
    from distributed.comm.core import connect

    arguments = Security().get_connection_args("client")
    most_s = parse_timedelta(dask.config.get("distributed.comm.timeouts.connect"))
    try:
        comm = await asyncio.wait_for(connect(address, timeout=most_s, **arguments), most_s)
    except TimeoutError:
        raise TimeoutError(f"nothing in {most_s:g} s") from None
    comm.abort()


def _is_address(text: str) -> bool:
    """Return whether a text is the address of a scheduler, with its port."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("tcp", "tls") and bool(parts.hostname and parts.port)
    except ValueError:
        return False


def _local(jobs: int) -> "LocalCluster":
    """Return a cluster of this machine, with encrypted connections that no other user can join."""
    from distributed import LocalCluster, Security

    return LocalCluster(
        n_workers=jobs,
        threads_per_worker=1,
        memory_limit=None,
        host="127.0.0.1",
        security=Security.temporary(),
        dashboard_address=None,
        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        silence_logs=logging.CRITICAL,
    )


def _results(client: "Client", packed: PackedRun, tasks: Iterable[Task]) -> Iterator[Any]:
    """Check all workers, then yield what `do` returns; a worker that joins later checks itself."""
    seen_s = time.monotonic()

    def threads() -> int:
        """Return the number of all workers' threads."""
        nonlocal seen_s
        number: int = sum(client.nthreads().values())
        if number:
            seen_s = time.monotonic()
        elif time.monotonic() - seen_s > NO_WORKER_S:
            raise RunError(f"the Dask cluster had no worker for {NO_WORKER_S} s")
        return number

    while not threads():
        time.sleep(_LOOK_S)
    for address, error in client.run(check, packed.environment, on_error="return").items():
        if isinstance(error, RunError):
            raise error
        if error is not None and not isinstance(error, OSError):  # a worker that has ended
            raise RunError(f"worker {address}: {error}")
    # Dask takes keys with the same words for equally long, and by it gives waiting tasks to idle workers.
    name, numbers = uuid4().hex, count()
    run = client.submit(same, packed, key=f"testbed-run-{name}")
    if isinstance(run.exception(), RuntimeError):
        raise RunError("the Dask scheduler cannot read the tasks: the testbed must be installed there, too")
    client.replicate(run)

    def submit(task: Task) -> Any:
        return client.submit(do, run, pickle.dumps(task), key=f"testbed-task-{name}-{next(numbers)}")

    for future in finished(tasks, submit, lambda: TASKS_PER_PROCESS * threads(), threads):
        yield future.result()
