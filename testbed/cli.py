"""The command line; each command imports its modules only when it runs."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from testbed.commands import (
    cache,
    decode,
    dred,
    live,
    lpcnet,
    machine,
    metrics,
    recommend,
    results,
    running,
    scenarios,
    speech,
    trace,
    train,
)
from testbed.errors import TestbedError
from testbed.terminal import say, secure_streams, tell
from testbed.version import __version__

if TYPE_CHECKING:
    from typer import Context


class Commands(TyperGroup):
    """Turns errors into their message and exit code: no traceback for a user's mistake."""

    def invoke(self, ctx: "Context") -> Any:  # type: ignore[override]  # click's own Context
        """Run the command."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            from pydantic import ValidationError

            from testbed.scenario.messages import reason

            if isinstance(error.__cause__, ValidationError):
                error.message = reason(error.__cause__)
            raise
        except TestbedError as error:
            tell(str(error))
            raise typer.Exit(error.exit_code) from None
        except BrokenPipeError:
            raise
        except OSError as error:
            tell(f"{error.filename or 'system'}: {error.strerror or error}")
            raise typer.Exit(1) from None
        except KeyboardInterrupt as interrupt:
            tell(f"interrupted; {interrupt}" if str(interrupt) else "interrupted")
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="How should a voice call survive a bad network? Real speech, Opus and packets, a simulated network.",
    epilog="Example: testbed run quickstart",
)
for commands in (running, recommend, results, scenarios, decode, live, machine):
    app.add_typer(commands.app)
app.add_typer(speech.app, name="speech")
app.add_typer(metrics.app, name="metrics")
app.add_typer(trace.app, name="trace")
app.add_typer(dred.app, name="dred")
app.add_typer(lpcnet.app, name="lpcnet")
app.add_typer(train.app, name="train")
app.add_typer(cache.app, name="cache")


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"testbed {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Take the options before a command."""


def main() -> None:
    """Run the command line; SIGTERM and SIGHUP are handled like Ctrl-C."""
    from testbed.signals import ending

    secure_streams()
    with ending():
        app()


if __name__ == "__main__":
    main()
