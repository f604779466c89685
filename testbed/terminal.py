"""Output on the standard streams: escaped for the terminal, and without an error on a closed stderr."""

import os
import sys
from contextlib import suppress
from typing import Any, TextIO, cast

import typer

from testbed.escaping import printable


def say(text: object, err: bool = False) -> None:
    """Print text that may contain names and messages of others; control characters are escaped.

    Raises
    ------
    OSError
        Stdout cannot be written.
    """
    try:
        typer.echo(printable(str(text)), err=err)
    except BrokenPipeError:  # the reader has closed the pipe
        raise
    except OSError as error:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - else Python tries again
        raise OSError(error.errno, error.strerror, "stdout") from None


def tell(line: str) -> None:
    """Print a line about the work on stderr."""
    say(line, err=True)


def is_agreed(question: str) -> bool:
    """Ask on the terminal, where Enter means yes; return False where there is no terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    return typer.confirm(printable(question), default=True, err=True)


def secure_streams() -> None:
    """Open the standard streams that are closed, and ignore errors on stderr.

    The descriptor of a closed stream would go to the next file opened, which would then get the messages.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115 - stays open
    sys.stderr = cast(TextIO, _Losing(sys.stderr))


class _Losing:
    """A stream that ignores errors of writing."""

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
