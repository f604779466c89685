"""A run read from its folder: its answer, its report and its calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed import results
from testbed.failures import Failure, read_failures
from testbed.repeated_call import Call, repeat_call
from testbed.results import Results
from testbed.unfinished import said_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True, repr=False)
class Run(Results):
    """A run that can give its answer, write its report and make any of its calls again.

    In a notebook a run shows its answer.
    """

    @property
    def is_failure(self) -> bool:
        """True if every call, or every flow, failed."""
        return self.kind.is_failure(self.stored.columns(self.kind.rate_columns))

    @property
    def has_schemes(self) -> bool:
        """True if the run compares schemes; a flow study does not."""
        return self.kind.has_schemes

    @property
    def trajectories(self) -> "pd.DataFrame":
        """The time series of a flow study; see `testbed.flows.trajectory`."""
        return results.read_table(self.folder / results.TRAJECTORIES_FILE)

    def answer(
        self,
        margins: Mapping[str, float] | None = None,
        budget_kbps: float | None = None,
        point: int | None = None,
    ) -> str:
        """Return the answer as text; see `testbed.reports.answer_text.answer_text`.

        Examples
        --------
        >>> print(run.answer(margins={"estoi": 0.05}, budget_kbps=80))
        10 % loss · receiver waits without limit · 1 clip
        ...
        """
        from testbed.reports.answer_text import answer_text

        return answer_text(self, margins, budget_kbps, point)

    def report(self, margins: Mapping[str, float] | None = None, budget_kbps: float | None = None) -> Path:
        """Write the page and return its path; see `testbed.reports.verdict.verdicts`.

        Examples
        --------
        >>> run.report().name
        'report.html'
        """
        from testbed.reports.report import write_report

        try:
            return write_report(self.folder, margins, budget_kbps)
        except KeyboardInterrupt:
            again = f"its rows are all in {self.folder}; write its page with: testbed report {self.folder}"
            raise KeyboardInterrupt(again) from None

    def failures(self) -> list[Failure]:
        """Return the failed calls, or runs of a flow study, each with its traceback.

        Examples
        --------
        >>> run.failures()
        []
        """
        return read_failures(self.folder)

    def summary(self) -> "pd.DataFrame":
        """Return means and 95 % intervals per point and scheme; see `testbed.reports.summary_table`.

        Examples
        --------
        >>> run.summary()[["scheme", "estoi", "estoi_low", "estoi_high", "wire_kbps"]].round(2)
                scheme...
        >>> run.summary().query("scheme == 'DRED 200 ms'")["dred_asked_ms"].item()
        200.0
        """
        from testbed.reports.summary_table import summary_table

        return summary_table(self)

    def rows(self, worst: bool = False, **values: Any) -> "pd.DataFrame":
        """Return the rows with given values; their index is what `call` takes.

        Parameters
        ----------
        worst
            Whether to put the worst scores first, of the metric that judges the run.
        values
            Values of columns, e.g. ``scheme="LBRR"``; ``**{"codec.bitrate_kbps": 16}`` for a dotted name.

        Raises
        ------
        ResultsError
            There is no such column, or no row with such values.

        Examples
        --------
        >>> worst = run.rows(scheme="classic PLC", worst=True).index[0]
        >>> run.call(worst)
        Call(classic PLC, en-allison-1, realization 0)
        """
        from testbed.metrics import described
        from testbed.reports.selection import where
        from testbed.reports.summary import summarize
        from testbed.reports.verdict import judge

        table = where(self, [f"{column}={value}" for column, value in values.items()]).table
        if worst and self.has_schemes and (metric := judge(summarize(self))):
            table = table.sort_values(metric, kind="stable", ascending=described(metric).better == "higher")
        return table

    def plot(
        self,
        x: str,
        y: str,
        by: str = "scheme",
        where: Mapping[str, Any] | None = None,
        facet: str | None = None,
        gain: bool = False,
    ) -> "Figure":
        """Return a figure of one column against another, as ``testbed plot`` draws it.

        Parameters
        ----------
        x, y, by, facet, gain
            Names of columns, and whether to draw the gain; see `testbed.reports.plot.figure_of`.
        where
            Values of columns: only rows with them are drawn.

        Raises
        ------
        ResultsError
            The figure is not possible; the message says why.

        Examples
        --------
        >>> figure = run.plot("wire_kbps", "estoi", where={"clip": "en-allison-1"})
        >>> figure.savefig("cost.png")
        """
        from testbed.reports.plot import figure_of

        conditions = [f"{column}={value}" for column, value in (where or {}).items()]
        figure, _ = figure_of(self, x, y, by, conditions, facet, gain)
        return figure

    def call(self, row: int) -> Call:
        """Make the call of one row of `table` again; the same seed gives the same packets.

        Raises
        ------
        ResultsError
            There is no such row, or a file that shaped it has changed.
        ScenarioError
            The libopus of this machine lacks something that the scenario needs.

        Examples
        --------
        >>> call = run.call(1)
        >>> call
        Call(classic PLC, en-allison-1, realization 0)
        >>> call.pcm.dtype, len(call.pcm) == len(call.clip.pcm)
        (dtype('int16'), True)
        """
        return repeat_call(self, row)

    def _repr_html_(self) -> str:
        """Return the answer; notebooks call this."""
        from testbed.reports.notebook import run_html

        return run_html(self)


def load(folder: Path | str) -> Run:
    """Read a run's folder; a run that was killed gets the warnings and diagnoses of its rows.

    Examples
    --------
    >>> testbed.load("results/first")
    Run(results/first: 3 calls)
    """
    read = results.load(folder)
    manifest = read.manifest
    if not manifest.get("complete") and manifest.get("diagnoses") is None:
        manifest = {**manifest, **said_of(manifest, read.table)}
    return Run(read.folder, read.stored, manifest)
