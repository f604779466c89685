"""A fixed playout delay: a packet that arrives after its frame was due is late, and late is lost."""

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from testbed.parameters import Parameters


class FixedPlayout(Parameters):
    """One delay for all frames of a call: `delay_ms`, or the delay of a jitter buffer of `buffer_ms`.

    Attributes
    ----------
    delay_ms
        Delay from sending to playing, that of the network included: with 40 ms of network delay, 60 ms leave
        20 ms for jitter and redundancy.
    buffer_ms
        Size of a jitter buffer, instead: the wait of the call's fastest packet until it is played. A packet
        whose delay exceeds the smallest delay (PDV, RFC 5481) by more is late. A real receiver estimates the
        smallest delay from the packets received; this one knows it.
    """

    policy: Literal["fixed"]
    delay_ms: float | None = Field(None, ge=0, le=10_000)
    buffer_ms: float | None = Field(None, ge=0, le=10_000)

    @model_validator(mode="after")
    def _one_delay(self) -> Self:
        if (self.delay_ms is None) == (self.buffer_ms is None):
            raise ValueError(
                "give exactly one of delay_ms (from sending to playing) and buffer_ms (a jitter buffer: the "
                "wait of the fastest packet)"
            )
        return self

    def describe(self, least_delay_ms: float) -> str:
        if self.buffer_ms is not None:
            return f"has a jitter buffer of {self.buffer_ms:g} ms, counted from the fastest packet"
        assert self.delay_ms is not None
        plays = f"plays {self.delay_ms:g} ms after sending"
        if not least_delay_ms:
            return plays
        left_ms = self.delay_ms - least_delay_ms
        if left_ms < 0:
            return f"{plays}, before any packet can come: the network takes {least_delay_ms:g} ms or more"
        return (
            f"{plays}; the network takes {least_delay_ms:g} ms or more, which leaves {left_ms:g} ms "
            "for jitter and repairs"
        )

    def describe_late(self, delay_ms: float, variation_ms: float) -> str:
        if self.buffer_ms is not None:
            return (
                f"for a jitter buffer of {self.buffer_ms:g} ms; "
                f"95 % would be in time with one of {math.ceil(variation_ms)} ms"
            )
        return f"at {self.delay_ms:g} ms; 95 % would be in time at {math.ceil(delay_ms)} ms"

    def due_ns(self, sent_ns: int, fastest_ns: int | None) -> int | None:
        if self.delay_ms is not None:
            return sent_ns + round(self.delay_ms * 1e6)
        if self.buffer_ms is None or fastest_ns is None:
            return None
        return sent_ns + fastest_ns + round(self.buffer_ms * 1e6)
