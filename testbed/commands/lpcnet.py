"""Commands about the LPCNet vocoder."""

from pathlib import Path
from typing import Annotated

import typer

from testbed.terminal import say, tell

app = typer.Typer(
    no_args_is_help=True,
    help="The LPCNet vocoder: fetch its weights.",
    epilog="Example: testbed lpcnet fetch",
)


@app.command("fetch", epilog="Example: testbed lpcnet fetch --package libcodec2-1.0_1.0.5-1_amd64.deb")
def lpcnet_fetch(
    package: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Debian's package of libcodec2; default: fetched from Debian."),
    ] = None,
) -> None:
    """Fetch LPCNet's weights from Debian's package of libcodec2 (without root, some seconds, 8 MB)."""
    from testbed.codecs.lpcnet.weights import fetch

    say(f"LPCNet's weights are ready: {fetch(package, tell)}")
