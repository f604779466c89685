"""Late policies: what becomes of sound that arrives while its gap is being concealed."""

from typing import Literal

from pydantic import Field

from testbed.parameters import Parameters


class WaitBounds(Parameters):
    """Bound of a wait.

    Attributes
    ----------
    most_ms
        Delay above the target at which the wait ends.
    """

    most_ms: float = Field(gt=0, le=2000)


class Wait(Parameters):
    """Playout that is held when a gap begins.

    Attributes
    ----------
    wait
        Until when.
    """

    wait: WaitBounds


Late = Literal["drop", "splice", "stall"] | Wait


def describe_late_policy(late: Late) -> str:
    """Return what becomes of late sound, as a clause about it."""
    if isinstance(late, Wait):
        return f"what is missing is waited for, {late.wait.most_ms:g} ms at most"
    return {
        "drop": "late sound is dropped",
        "splice": "of late sound, what is not yet concealed is played",
        "stall": "late sound is played in full, and caught up",
    }[late]
