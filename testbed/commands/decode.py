"""The command `decode`."""

from pathlib import Path
from typing import Annotated

import typer

from testbed.commands.options import PayloadType, RedPayloadType, Ssrc, Way
from testbed.terminal import say

app = typer.Typer()


@app.command(
    epilog="Example: testbed decode call.pcap -o call.wav\n\n"
    "Example: testbed decode call.pcap -o call.wav --playout offline --timeline call.csv"
)
def decode(
    capture: Annotated[
        Path, typer.Argument(metavar="CAPTURE", help="A pcap, pcapng or rtpdump file, also with gzip.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT.wav", help="The sound: mono, 16 kHz, 16 bits.")
    ],
    playout: Annotated[
        str,
        typer.Option(
            metavar="POLICY",
            help="The receiver: the name of a playout policy, or its mapping as in a scenario, e.g. "
            "'{policy: fixed, buffer_ms: 60}'; offline plays all that arrived.",
        ),
    ] = "adaptive",
    concealer: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Who conceals: codec or neteq; default: whom the playout policy names, else codec.",
        ),
    ] = None,
    complexity: Annotated[
        int,
        typer.Option(
            min=0,
            max=10,
            metavar="N",
            help="Complexity of the Opus decoder; from 5 on, networks conceal and decode DRED.",
        ),
    ] = 10,
    timeline: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the fate of each frame: .parquet or .csv."),
    ] = None,
    ssrc: Ssrc = None,
    way: Way = None,
    payload_type: PayloadType = None,
    red_payload_type: RedPayloadType = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the files if they exist.")] = False,
) -> None:
    """Write the sound of a captured call, as a receiver would have played it.

    The packets are played from their times of arrival in the capture, with what
    they carry: Opus, LBRR, RED and DRED. What the receiver made of them is printed.
    """
    from testbed.decode.captured_call import read_call
    from testbed.decode.files import check_free, write_sound, write_timeline
    from testbed.decode.receiver_options import decoding_of, playout_of
    from testbed.decode.rendering import render
    from testbed.decode.summary import summary
    from testbed.traces.rtp_choice import choice

    policy, decoding = playout_of(playout), decoding_of(concealer, complexity)
    check_free(capture, output, timeline, force)
    call = read_call(capture, choice(ssrc, None, way), payload_type, red_payload_type)
    rendering = render(call, policy, decoding)
    write_sound(rendering, output)
    if timeline is not None:
        write_timeline(rendering, timeline)
    say("\n".join(summary(call, rendering, policy)))
    say(output)
    if timeline is not None:
        say(timeline)
