"""Commands about the cache."""

from typing import Annotated

import typer

from testbed.terminal import say

app = typer.Typer(
    no_args_is_help=True,
    help="The cache of encodings, calls, sounds and scores across runs: info, prune.",
    epilog="Example: testbed cache info",
)


@app.command("info", epilog="Example: testbed cache info")
def cache_info() -> None:
    """Print the cache's file, size, largest size, and entries by kind."""
    from testbed import console

    say(console.cache())


@app.command(
    "prune",
    epilog="Example: testbed cache prune --to-mb 500",
    context_settings={"allow_extra_args": True},
)
def cache_prune(
    context: typer.Context,
    to_mb: Annotated[
        int, typer.Option(metavar="MB", min=0, help="Size that may stay, the most recently used first.")
    ] = 0,
) -> None:
    """Remove what the cache holds, which later runs will compute again."""
    if context.args:
        raise typer.BadParameter(f"write the size as an option: --to-mb {context.args[0]}")
    from testbed.cache.sqlite_file import folder
    from testbed.cache.upkeep import prune

    say(f"freed {prune(folder(), 1_000_000 * to_mb) / 1e6:.1f} MB")
