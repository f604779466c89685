"""The command `run`."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from testbed.commands.options import Open
from testbed.many_values import ManyValues
from testbed.terminal import is_agreed, say, tell

if TYPE_CHECKING:
    from testbed.loaded_run import Run

app = typer.Typer()


def _scenarios(incomplete: str) -> list[str]:
    """Return the packaged scenarios to complete a word with; the shell adds files."""
    from testbed.scenario.packaged import packaged_scenarios

    return [name for name in packaged_scenarios() if name.startswith(incomplete)]


@app.command(
    cls=ManyValues,
    epilog="Example: testbed run quickstart --set codec.bitrate_kbps=24 --jobs 4 --save audio",
)
def run(
    scenario: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO",
            help="A YAML file, or the name of a packaged scenario.",
            autocompletion=_scenarios,
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the run; default: results/NAME.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Override one value by its dotted key, e.g. schemes.lbrr.bitrate_kbps=20. A list item goes "
            "by index, name or mechanism. Setting a swept key removes it from the sweep. Repeatable.",
        ),
    ] = None,
    speech: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH ...",
            help="Your own recordings in place of the scenario's: files, folders or patterns, 8-12 s each.",
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Number of processes; default: one per core.")
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Run on a Dask cluster: the address of its scheduler, such as tcp://host:8786, or local "
            "for one of --jobs processes of this machine.",
        ),
    ] = None,
    save: Annotated[
        str, typer.Option(metavar="WHAT", help="Files to keep of every call: any of audio,packets,timelines.")
    ] = "",
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace a run of another scenario, or an unfinished one, in DIR."),
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the unfinished run in DIR, if there is one.")
    ] = False,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="End the run at the first failed call; its rows are kept.")
    ] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Compute everything, and keep nothing for later runs.")
    ] = False,
    until_ci: Annotated[
        float | None,
        typer.Option(
            metavar="HALF_WIDTH",
            help="Add clips and realizations in rounds, up to the scenario's, and end once each headline "
            "difference is known to ± HALF_WIDTH, in the unit of its metric, or cannot be.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the calls, bitrates, time and disk of the run, and stop.")
    ] = False,
    open_: Open = False,
) -> None:
    """Run a scenario, write its results and report, and print its answer on stderr."""
    from testbed.machine import cores
    from testbed.scenario.loading import load_scenario

    wanted = frozenset(word.strip() for word in save.split(",") if word.strip())
    loaded = load_scenario(scenario, set_ or (), speech or ())
    if dry_run:
        from testbed.progress import measuring
        from testbed.study import study_of

        study = study_of(loaded, wanted)
        say(study.outline())
        with measuring() as report:
            needs = study.estimate(report)
        say("\n".join(needs.lines(jobs or cores())))
        if dask or resume or until_ci:
            say("All of this is for a whole run on this machine, without --dask, --resume and --until-ci.")
        return
    from testbed.errors import ScenarioError
    from testbed.progress import progress
    from testbed.runner import run_scenario

    if force and resume:
        raise ScenarioError("--force starts the run anew, and --resume goes on with it: give one of them")

    def done_run(resume: bool) -> "Run":
        with progress() as on_progress:
            return run_scenario(
                loaded,
                out or Path("results") / loaded.name,
                jobs or cores(),
                wanted,
                on_progress,
                force,
                ("testbed", *sys.argv[1:]),
                dask,
                fail_fast,
                not no_cache,
                resume,
                until_ci,
            )

    done = _resumed_if_agreed(done_run, resume)
    for line in _about_cache(done.manifest, "rows" if done.has_schemes else "runs"):
        tell(line)
    if replaced := done.manifest.get("replaces"):
        tell(f"replaced the run of {replaced}")
    if not done.is_failure:
        tell(f"\n{done.answer()}\n")
    else:
        for warning in done.manifest["warnings"]:
            tell(f"warning: {warning}")
    try:
        page = done.report()
    finally:  # the rows are there even if the page fails
        say(done.folder / "results.parquet")
    say(page)
    if open_:
        from testbed.browser import open_page

        open_page(page)
    if done.is_failure:
        raise typer.Exit(1)


def _resumed_if_agreed(start: "Callable[[bool], Run]", resume: bool) -> "Run":
    """Return a run; ask on the terminal whether to resume an unfinished one unless it is said."""
    from testbed.errors import UnfinishedError

    try:
        return start(resume)
    except UnfinishedError as unfinished:
        if not is_agreed(f"{unfinished.held}: resume it?"):
            raise
        return start(True)


def _about_cache(manifest: Mapping[str, Any], unit: str) -> Iterator[str]:
    """Yield what the user should know about the use of the cache."""
    use = {"computed": 0, "cached": 0, "decoded_again": 0, "problem": "", **manifest.get("cache", {})}
    if use["cached"]:
        yield f"{use['cached']} of {use['cached'] + use['computed']} {unit} were in the cache"
    if use["decoded_again"]:
        yield f"{use['decoded_again']} calls were decoded again: the cache had no room for their sound"
    if use["problem"]:
        yield f"warning: {use['problem']}"
