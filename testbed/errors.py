"""The errors that the testbed raises on purpose: one class per layer, all below `TestbedError`.

The message says what is wrong, where (file, line, key), and what would be right. The command line prints it
without a traceback. `exit_code` is 2 for bad input and 1 for a run that failed.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

_MOST_CHARACTERS = 8000


class TestbedError(Exception):
    """Base of all errors of the testbed."""

    __test__ = False
    exit_code = 1


def reason(error: Exception) -> str:
    """Return the reason of a failure: a testbed error's message, else the error's class and message."""
    said = str(error) if isinstance(error, TestbedError) else f"{type(error).__name__}: {error}"
    return said or type(error).__name__


def traceback_of(error: Exception) -> str:
    """Return the traceback of an error as Python prints it; of a long one, the end."""
    return "".join(traceback.format_exception(error))[-_MOST_CHARACTERS:]


class ScenarioError(TestbedError):
    """A scenario, an override or a command's argument is not valid, or not possible on this machine."""

    exit_code = 2


class UnknownNameError(TestbedError, KeyError):
    """A registry has no item of a name."""

    exit_code = 2
    __str__ = Exception.__str__


class PluginError(TestbedError):
    """An item that another package adds to a registry cannot be used."""


@contextmanager
def plugin_code(item: object, what: str) -> Iterator[None]:
    """Name the class in an error of the block, if it is code of another package.

    Raises
    ------
    PluginError
        `what`, such as ``"label()"``, failed.
    """
    try:
        yield
    except TestbedError:
        raise
    except Exception as error:
        kind = type(item)
        if kind.__module__.startswith("testbed."):
            raise
        raise PluginError(f"{kind.__module__}.{kind.__qualname__}: {what} failed: {reason(error)}") from error


class SpeechError(TestbedError):
    """A recording cannot be found, read or used."""

    exit_code = 2


class ChannelError(TestbedError):
    """A channel stage's parameters or recording cannot be used."""

    exit_code = 2


class CodecError(TestbedError):
    """libopus or a payload format refuses a value."""


class BuildError(TestbedError):
    """libopus could not be fetched or built."""


class MetricError(TestbedError):
    """A metric cannot be computed at all on this machine."""


class TrainingError(TestbedError):
    """A network cannot be trained, or a training cannot go on, with what is there."""

    exit_code = 2


class ResultsError(TestbedError):
    """A run folder cannot be read or written."""

    exit_code = 2


class UnfinishedError(ResultsError):
    """A folder holds an unfinished run that can be resumed.

    Parameters
    ----------
    held
        What the folder holds.
    choices
        What can be done.
    """

    def __init__(self, held: str, choices: str) -> None:
        super().__init__(f"{held}; {choices}")
        self.held = held


class RunError(TestbedError):
    """A run ended before it was complete; the message names the kept rows and their folder."""


class FetchError(TestbedError):
    """A package could not be fetched from the Debian archive."""


class NoNetworkError(FetchError):
    """The Debian archive cannot be reached at all."""
