"""The standard streams: what cannot be shown ends no run, and what is shown does nothing to a terminal."""

import os
import sys
from contextlib import suppress
from typing import Any, TextIO, cast

import typer

from testbed.escaping import printable


def say(text: object, err: bool = False) -> None:
    """Print a line, or lines, of which names and messages of others may be a part.

    Raises
    ------
    OSError
        Stdout takes no more.
    """
    try:
        typer.echo(printable(str(text)), err=err)
    except BrokenPipeError:  # whoever reads has seen enough
        raise
    except OSError as error:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - else Python tries again
        raise OSError(error.errno, error.strerror, "stdout") from None


def tell(line: str) -> None:
    """Print a line about the work on stderr."""
    say(line, err=True)


def secure_streams() -> None:
    """Open the standard streams that are closed, and let stderr lose what cannot be written.

    A closed one's number would be given to the next file that is opened, and messages be written into that.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115
    sys.stderr = cast(TextIO, _Losing(sys.stderr))


class _Losing:
    """A stream that loses what it cannot write."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, if that can be done."""
        with suppress(OSError, ValueError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, if that can be done."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
