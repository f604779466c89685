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
