"""Commands about this machine: `doctor` and `opus`."""

from pathlib import Path
from typing import Annotated

import typer

from testbed.terminal import say, tell

app = typer.Typer()
opus = typer.Typer(
    no_args_is_help=True, help="libopus: build one with DRED.", epilog="Example: testbed opus build"
)
app.add_typer(opus, name="opus")


@app.command(epilog="Example: testbed doctor --json")
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
) -> None:
    """Check this machine and print the command that fixes each problem.

    Exits with 1 if the quickstart cannot run.
    """
    from testbed import doctor as machine

    checks = machine.examine()
    say(machine.as_json(checks) if as_json else machine.as_text(checks))
    raise typer.Exit(0 if machine.can_run(checks) else 1)


@opus.command("build", epilog="Example: testbed opus build --tarball opus-1.6.1.tar.gz")
def opus_build(
    tarball: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Source archive of libopus; default: fetched from Debian."),
    ] = None,
) -> None:
    """Fetch libopus's source and build it with DRED, deep PLC and OSCE (without root, about a minute)."""
    from testbed.codecs.opus.build import build

    built = build(tarball, tell)
    say(f"libopus {built.version} is ready: {built.library}")
