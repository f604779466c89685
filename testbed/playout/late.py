"""Late policies: what becomes of sound that arrives while its gap is being concealed."""

from typing import Literal

from pydantic import Field

from testbed.parameters import Parameters


class Waiting(Parameters):
    """Bounds of a wait.

    Attributes
    ----------
    most_ms
        Longest hold of playout for each gap.
    """

    most_ms: float = Field(gt=0, le=2000)


class Wait(Parameters):
    """Playout that is held when a gap begins.

    Attributes
    ----------
    wait
        How long at most.
    """

    wait: Waiting


Late = Literal["drop", "splice", "stall"] | Wait
