"""The rounds of a run: one with all calls, or as many as the differences of its answer need."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed.call_study import CallStudy
from testbed.errors import ScenarioError
from testbed.precision import Extent, extents
from testbed.results import Results
from testbed.run_rows import RunRows
from testbed.store import Store
from testbed.study import Study

if TYPE_CHECKING:
    from testbed.reports.headline_differences import RoundResult

FEWEST_CLIPS = 2
"""Fewest clips that have an interval."""


class Rounds:
    """The rounds of a run.

    They are decided by rows alone, so a run that is resumed, cached or done elsewhere has the same ones.

    Parameters
    ----------
    study
        The run's study.
    until_ci
        Half-width of the interval of each headline difference that ends the run, in the unit of its metric;
        None for one round with all calls.

    Raises
    ------
    ScenarioError
        The half-width is not above 0, or the study has no differences or intervals.
    """

    def __init__(self, study: Study, until_ci: float | None) -> None:
        self._study, self._until_ci = study, until_ci
        self._looks: list[RoundResult] = []
        if until_ci is None:
            return
        if not 0 < until_ci < math.inf:
            raise ScenarioError(f"--until-ci {until_ci:g}: give a number above 0, as in 0.05")
        if not isinstance(study, CallStudy):
            raise ScenarioError("--until-ci: a flow study compares no schemes")
        scenario = study.scenario
        if not scenario.metrics:
            raise ScenarioError(f"{scenario.at('metrics')}: --until-ci needs a metric")
        if study.rivals < 2:
            raise ScenarioError(f"{scenario.at('schemes')}: --until-ci needs two schemes to compare")
        if study.extent.clips < FEWEST_CLIPS:
            raise ScenarioError(
                f"{scenario.at('speech')}: --until-ci needs {FEWEST_CLIPS} clips, which intervals are over"
            )
        self._calls, self._needs_all_clips = study, scenario.other_calls > 0

    def tasks(self, store: Store, manifest: Mapping[str, Any]) -> Iterator[Iterator[Any]]:
        """Yield the tasks of each round; those of a round are to be done before the next is asked for.

        Parameters
        ----------
        store
            The rows of the run.
        manifest
            Manifest at the start of the run.
        """
        if self._until_ci is None:
            yield self._study.tasks(store.finished)
            return
        from testbed.reports.headline_differences import look

        most = self._calls.extent
        for extent in extents(most, self._needs_all_clips):
            yield self._calls.tasks(store.finished, extent)
            results = self._results(store, manifest, extent)
            self._looks.append(look(results, extent, most, self._until_ci))
            if self._looks[-1].ending:
                return

    def entry(self) -> dict[str, Any]:
        """Return the manifest's entry: the rule, and the rounds so far; empty for a run without rule."""
        if self._until_ci is None:
            return {}
        looks = [asdict(look) for look in self._looks]
        return {"until_ci": {"half_width": self._until_ci, **asdict(self._calls.extent), "rounds": looks}}

    def _results(self, store: Store, manifest: Mapping[str, Any], extent: Extent) -> Results:
        """Return the rows of an extent."""
        rows = store.rows().table()
        clips = [clip["name"] for clip in manifest["clips"][: extent.clips]]
        is_inside = rows["clip"].isin(clips) & (rows["realization"] < extent.realizations)
        return Results(Path(), RunRows(rows[is_inside].reset_index(drop=True)), {**manifest, **self.entry()})
