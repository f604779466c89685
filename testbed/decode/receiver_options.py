"""The receiver of ``testbed decode`` from the options of the command line."""

from typing import get_args

from pydantic import ValidationError

from testbed.codecs.concealers import Concealer
from testbed.decode.rendering import Decoding
from testbed.errors import ScenarioError
from testbed.parameters import Parameters
from testbed.playout import PlayoutSpec
from testbed.playout.policy import Playout
from testbed.scenario.document import Document, parse_value
from testbed.scenario.messages import explain

_OPTION = "--playout"


class _Receiver(Parameters):
    """A scenario's `playout` alone."""

    playout: PlayoutSpec


def playout_of(given: str) -> Playout:
    """Return the playout policy of ``--playout``: its name, or its mapping as in a scenario.

    Raises
    ------
    ScenarioError
        It is not valid.

    Examples
    --------
    >>> playout_of("{policy: fixed, buffer_ms: 60}").buffer_ms
    60.0
    """
    try:
        value = parse_value(given)
    except ScenarioError as error:
        raise ScenarioError(f"{_OPTION}: {str(error).partition(': ')[2]}") from None
    data = {"playout": {"policy": value} if isinstance(value, str) else value}
    try:
        return _Receiver.model_validate(data).playout
    except ValidationError as error:
        raise ScenarioError("\n".join(explain(error, Document(_OPTION, given, data)))) from None


def decoding_of(concealer: str | None, complexity: int) -> Decoding:
    """Return the rest of the receiver, of ``--concealer`` and ``--complexity``.

    Raises
    ------
    ScenarioError
        There is no such concealer.
    """
    for known in get_args(Concealer):
        if concealer == known:
            return Decoding(complexity, known)
    if concealer is not None:
        raise ScenarioError(f"--concealer {concealer}: choose from {', '.join(get_args(Concealer))}")
    return Decoding(complexity)
