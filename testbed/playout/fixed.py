"""A fixed playout delay: what is not there in time is late, and late is lost."""

from typing import Literal

from pydantic import Field

from testbed.parameters import Parameters


class Fixed(Parameters):
    """Each frame plays `delay_ms` after it was sent.

    Attributes
    ----------
    delay_ms
        From sending to playing, the network's own delay included: with 40 ms of network delay, 60 ms leave
        20 ms for jitter and for repairs.
    """

    policy: Literal["fixed"]
    delay_ms: float = Field(ge=0, le=10_000)

    def due_ns(self, sent_ns: int) -> int:
        return sent_ns + round(self.delay_ms * 1e6)
