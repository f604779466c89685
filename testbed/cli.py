"""The command line; each command imports its modules only when it runs."""

import sys
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from testbed.errors import TestbedError
from testbed.many_values import ManyValues
from testbed.terminal import say, secure_streams, tell

if TYPE_CHECKING:
    from typer import Context


class Commands(TyperGroup):
    """Turns errors into their message and exit code: no traceback for a user's mistake."""

    def invoke(self, ctx: "Context") -> Any:  # type: ignore[override]
        """Run the command."""
        try:
            return super().invoke(ctx)
        except TestbedError as error:
            tell(str(error))
            raise typer.Exit(error.exit_code) from None
        except BrokenPipeError:
            raise
        except OSError as error:
            tell(f"{error.filename or 'system'}: {error.strerror or error}")
            raise typer.Exit(1) from None
        except KeyboardInterrupt as interrupt:
            tell(f"interrupted; {interrupt}" if str(interrupt) else "interrupted")
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="How should a voice call survive a bad network? Real speech, Opus and packets, a simulated network.",
    epilog="Example: testbed run quickstart",
)
opus = typer.Typer(no_args_is_help=True, help="The libopus that the testbed uses.")
speech_app = typer.Typer(no_args_is_help=True, help="The speech that is sent.")
app.add_typer(opus, name="opus")
app.add_typer(speech_app, name="speech")
trace = typer.Typer(no_args_is_help=True, help="Recorded networks: inspect, convert, fit, record.")
app.add_typer(trace, name="trace")
dred = typer.Typer(no_args_is_help=True, help="Deep redundancy (DRED) in packets.")
app.add_typer(dred, name="dred")

TraceFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="A loss file, error pattern, CSV, delivery trace, capture, rtpdump or Ogg Opus, also with gzip.",
    ),
]
From = Annotated[str | None, typer.Option("--from", metavar="FORMAT", help="Its format; default: detected.")]
To = Annotated[
    str | None, typer.Option("--to", metavar="FORMAT", help="The new format; default: by the suffix of OUT.")
]
Ssrc = Annotated[
    str | None, typer.Option(metavar="N", help="The RTP stream of a capture, as 0x1234abcd or in decimal.")
]
Way = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Way (addresses, ports, point of capture) of the stream, from 1."),
]
ClockHz = Annotated[
    int | None,
    typer.Option(min=1, max=10**9, help="Clock rate of RTP timestamps; default: the payload type's."),
]
Skew = Annotated[
    bool | None,
    typer.Option(
        "--remove-skew/--keep-skew",
        help="Remove clock skew from delays, or keep it; default: removed for captures only.",
    ),
]
Margins = Annotated[
    list[str] | None,
    typer.Option(
        "--margin",
        metavar="METRIC=VALUE",
        help="Difference to the best scheme that does not matter, e.g. plcmos=0.2. Repeatable.",
    ),
]
Budget = Annotated[
    float | None,
    typer.Option("--budget", metavar="KBPS", min=1, help="Highest bitrate on the wire, in kb/s."),
]
Open = Annotated[bool, typer.Option("--open", help="Open the report in a browser.")]
RunDir = Annotated[Path, typer.Argument(metavar="RUN_DIR", help="The folder that `testbed run` wrote.")]


def main() -> None:
    """Run the command line; SIGTERM and SIGHUP are handled like Ctrl-C."""
    from testbed.signals import ending

    secure_streams()
    with ending():
        app()


@app.command(
    cls=ManyValues,
    epilog="Example: testbed run quickstart --set codec.bitrate_kbps=24 --jobs 4 --save audio",
)
def run(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="A YAML file, or the name of a packaged scenario.")
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
    save: Annotated[
        str, typer.Option(metavar="WHAT", help="What to keep of every call: audio,packets,timelines.")
    ] = "",
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace a run of another scenario, or an unfinished one, in DIR."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would run, and stop.")] = False,
    open_: Open = False,
) -> None:
    """Run a scenario, write its results and report, and print its answer on stderr."""
    from testbed.scenario.loading import load_scenario

    loaded = load_scenario(scenario, set_ or (), speech or ())
    if dry_run:
        from testbed import console

        say(console.outline(loaded))
        return
    from testbed.progress import progress
    from testbed.runner import cores, run_scenario

    with progress() as on_progress:
        wanted = frozenset(word.strip() for word in save.split(",") if word.strip())
        done = run_scenario(
            loaded,
            out or Path("results") / loaded.name,
            jobs or cores(),
            wanted,
            on_progress,
            force,
            ("testbed", *sys.argv[1:]),
        )
    if replaced := done.manifest.get("replaces"):
        tell(f"replaced the run of {replaced}")
    if done.has_schemes and not done.is_failure:
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


