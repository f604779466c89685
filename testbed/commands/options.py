"""Arguments and options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

RunDir = Annotated[Path, typer.Argument(metavar="RUN_DIR", help="Folder of a run.")]
Margins = Annotated[
    list[str] | None,
    typer.Option(
        "--margin",
        metavar="METRIC=VALUE",
        help="Largest difference to the best scheme that counts as equal, e.g. plcmos=0.2. Repeatable.",
    ),
]
Budget = Annotated[
    float | None,
    typer.Option("--budget", metavar="KBPS", min=1, help="Highest bitrate on the wire, in kb/s."),
]
Open = Annotated[bool, typer.Option("--open", help="Open the report in a browser.")]
PayloadType = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=127,
        metavar="N",
        help="Opus's RTP payload type; default: 111 and those proven by the packets.",
    ),
]
RedPayloadType = Annotated[
    int | None,
    typer.Option(
        min=0, max=127, metavar="N", help="RED's RTP payload type; default: those proven by the packets."
    ),
]
Ssrc = Annotated[
    str | None, typer.Option(metavar="N", help="SSRC of the RTP stream, as 0x1234abcd or in decimal.")
]
Way = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Which of several captures of the stream, from 1: they differ in addresses, ports or place.",
    ),
]
