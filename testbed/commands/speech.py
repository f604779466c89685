"""Commands about speech."""

from typing import Annotated

import typer

from testbed.terminal import say, tell

app = typer.Typer(
    no_args_is_help=True, help="Speech corpora: fetch, list.", epilog="Example: testbed speech list"
)


@app.command("fetch", epilog="Example: testbed speech fetch")
def speech_fetch(
    more: Annotated[
        bool, typer.Option("--more", help="Also six more speakers, in other codecs (250 MB of packages).")
    ] = False,
) -> None:
    """Fetch Debian's telephone prompts and cut them into clips of speech (without root, about a minute)."""
    from testbed.speech import fetch

    say(f"{len(fetch(tell, more))} clips are ready: speech: {{corpus: {'more' if more else 'asterisk'}}}")


@app.command("list", epilog="Example: testbed speech list")
def speech_list() -> None:
    """List the clips on this machine."""
    from testbed import console

    say(console.clips())
