"""Commands about DRED."""

from collections import deque
from pathlib import Path
from typing import Annotated

import typer

from testbed.commands.options import PayloadType, RedPayloadType
from testbed.errors import CodecError, ScenarioError
from testbed.terminal import say

app = typer.Typer(
    no_args_is_help=True,
    help="DRED (deep redundancy) in captured packets.",
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
