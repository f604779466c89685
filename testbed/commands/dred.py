"""Commands about DRED."""

from collections import deque
from pathlib import Path
from typing import Annotated, Literal

import typer

from testbed.commands.options import PayloadType, RedPayloadType
from testbed.errors import CodecError, ScenarioError
from testbed.many_values import ManyValues
from testbed.terminal import say, tell

app = typer.Typer(
    no_args_is_help=True,
    help="DRED (deep redundancy): in captured packets, and its networks compared.",
    epilog="Example: testbed dred inspect call.pcap",
)


@app.command("inspect", epilog="Example: testbed dred inspect call.pcap")
def dred_inspect(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A capture or rtpdump of RTP, Ogg Opus, or a bitstream of opus_demo."
        ),
    ],
    payload_type: PayloadType = None,
    red_payload_type: RedPayloadType = None,
    network: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FOLDER",
            help="Read the depth of this network's DRED, too; libopus's and those of the testbed are known.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the answers as JSON, without the packets.")
    ] = False,
) -> None:
    """Print whether each RTP stream carries DRED, then its packets with DRED.

    Of each packet: size, offset, depth, quantizers, version: 10 and 12 are those of
    libopus 1.5 and 1.6, 128 to 255 those of other networks. Packets are numbered
    from 0: in a bitstream as opus_demo's frames, elsewhere among the Opus packets
    of the stream.

    Exit code 0: a stream carries DRED. 3: none does. 4: it cannot be known,
    because the capture cut the packets, they are encrypted, or their payload type
    is unknown. 2: the file cannot be read.
    """
    from testbed.codecs.dred.network_folder import find_network
    from testbed.dred_inspect import EXIT_CODES, Inspection

    try:
        read = None if network is None else find_network(network)
    except CodecError as error:
        raise ScenarioError(f"--network: {error}") from None
    inspection = Inspection(file, payload_type, red_payload_type, read)
    lines = inspection.lines()
    if as_json:
        deque(inspection, maxlen=0)
        lines = iter([inspection.as_json()])
    for line in lines:
        say(line)
    raise typer.Exit(EXIT_CODES[inspection.verdict])


@app.command(
    "curve",
    cls=ManyValues,
    epilog="Example: testbed dred curve libopus my-network --csv curve.csv -o curve.svg",
)
def dred_curve(
    networks: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NETWORK ...",
            help="libopus, a network that comes with the testbed, or a folder; default: libopus and all that "
            "come with the testbed. Differences are to the first.",
        ),
    ] = None,
    speech: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH ...",
            help="Your own recordings: files, folders or patterns. Default: clips of speakers that are held "
            "out of training.",
        ),
    ] = None,
    corpus: Annotated[
        Literal["packaged", "asterisk", "more"], typer.Option(help="Corpus of the default clips.")
    ] = "packaged",
    by_age: Annotated[
        bool,
        typer.Option("--by-age", help="Measure how distortion grows with age within a payload instead."),
    ] = False,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Also write all rows; it must not exist yet."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Also draw it: .svg, .png or .pdf."),
    ] = None,
) -> None:
    """Compare networks of DRED: bits, distortion, and the speech of what they decode.

    Of each quantizer level: bits by the range coder, distortion of the features
    as libopus's training measures it, PESQ-WB and ESTOI of the speech that
    FARGAN makes of them.
    """
    from testbed.codecs.dred.network_folder import LIBOPUS, find_network, shipped_networks
    from testbed.csv_export import write_csv
    from testbed.dred_curve import curve_clips, measure_ages, measure_curve
    from testbed.figures import save
    from testbed.files import check_new
    from testbed.reports.dred_curve import age_figure, age_text, curve_figure, curve_text
    from testbed.reports.plot import figure_file

    if csv is not None:
        check_new(csv)
    if output is not None:
        figure_file(output)
    try:
        chosen = [find_network(name) for name in dict.fromkeys(networks or ())]
    except CodecError as error:
        raise ScenarioError(f"NETWORK: {error}") from None
    chosen = chosen or [LIBOPUS, *shipped_networks().values()]
    clips = curve_clips(speech, corpus)

    def on_clip(network: str, clip: str) -> None:
        tell(f"{network}: {clip}")

    measure, text, figure = (
        (measure_ages, age_text, age_figure) if by_age else (measure_curve, curve_text, curve_figure)
    )
    table = measure(chosen, clips, on_clip)
    say(text(table))
    if csv is not None:
        write_csv(table, csv)
        say(csv)
    if output is not None:
        save(figure(table), output, dpi=200)
        say(output)
