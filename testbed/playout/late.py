"""Late policies: what becomes of sound that arrives while its time is being concealed."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field

from testbed.named_parameters import invalid
from testbed.parameters import Parameters
from testbed.words import suggestion


class WaitBounds(Parameters):
    """Bound of a wait.

    Attributes
    ----------
    most_ms
        Delay above the target at which the wait ends.
    """

    most_ms: float = Field(gt=0, le=2000)


class Wait(Parameters):
    """Playout that waits for what is missing.

    Attributes
    ----------
    wait
        Until when.
    """

    wait: WaitBounds


LateName = Literal["drop", "splice", "stall"]
_NAMES = get_args(LateName)


def _valid(given: Any) -> LateName | Wait:
    if isinstance(given, Wait | dict):
        return Wait.model_validate(given)
    if given not in _NAMES:
        hint = suggestion(given, _NAMES) if isinstance(given, str) else ""
        known = f"{', '.join(_NAMES)} or {{wait: {{most_ms: 100}}}}"
        raise invalid(f"must be {known}, not {given!r}{hint}", value=given)
    name: LateName = given
    return name


Late = Annotated[LateName | Wait, BeforeValidator(_valid)]


def describe_late_policy(late: Late) -> str:
    """Return what becomes of late sound, as a clause about it."""
    if isinstance(late, Wait):
        return f"what is missing is waited for, up to {late.wait.most_ms:g} ms above the target delay"
    return {
        "drop": "late sound is dropped",
        "splice": "of late sound, what is not yet concealed is played",
        "stall": "late sound is played in full, and caught up",
    }[late]
