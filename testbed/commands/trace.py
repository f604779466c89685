"""Commands about recorded networks."""

from pathlib import Path
from typing import Annotated

import typer

from testbed.commands.options import RunDir, Ssrc, Way
from testbed.terminal import say, tell

app = typer.Typer(
    no_args_is_help=True,
    help="Recorded networks: inspect, convert, fit, record.",
    epilog="Example: testbed trace inspect call.pcap",
)

TraceFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="A loss file, error pattern, CSV, delivery trace, capture, rtpdump, Ogg Opus, dump of "
        "webrtc-internals or getStats() series, also with gzip.",
    ),
]
From = Annotated[
    str | None, typer.Option("--from", metavar="FORMAT", help="Format of FILE; default: detected.")
]
To = Annotated[
    str | None, typer.Option("--to", metavar="FORMAT", help="Format of the new file; default: by its suffix.")
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


@app.command("inspect", epilog="Example: testbed trace inspect call.pcap -o call.svg")
def trace_inspect(
    file: TraceFile,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Also draw it: .svg, .png or .pdf."),
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


@app.command("convert", epilog="Example: testbed trace convert call.pcap call.csv")
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


@app.command("fit", epilog="Example: testbed trace fit losses.txt")
def trace_fit(
    file: TraceFile, from_: From = None, ssrc: Ssrc = None, way: Way = None, clock_hz: ClockHz = None
) -> None:
    """Fit loss models to a recorded call, or write WebRTC's statistics as a stage: YAML for `channel:`."""
    from testbed.traces.fit_yaml import fit_as_yaml
    from testbed.traces.formats import read
    from testbed.traces.measured import as_yaml
    from testbed.traces.measured_call import MeasuredCall
    from testbed.traces.recording import losses
    from testbed.traces.rtp_choice import choice

    _, recorded = read(file, from_, choice(ssrc, clock_hz, way))
    if isinstance(recorded, MeasuredCall):
        say(as_yaml(recorded, str(file)))
        return
    say(fit_as_yaml(losses(recorded, str(file)), str(file)))


@app.command(
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
