"""Commands about metrics."""

from typing import Annotated

import typer

from testbed.commands.options import RunDir
from testbed.terminal import say

app = typer.Typer(
    no_args_is_help=True,
    help="Metrics: how far they move by what nobody hears.",
    epilog="Example: testbed metrics check results/quickstart",
)


@app.callback()
def metrics() -> None:
    """Make `check` a command of its own, though it is the only one."""


@app.command(epilog="Example: testbed metrics check results/quickstart --metric estoi")
def check(
    run_dir: RunDir,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="NAME", help="A metric; default: those of the run. Repeatable."),
    ] = None,
    calls: Annotated[
        int, typer.Option(metavar="N", min=1, max=1000, help="Calls, each made again with every scheme.")
    ] = 8,
) -> None:
    """Measure how far scores, and differences between schemes, move by what nobody hears.

    Some of the run's calls are made again, and scored with a gain of 0.7,
    resampled, with noise of 1 LSB, and half a sample later. The result is kept
    in the run, whose report is written again: the margin of its recommendation
    is not below it.
    """
    from testbed import console
    from testbed.loaded_run import load
    from testbed.metric_check import check_metrics
    from testbed.progress import progress
    from testbed.reports.report import write_report

    with progress() as show:
        found = check_metrics(load(run_dir), metric or (), calls, show)
    say(console.wobbles(found))
    say(write_report(run_dir))
