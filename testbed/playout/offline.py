"""Offline receiver, without a playout deadline: nothing is late, and any later packet repairs a gap."""

from typing import Literal

from testbed.parameters import Parameters


class Offline(Parameters):
    """Play when everything has arrived, as opus_demo does: the upper bound of all policies."""

    policy: Literal["offline"]

    def describe(self, least_delay_ms: float) -> str:
        return "waits without limit"

    def describe_late(self, delay_ms: float, variation_ms: float) -> str:
        return "for a receiver that waits without limit"

    def due_ns(self, sent_ns: int, fastest_ns: int | None) -> None:
        return None
