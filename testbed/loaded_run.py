"""A run read from its folder: its answer, its report and its calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from testbed import results
from testbed.repeated_call import Call, repeat_call
from testbed.results import Results
from testbed.unfinished import said_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Run(Results):
    """A run that can write its report, give its answer and repeat any of its calls."""

    @property
    def is_failure(self) -> bool:
        """Whether every call, or every flow, failed."""
        return self.kind.is_failure(self.table)

    @property
    def trajectories(self) -> "pd.DataFrame":
        """The time series of a flow study; see `testbed.flows.trajectory`."""
        return results.read_table(self.folder / results.TRAJECTORIES_FILE)

    def report(self, margins: Mapping[str, float] | None = None, budget_kbps: float | None = None) -> Path:
        """Write the page and return its path; see `testbed.reports.verdict.verdicts`."""
        from testbed.reports.report import write_report

        try:
            return write_report(self.folder, margins, budget_kbps)
        except KeyboardInterrupt:
            again = f"its rows are all in {self.folder}; write its page with: testbed report {self.folder}"
            raise KeyboardInterrupt(again) from None

    @property
    def has_schemes(self) -> bool:
        """Whether it compares schemes; a flow study does not."""
        return self.kind.has_schemes

    def answer(
        self,
        margins: Mapping[str, float] | None = None,
        budget_kbps: float | None = None,
        point: int | None = None,
    ) -> str:
        """Return the answer as text; see `testbed.reports.answer_text.answer_text`."""
        from testbed.reports.answer_text import answer_text

        return answer_text(self, margins, budget_kbps, point)

    def call(self, row: int) -> Call:
        """Repeat the call of one row of `table`; the same seed gives the same packets.

        Raises
        ------
        ResultsError
            There is no such row, or a file that shaped it has changed.
        ScenarioError
            The libopus of this machine cannot do what the scenario needs.
        """
        return repeat_call(self, row)


def load(folder: Path | str) -> Run:
    """Read a run's folder; a run that was killed gets the warnings and diagnoses of its rows."""
    read = results.load(folder)
    manifest = read.manifest
    if not manifest.get("complete") and manifest.get("diagnoses") is None:
        manifest = {**manifest, **said_of(manifest, read.table)}
    return Run(read.folder, read.table, manifest)
