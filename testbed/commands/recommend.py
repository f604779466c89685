"""The command `recommend`."""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from testbed.commands.options import Open, Ssrc, Way
from testbed.many_values import ManyValues
from testbed.terminal import say, tell

app = typer.Typer()


@app.command(
    cls=ManyValues,
    epilog="Example: testbed recommend call.pcap --max-kbps 64 --max-delay-ms 250",
)
def recommend(
    network: Annotated[
        str,
        typer.Argument(
            metavar="NETWORK",
            help="A recording or dump that `testbed trace inspect` reads, a scenario, or stages in YAML "
            "as `testbed trace fit` prints.",
        ),
    ],
    max_kbps: Annotated[
        float, typer.Option(metavar="KBPS", help="Highest bitrate on the wire, headers included.")
    ] = 64.0,
    max_delay_ms: Annotated[
        float, typer.Option(metavar="MS", help="Longest mean delay from mouth to ear.")
    ] = 250.0,
    min_score: Annotated[
        float | None,
        typer.Option(
            "--min-score",
            "--min-plcmos",
            metavar="SCORE",
            help="Lowest mean score: recommend the cheapest that reaches it. Default: as good as the best.",
        ),
    ] = None,
    metric: Annotated[str, typer.Option(help="The metric that judges.")] = "plcmos",
    margin: Annotated[
        float | None,
        typer.Option(
            metavar="DIFFERENCE",
            help="Difference to the best that does not matter; default: the metric's own.",
        ),
    ] = None,
    speech: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH ...", help="Your own recordings: files, folders or patterns."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the finalists; default: results/recommend-NETWORK."),
    ] = None,
    fit: Annotated[
        bool, typer.Option("--fit", help="Fit a loss model to a recording instead of replaying it.")
    ] = False,
    exact_dred: Annotated[
        bool,
        typer.Option(
            "--exact-dred", help="Also search quantizers of DRED, which libopus has no setting for."
        ),
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Set a key of the scenario, e.g. codec.complexity=5 or realizations=4. Repeatable.",
        ),
    ] = None,
    ssrc: Ssrc = None,
    way: Way = None,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Number of processes; default: one per core.")
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Make the calls on a Dask cluster; see `testbed run --help`."),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Compute everything, and keep nothing for later runs.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the recommendation in DIR.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the network, configurations, calls and time, and stop.")
    ] = False,
    open_: Open = False,
) -> None:
    """Recommend codec, redundancy and jitter buffer for a network, within limits."""
    from testbed.machine import cores
    from testbed.progress import Progress, measuring, progress
    from testbed.recommend.base import base_scenario
    from testbed.recommend.finalists import finalists_yaml
    from testbed.recommend.folder import RecommendFolder
    from testbed.recommend.limits import RecommendLimits
    from testbed.recommend.measuring import Execution
    from testbed.recommend.network import read_network
    from testbed.recommend.outline import outline
    from testbed.recommend.recommendation import recommend as recommend_for
    from testbed.recommend.text import recommendation_text
    from testbed.runner import run_scenario
    from testbed.scenario.loading import load_scenario
    from testbed.traces.rtp_choice import choice

    limits = RecommendLimits(max_kbps, max_delay_ms, metric, min_score, margin)
    folder = RecommendFolder(out or Path("results") / f"recommend-{Path(network).stem or 'network'}")
    execution = Execution(jobs, dask, not no_cache)
    if dry_run:
        with TemporaryDirectory() as unkept, measuring() as sample:
            read = read_network(network, Path(unkept), fit, choice(ssrc, None, way))
            base = base_scenario(read, limits, set_ or (), speech or ())
            lines = outline(read, base, limits, execution, jobs or cores(), exact_dred, sample)
        say("\n".join(lines))
        return
    folder.check(force)
    read = read_network(network, folder.path, fit, choice(ssrc, None, way))
    folder.begin()
    base = base_scenario(read, limits, set_ or (), speech or ())
    began_s = time.monotonic()
    with progress() as show:

        def report(done: int, total: int, step: str) -> None:
            show(Progress(done, total, time.monotonic() - began_s, step, "calls"))

        found = recommend_for(base, limits, execution, exact_dred, report)
    text = recommendation_text(read, found)
    folder.write(text, finalists_yaml(base, found))
    say(text)
    with progress() as show:
        finalists = run_scenario(
            load_scenario(folder.scenario),
            folder.run,
            jobs or cores(),
            frozenset(),
            show,
            force=True,
            command=("testbed", *sys.argv[1:]),
            dask=dask,
            cache=not no_cache,
        )
    page = finalists.report()
    tell(f"\n{folder.scenario}: the finalists; testbed run {folder.scenario}")
    say(page)
    if open_:
        from testbed.browser import open_page

        open_page(page)