@app.command(epilog="Example: testbed report results/quickstart")
def report(run_dir: RunDir, margin: Margins = None, budget: Budget = None, open_: Open = False) -> None:
    """Write a run's report again: one HTML file that opens offline."""
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
        typer.Option(metavar="N", min=0, help="Point of a sweep, from 0; default: the middle one."),
    ] = None,
    open_: Open = False,
) -> None:
    """Print a run's answer: the recommended scheme, the reasons, and a table of all schemes."""
    from testbed.loaded_run import load
    from testbed.reports.verdict import parse_margins

    margins = parse_margins(margin or ())
    done = load(run_dir)
    say(done.answer(margins, budget, point))
    if open_:
        from testbed.browser import open_page

        open_page(done.report(margins, budget))


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
) -> None:
    """Plot one column of a run against another, with 95 % intervals; the figure says what each mean pools."""
    from testbed.reports.plot import plot as draw

    say(draw(run_dir, x, y, by, output, where or (), facet, lambda note: tell(f"note: {note}")))


@app.command(epilog="Example: testbed doctor --json")
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For programs: a list of checks as JSON.")] = False,
) -> None:
    """Check this machine and print the command that fixes each problem.

    Exits with 1 if the quickstart cannot run.
    """
    from testbed import doctor as machine

    checks = machine.examine()
    say(machine.as_json(checks) if as_json else machine.as_text(checks))
    raise typer.Exit(0 if machine.can_run(checks) else 1)


@app.command(epilog="Example: testbed schema > scenario.schema.json")
def schema() -> None:
    """Print the JSON Schema of scenarios, for editors that check YAML as you type."""
    import json

    from testbed.scenario.loading import schema as scenario_schema

    say(json.dumps(scenario_schema(), indent=2))


@opus.command("build", epilog="Example: testbed opus build --tarball opus-1.6.1.tar.gz")
def opus_build(
    tarball: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="libopus's source, for machines without Debian's archive."),
    ] = None,
) -> None:
    """Fetch libopus's source and build it with DRED, deep PLC and OSCE (no root; takes a minute)."""
    from testbed.codecs.opus.build import build

    built = build(tarball, tell)
    say(f"libopus {built.version} is ready: {built.library}")


@speech_app.command("fetch", epilog="Example: testbed speech fetch")
def speech_fetch() -> None:
    """Fetch Debian's telephone prompts and cut them into clips of speech (no root; takes a minute)."""
    from testbed.speech import fetch

    say(f"{len(fetch(tell))} clips are ready: speech: {{corpus: asterisk}}")


@speech_app.command("list", epilog="Example: testbed speech list")
def speech_list() -> None:
    """List the clips that are on this machine."""
    from testbed import console

    say(console.clips())


@trace.command("inspect", epilog="Example: testbed trace inspect call.pcap -o call.svg")
def trace_inspect(
    file: TraceFile,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Draw it, too: .svg, .png or .pdf."),
    ] = None,
    from_: From = None,
    ssrc: Ssrc = None,
    way: Way = None,
    clock_hz: ClockHz = None,
    remove_skew: Skew = None,
) -> None:
    """Describe a recorded network: losses, delays, or the capacity of a link."""
    from testbed.traces.formats import read
    from testbed.traces.rtp_choice import choice
    from testbed.traces.summary import summary

    kept_as, recorded = read(file, from_, choice(ssrc, clock_hz, way), remove_skew)
    say("\n".join(summary(recorded, kept_as, str(file))))
    if output is not None:
        from testbed.traces.draw import draw

        draw(recorded, file.name, output)
        say(output)


