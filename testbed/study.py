"""Interface of studies: the work of one scenario of any kind, from the plan to the tables."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from testbed.cache.terms import CacheTerms
from testbed.call_study import CallStudy
from testbed.environment import Environment
from testbed.errors import ScenarioError
from testbed.failures import Failure
from testbed.flows.study import FlowStudy
from testbed.kept_files import KEEPABLE
from testbed.provenance import Input, Provenance
from testbed.row_set import RowSet
from testbed.run_estimate import RunEstimate
from testbed.run_rows import RunRows
from testbed.scenario.flow_scenario import FlowScenario
from testbed.scenario.loading import AnyScenario
from testbed.store import Store
from testbed.study_kind import StudyKind

if TYPE_CHECKING:
    import pandas as pd


class Study(Protocol):
    """The work of one scenario, and the content of its folder.

    Attributes
    ----------
    kind
        Its kind.
    unit
        Unit of its progress, in the plural.
    total, rows
        Number of these, and of the rows of its table.
    columns
        See `testbed.store.Store`.
    context
        Common data of its tasks; sent to each process once.
    tables
        Files of the tables besides the rows, whose parts it adds to the store.
    """

    kind: StudyKind
    unit: str
    total: int
    rows: int
    columns: dict[str, str]
    context: Any
    tables: tuple[str, ...]

    @property
    def cached(self) -> int:
        """Number of rows, in a flow study of runs, so far that were in the cache."""

    @property
    def inputs(self) -> Sequence[Input]:
        """The files that shape its numbers."""

    def environment(self) -> Environment:
        """Return what shapes its numbers besides the scenario and the samples of the speech."""

    def resume(self, store: Store) -> int:
        """Drop the stored rows whose kept files are missing; return the progress of the others."""

    def tasks(self, done: RowSet) -> Iterator[Any]:
        """Yield its tasks, each for one process, without the rows that are done."""

    def outline(self) -> str:
        """Return the outline of its run, for ``--dry-run``."""

    def estimate(self, report: Callable[[int, int], None]) -> RunEstimate:
        """Return the approximate needs of its run, for ``--dry-run``, from a sample of its work.

        Parameters
        ----------
        report
            Called with the number of parts of the sample that are done, and of all.
        """

    def identities(self) -> Iterable[Mapping[str, Any]]:
        """Return rows with only the columns that identify them, to try out the table."""

    def prepare(self, folder: Path, report: Callable[[str], None]) -> None:
        """Do what precedes the first task.

        Parameters
        ----------
        folder
            Folder of the unfinished run.
        report
            Called with each step that takes long.
        """

    def work(self, context: Any, task: Any) -> Any:
        """Do a task and return its result; a static method, for any process."""

    def failures(self, result: Any) -> Sequence[Failure]:
        """Return the failures in a result."""

    def keep(self, store: Store, result: Any) -> int:
        """Write a result to disk; return how far it advances the progress."""

    def choose_examples(self, rows: RunRows) -> tuple[Any, Sequence[Any]]:
        """Choose calls to keep to be heard, once all rows are done.

        Returns
        -------
        The context and the tasks that make again those that are not kept yet.
        """

    def keep_examples(self, folder: Path, result: Any) -> None:
        """Write the calls to be heard of a result to disk."""

    def measured_afterwards(self) -> dict[str, Any]:
        """Return entries of the manifest that are measured when all rows are done."""

    def manifest(self, origin: Provenance, rows: "Iterable[pd.DataFrame] | None" = None) -> dict[str, Any]:
        """Return the manifest with the warnings about the rows so far; None: before the first one."""


def study_of(
    scenario: AnyScenario, save: frozenset[str] = frozenset(), cache: CacheTerms | None = None
) -> Study:
    """Return the study of a scenario.

    Parameters
    ----------
    scenario
        The scenario.
    save
        Files to keep of every call: any of `testbed.kept_files.KEEPABLE`.
    cache
        The use of the cache; default: none.

    Raises
    ------
    TestbedError
        The study is not possible, or has nothing to keep of the name given.
    """
    if unknown := sorted(save - set(KEEPABLE)):
        raise ScenarioError(f"--save {unknown[0]}: unknown; choose from {', '.join(KEEPABLE)}")
    if isinstance(scenario, FlowScenario):
        if save:
            raise ScenarioError(f"--save {min(save)}: a flow study has no calls")
        return FlowStudy(scenario, cache)
    return CallStudy(scenario, save, cache)
