"""A study of calls: schemes compared on speech, from the plan to the table."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed import compilation
from testbed.cache.terms import CacheTerms
from testbed.call_outline import outline
from testbed.call_results import CacheUse, CallResults
from testbed.calls import results_of
from testbed.caveats import caveats
from testbed.columns import table_types
from testbed.device_cost import device_cost
from testbed.diagnosis import diagnoses
from testbed.environment import Environment, environment
from testbed.estimate import estimate
from testbed.example_choice import chosen_calls, kept_from_the_start
from testbed.failures import Failure
from testbed.kept_files import NOT_KEPT, clean_speech, keep, lacks_files
from testbed.manifest import make_manifest
from testbed.measurements import identity
from testbed.plan import CallId, Group, plan
from testbed.precision import Extent
from testbed.provenance import Input, Provenance, inputs_of
from testbed.row_set import RowSet
from testbed.run_context import RunContext
from testbed.run_estimate import RunEstimate
from testbed.run_rows import RunRows
from testbed.scenario.checks import (
    check_codec,
    check_concealers,
    check_languages,
    check_packages,
    check_vocoders,
    clips_of,
    mixer_for,
)
from testbed.scenario.loading import Scenario
from testbed.store import Store
from testbed.study_kind import CALLS
from testbed.tally import Tally
from testbed.trials import IDENTITY

if TYPE_CHECKING:
    import pandas as pd


class CallStudy:
    """A study of calls; see `testbed.study.Study`.

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
    ScenarioError
        The speech is missing, or in no language of a metric; the package of a metric is not installed; the
        libopus of this machine lacks something that the scenario needs; or there are too many calls.
    """

    kind = CALLS
    unit = "rows"
    tables: tuple[str, ...] = ()

    def __init__(
        self, scenario: Scenario, save: frozenset[str] = frozenset(), cache: CacheTerms | None = None
    ) -> None:
        check_codec(scenario)
        check_concealers(scenario)
        check_vocoders(scenario)
        check_packages(scenario)
        clips = clips_of(scenario)
        check_languages(scenario, clips)
        mixer = mixer_for(scenario, clips)
        self._plan = plan(scenario, len(clips))
        self.context = RunContext(
            self._plan.points,
            self._plan.schemes,
            clips,
            save,
            kept_from_the_start(self._plan, clips),
            cache,
            mixer,
        )
        self._cache_use = CacheUse()
        self._computed = 0
        self.columns = table_types(scenario.grid.values, scenario.metric_names)
        self.rows = self.total = self._plan.calls
        self._unkept: list[str] = []

    @property
    def cached(self) -> int:
        """Number of rows so far that were in the cache."""
        return self._cache_use.cached

    @property
    def inputs(self) -> list[Input]:
        """The files that shape its numbers."""
        return inputs_of(self._plan.points, self.context.clips, self.context.mixer)

    def environment(self) -> Environment:
        """Return what shapes its numbers besides the scenario and the samples of the speech."""
        return environment([point.scenario for point in self._plan.points], self.inputs)

    def resume(self, store: Store) -> int:
        """Drop the rows whose kept files are missing; return the number of the others."""
        there = {path.relative_to(store.folder).as_posix() for path in store.folder.glob("*/*")}
        keeping = self._all_calls() if self.context.save else self.context.examples
        lacking = (self._plan.row(call) for call in keeping if lacks_files(self.context, call, there))
        store.finished.discard(lacking)
        return len(store.finished)

    @property
    def scenario(self) -> Scenario:
        """Its scenario."""
        return self._plan.scenario

    @property
    def extent(self) -> Extent:
        """All its clips and realizations."""
        return self._plan.extent

    @property
    def rivals(self) -> int:
        """Number of schemes that meet loss."""
        return len(self._plan.schemes[0]) - 1

    def tasks(self, done: RowSet, extent: Extent | None = None) -> Iterator[list[Group]]:
        """Yield the groups of calls that a process works on together, without the rows that are done."""
        return self._plan.tasks(done, extent)

    def outline(self) -> str:
        """Return the outline of its run, for ``--dry-run``."""
        return outline(self._plan, self.context.clips)

    def estimate(self, report: Callable[[int, int], None]) -> RunEstimate:
        """Return the approximate needs of its run, from a sample of its calls, for ``--dry-run``."""
        return estimate(self._plan, replace(self.context, cache=None), report)

    def identities(self) -> list[dict[str, Any]]:
        """Return the identity of a row of each point and scheme, and of each clip."""
        schemes = [CallId(*use, 0, 0) for encoding in self._plan.encodings for use in encoding.uses]
        clips = [CallId(0, 0, clip, 0) for clip in range(self._plan.clips)]
        return [identity(self.context, call) for call in (*schemes, *clips)]

    def prepare(self, folder: Path, report: Callable[[str], None]) -> None:
        """Write the clean speech, and compile the kernels that the run needs."""
        self._unkept = keep(folder, clean_speech(self.context))
        if compilation.is_needed(self._plan):
            report(compilation.MESSAGE)
            compilation.compile_kernels(self._plan)

    @staticmethod
    def work(context: RunContext, groups: Sequence[Group]) -> CallResults:
        """Make the calls of some groups; return their results."""
        return results_of(context, groups)

    def failures(self, result: CallResults) -> list[Failure]:
        """Return the failed calls."""
        return [
            Failure(self._plan.row(call), identity(self.context, call), result.rows[call]["error"], traceback)
            for call, traceback in result.failures.items()
        ]

    def keep(self, store: Store, result: CallResults) -> int:
        """Write the files of calls to disk, then the rows; return the number of rows."""
        self._cache_use.add(result.cache)
        self._computed += len(result.rows) - result.cache.cached
        for call, files in result.files.items():
            row = result.rows[call]
            row["error"] = "; ".join(filter(None, (row["error"], *keep(store.folder, files))))
        store.append((self._plan.row(call), row) for call, row in result.rows.items())
        return len(result.rows)

    def choose_examples(self, rows: RunRows) -> tuple[RunContext, list[list[Group]]]:
        """Choose the calls to keep to be heard; return the tasks that make them again, and their context."""
        columns = rows.columns([*IDENTITY, *self._plan.scenario.metric_names])
        before = self.context.examples
        chosen = before | chosen_calls(columns, self._plan, self.context.clips)
        self.context = replace(self.context, examples=chosen)
        missing = RowSet(self.rows)
        missing.add(range(self.rows))
        missing.discard(self._plan.row(call) for call in chosen - before)
        unscored = [
            replace(point, scenario=point.scenario.model_copy(update={"metrics": []}))
            for point in self._plan.points
        ]
        return replace(self.context, points=unscored), [*self._plan.tasks(missing)]

    def keep_examples(self, folder: Path, result: CallResults) -> None:
        """Write the files of calls that were made again."""
        for files in result.files.values():
            self._unkept += keep(folder, files)

    def _all_calls(self) -> Iterator[CallId]:
        return (call for group in self._plan.groups() for call in group.calls)

    def measured_afterwards(self) -> dict[str, Any]:
        """Return the cost of the schemes to a device."""
        cost = device_cost(self._plan, self.context)
        return {"device_cost": cost} if cost else {}

    def manifest(self, origin: Provenance, rows: "Iterable[pd.DataFrame] | None" = None) -> dict[str, Any]:
        """Return the manifest with the warnings and diagnoses of the rows so far."""
        if rows is None:
            return make_manifest(self._plan, self.context, 0, [], None, origin)
        tally = Tally(self._plan, rows)
        found = diagnoses(self._plan, tally)
        warnings = [
            *origin.caveats(),
            *caveats(self._plan, self.context.clips, tally, found),
            *_unkept(self._unkept, tally),
        ]
        return {
            **make_manifest(self._plan, self.context, tally.rows, warnings, found, origin),
            "cache": {"computed": self._computed, **asdict(self._cache_use)},
        }


def _unkept(clean: Sequence[str], tally: Tally) -> list[str]:
    """Return a warning about kept files that could not be written."""
    said = (reason for error in tally.not_kept for reason in error.split("; "))
    reasons = [*clean, *(reason for reason in said if NOT_KEPT in reason)]
    if not reasons:
        return []
    first = reasons[0].removeprefix(f"{NOT_KEPT}: ")
    return [f"{len(reasons)} files beside the table could not be kept; the first: {first}"]