@trace.command("convert", epilog="Example: testbed trace convert call.pcap call.csv")
def trace_convert(
    file: TraceFile,
    output: Annotated[
        Path, typer.Argument(metavar="OUT", help="The new file, e.g. call.csv, losses.txt, call.g192.")
    ],
    to: To = None,
    from_: From = None,
    ssrc: Ssrc = None,
    way: Way = None,
    clock_hz: ClockHz = None,
    remove_skew: Skew = None,
    interval_ms: Annotated[
        float | None,
        typer.Option(min=0.001, max=10_000, help="Time between packets, for recordings without times."),
    ] = None,
) -> None:
    """Write a recorded network in another format, and print what that format cannot hold."""
    from testbed.traces.formats import read, write
    from testbed.traces.rtp_choice import choice

    _, recorded = read(file, from_, choice(ssrc, clock_hz, way, interval_ms), remove_skew)
    for note in [*recorded.notes, *write(output, recorded, to, interval_ms)]:
        tell(f"note: {note}")
    say(output)


@trace.command("fit", epilog="Example: testbed trace fit losses.txt")
def trace_fit(
    file: TraceFile, from_: From = None, ssrc: Ssrc = None, way: Way = None, clock_hz: ClockHz = None
) -> None:
    """Fit loss models to a recorded call: YAML to paste under `channel:`, with 95 % intervals."""
    from testbed.traces.fit_yaml import fit_as_yaml
    from testbed.traces.formats import read
    from testbed.traces.recording import losses
    from testbed.traces.rtp_choice import choice

    _, recorded = read(file, from_, choice(ssrc, clock_hz, way))
    say(fit_as_yaml(losses(recorded, str(file)), str(file)))


@trace.command(
    "record",
    epilog="Example: testbed trace record results/quickstart -o call.csv --scheme 'neural PLC'",
)
def trace_record(
    run_dir: RunDir,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The recording.")],
    to: To = None,
    point: Annotated[int | None, typer.Option(min=0, help="Point of a sweep, from 0.")] = None,
    scheme: Annotated[str | None, typer.Option(help="Name of the scheme.")] = None,
    clip: Annotated[str | None, typer.Option(help="Name of the clip.")] = None,
    realization: Annotated[int | None, typer.Option(min=0, help="Draw of the channel, from 0.")] = None,
) -> None:
    """Write losses and delays of one call of a run made with `--save timelines` or `packets`."""
    from testbed.traces.formats import write
    from testbed.traces.record import Wanted, recording_of_call

    name, recorded = recording_of_call(run_dir, Wanted(point, scheme, clip, realization))
    tell(f"call: {name}")
    for note in write(output, recorded, to):
        tell(f"note: {note}")
    say(output)


@dred.command("inspect", epilog="Example: testbed dred inspect call.pcap")
def dred_inspect(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A capture or rtpdump of RTP, Ogg Opus, or a bitstream of opus_demo."
        ),
    ],
    payload_type: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=127,
            metavar="N",
            help="Opus's RTP payload type; default: 111 and those proven by the packets.",
        ),
    ] = None,
    red_payload_type: Annotated[
        int | None,
        typer.Option(
            min=0, max=127, metavar="N", help="RED's RTP payload type; default: those proven by the packets."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="For programs: the answer for each stream, without the packets.")
    ] = False,
) -> None:
    """List the DRED in a file's packets: size, offset, depth, quantizers, version.

    Each RTP stream has an answer. Packets are numbered from 0: in a bitstream as opus_demo's frames,
    elsewhere among the Opus packets of the stream.

    Exit code 0: a stream carries DRED. 3: none does. 4: it cannot be known, because the capture cut the
    packets, they are encrypted, or their payload type is unknown. 2: the file cannot be read.
    """
    from testbed.dred_inspect import EXIT_CODES, Inspection

    inspection = Inspection(file, payload_type, red_payload_type)
    lines = inspection.lines()
    if as_json:
        deque(lines, maxlen=0)
        lines = iter([inspection.as_json()])
    for line in lines:
        say(line)
    raise typer.Exit(EXIT_CODES[inspection.verdict])


if __name__ == "__main__":
    main()
