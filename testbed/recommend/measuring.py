"""The calls of configurations: made once each, by the plan, executors and cache of a run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from testbed import compilation
from testbed.arguments import plain
from testbed.cache.terms import cache_terms
from testbed.calls import results_of
from testbed.codecs.opus.settings import EncoderSettings
from testbed.environment import environment
from testbed.errors import RunError
from testbed.estimate import estimate
from testbed.executors import executor
from testbed.machine import cores
from testbed.metrics import METRICS
from testbed.plan import CallId, encoder_settings, plan
from testbed.provenance import inputs_of
from testbed.recommend.candidates import Candidate
from testbed.recommend.search import MeasuredCalls, means
from testbed.row_set import RowSet
from testbed.run_context import RunContext
from testbed.run_estimate import RunEstimate
from testbed.scenario.checks import check_codec, check_languages, check_packages, clips_of, mixer_for
from testbed.scenario.loading import Scenario, load_scenario

Report = Callable[[int, int, str], None]
"""Called with the calls made so far, the most that there will be, and the step."""


@dataclass(frozen=True)
class Execution:
    """Place of the work: processes of this machine, or a cluster; with or without the cache.

    Attributes
    ----------
    jobs
        Number of processes; None: one per core.
    dask
        Address of a Dask cluster's scheduler; None: this machine.
    is_cached
        Whether results are taken from the cache, and kept in it.
    """

    jobs: int | None = None
    dask: str | None = None
    is_cached: bool = True


class CandidateCalls:
    """The calls of the configurations of a grid.

    The first calls have the first realization of each clip, the next the second one, and so on: the calls of
    a round are the first ones of the next.

    Parameters
    ----------
    base
        A scenario without `sweep`, whose codec, schemes and playout the configurations replace.
    candidates
        The configurations.
    execution
        Place of the work.
    report
        Told of the progress; an attribute, too.

    Attributes
    ----------
    candidates
        The configurations.
    metric
        The metric that judges them; None without one.
    calls
        Most calls of each configuration.
    made
        Number of calls made.

    Raises
    ------
    TestbedError
        The calls are not possible on this machine.
    """

    def __init__(
        self,
        base: Mapping[str, Any],
        candidates: Sequence[Candidate],
        execution: Execution,
        report: Report = lambda done, total, step: None,
    ) -> None:
        scenario = load_scenario(scenario_of(base, candidates))
        assert isinstance(scenario, Scenario)
        check_codec(scenario)
        check_packages(scenario)
        clips = clips_of(scenario)
        check_languages(scenario, clips)
        mixer = mixer_for(scenario, clips)
        self.candidates = tuple(candidates)
        self.metric = next(iter(scenario.metric_names), None)
        self.calls = len(clips) * scenario.realizations
        self.made = 0
        self._plan = plan(scenario, len(clips))
        terms = cache_terms(execution.is_cached)
        self._context = RunContext(
            self._plan.points, self._plan.schemes, clips, frozenset(), frozenset(), terms, mixer
        )
        inputs = inputs_of(self._plan.points, clips, mixer)
        self._executor = executor(
            execution.jobs or cores(),
            execution.dask,
            lambda: environment([point.scenario for point in self._plan.points], inputs),
        )
        self.report = report
        self._places = _places(candidates)
        self._rows: dict[CallId, dict[str, Any]] = {}
        self._is_compiled = False

    @property
    def clip_names(self) -> list[str]:
        """Names of the clips, in order."""
        return [clip.name for clip in self._context.clips]

    def scenario_at(self, candidate: int) -> Scenario:
        """Return the scenario of one configuration."""
        return self._plan.points[self._places[candidate][0]].scenario

    def encoder_settings(self, candidate: int) -> EncoderSettings:
        """Return the settings of the encoder in one configuration."""
        point, scheme = self._places[candidate]
        return encoder_settings(self._plan.schemes[point][scheme], self._plan.points[point].scenario)

    def estimate(self, report: Callable[[int, int], None]) -> RunEstimate:
        """Return the approximate needs of all calls, from a sample of them."""
        return estimate(self._plan, replace(self._context, cache=None), report)

    def make(self, candidates: Sequence[int], calls: int, step: str) -> None:
        """Make the first calls of some configurations, as far as they are not made."""
        wanted = {self._call(candidate, place) for candidate in candidates for place in range(calls)}
        missing = sorted(wanted - self._rows.keys())
        if not missing:
            return
        if not self._is_compiled and compilation.is_needed(self._plan):
            self.report(self.made, self.made + len(missing), compilation.MESSAGE)
            compilation.compile_kernels(self._plan)
        self._is_compiled = True
        done = RowSet(self._plan.calls, range(self._plan.calls))
        done.discard(map(self._plan.row, missing))
        most = self.made + len(missing)
        self.report(self.made, most, step)
        for result in self._executor.run(self._plan.tasks(done), results_of, self._context):
            self._rows |= result.rows
            self.made += len(result.rows)
            self.report(self.made, most, step)
        failed = [self._rows[call]["error"] for call in missing if self._rows[call]["error"]]
        if len(failed) == len(missing):
            raise RunError(f"every call failed; the first: {failed[0]}")

    def column(self, candidates: Sequence[int], calls: int, name: str) -> NDArray[np.float64]:
        """Return a column of the first calls, which have been made: (calls, configurations)."""
        return np.array(
            [
                [_number(self._rows[self._call(candidate, place)].get(name)) for candidate in candidates]
                for place in range(calls)
            ],
            np.float64,
        ).reshape(calls, len(candidates))

    def mean(self, candidate: int, name: str) -> float:
        """Return the mean of a column over all calls made of one configuration; NaN without a number."""
        numbers = [
            self._rows[call].get(name)
            for place in range(self.calls)
            if (call := self._call(candidate, place)) in self._rows
        ]
        return float(means(np.array([[_number(each)] for each in numbers]))[0])

    def measured(self, candidates: Sequence[int], calls: int) -> MeasuredCalls:
        """Return the measurements of the first calls, which have been made."""
        assert self.metric is not None
        scores = METRICS[self.metric].sign * self.column(candidates, calls, self.metric)
        costs = (self.column(candidates, calls, name) for name in ("wire_kbps", "mouth_to_ear_ms"))
        return MeasuredCalls(scores, *map(means, costs))

    def _call(self, candidate: int, place: int) -> CallId:
        realization, clip = divmod(place, len(self._context.clips))
        return CallId(*self._places[candidate], clip, realization)


def scenario_of(base: Mapping[str, Any], candidates: Sequence[Candidate]) -> dict[str, Any]:
    """Return a scenario with a point for each codec and playout, and its schemes."""
    points = _points(candidates)
    zipped: dict[str, list[Any]] = {
        "codec": [each[0].codec for each in points],
        "playout": [each[0].playout for each in points],
        "schemes": [[candidate.scheme for candidate in each] for each in points],
    }
    first = {key: values[0] for key, values in zipped.items()}
    return plain({**base, **first, **({"sweep": {"zip": [zipped]}} if len(points) > 1 else {})})


def _points(candidates: Sequence[Candidate]) -> list[list[Candidate]]:
    """Return the configurations that share codec and playout together, in order."""
    found: dict[str, list[Candidate]] = {}
    for each in candidates:
        found.setdefault(repr((dict(each.codec), dict(each.playout))), []).append(each)
    return [*found.values()]


def _places(candidates: Sequence[Candidate]) -> list[tuple[int, int]]:
    """Return the point and the scheme of each configuration; the first scheme of a point is the ceiling."""
    found = {
        id(candidate): (point, scheme)
        for point, its in enumerate(_points(candidates))
        for scheme, candidate in enumerate(its, 1)
    }
    return [found[id(candidate)] for candidate in candidates]


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
