"""Commands about the results of runs: `report`, `show`, `compare`, `plot` and `export`."""

from pathlib import Path
from typing import Annotated

import typer

from testbed.commands.options import Budget, Margins, Open, RunDir
from testbed.terminal import say, tell

app = typer.Typer()


@app.command(epilog="Example: testbed report results/quickstart")
def report(run_dir: RunDir, margin: Margins = None, budget: Budget = None, open_: Open = False) -> None:
    """Write the report of a run again: one HTML file that works offline."""
    from testbed.reports.report import write_report
    from testbed.reports.verdict import parse_margins

    page = write_report(run_dir, parse_margins(margin or ()), budget)
    say(page)
    if open_:
        from testbed.browser import open_page

        open_page(page)


@app.command(epilog="Example: testbed show results/quickstart --budget 60")
def show(
    run_dir: RunDir,
    margin: Margins = None,
    budget: Budget = None,
    point: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Point of a sweep, from 0; default: the scenario's own."),
    ] = None,
    failures: Annotated[
        bool, typer.Option("--failures", help="Print the failed calls with their tracebacks instead.")
    ] = False,
    open_: Open = False,
) -> None:
    """Print a run's answer: the recommended scheme, the reasons, and a table of all schemes."""
    from testbed.loaded_run import load
    from testbed.reports.verdict import parse_margins

    margins = parse_margins(margin or ())
    done = load(run_dir)
    if failures:
        for failure in done.failures():
            say(f"{failure}\n{failure.traceback}")
        return
    say(done.answer(margins, budget, point))
    if open_:
        from testbed.browser import open_page

        open_page(done.report(margins, budget))


@app.command(epilog="Example: testbed compare results/quickstart results/changed")
def compare(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="Folder of a run.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="Folder of another run.")],
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Also write all differences; it must not exist yet."),
    ] = None,
) -> None:
    """Compare two runs: what differs in their scenarios, and by how much their results differ."""
    from testbed.csv_export import write_csv
    from testbed.reports.comparison import compare as compared
    from testbed.reports.comparison_text import comparison_text

    comparison = compared(run_a, run_b)
    say(comparison_text(comparison))
    if csv is not None:
        write_csv(comparison.table, csv)
        say(csv)


@app.command(
    epilog="Example: testbed plot results/quickstart --x wire_kbps --y plcmos --by scheme -o cost.svg"
)
def plot(
    run_dir: RunDir,
    x: Annotated[str, typer.Option(metavar="COLUMN", help="Column on the horizontal axis.")],
    y: Annotated[str, typer.Option(metavar="COLUMN", help="Column on the vertical axis.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="The figure: .svg, .png or .pdf.")
    ],
    by: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column whose values get a line each.")
    ] = "scheme",
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Draw only rows with this value, e.g. congestion.controller=gcc. Repeatable: values of one "
            "column are alternatives, different columns must all match.",
        ),
    ] = None,
    facet: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column whose values get a panel each.")
    ] = None,
    gain: Annotated[
        bool, typer.Option("--gain", help="Draw the gain of a metric over the baseline, call by call.")
    ] = False,
) -> None:
    """Plot one column of a run against another, with 95 % intervals and what each mean pools."""
    from testbed.reports.plot import plot as draw

    say(draw(run_dir, x, y, by, output, where or (), facet, gain, lambda note: tell(f"note: {note}")))


@app.command(epilog="Example: testbed export results/quickstart --csv quickstart.csv")
def export(
    run_dir: RunDir,
    csv: Annotated[Path, typer.Option("--csv", metavar="FILE", help="The new file; it must not exist yet.")],
) -> None:
    """Write a run's table as CSV: one row per call, or per flow of a flow study."""
    from testbed.csv_export import write_csv
    from testbed.loaded_run import load

    write_csv(load(run_dir).table, csv)
    say(csv)
