"""Late policies at work: what becomes of packets whose time is being concealed."""

from typing import Protocol

from testbed.adaptive.packet_buffer import PacketBuffer
from testbed.playout.late import Late


class LatePolicy(Protocol):
    """Decides on packets in the buffer, before each tick.

    Attributes
    ----------
    keeps_delay
        Whether the delay does not grow by concealment.
    """

    keeps_delay: bool

    def trim(self, buffer: PacketBuffer, concealed_until: int) -> None:
        """Remove from the buffer what is too late.

        Parameters
        ----------
        concealed_until
            Media time up to which the open gap is concealed.
        """

    def waits(self, excess_ms: float) -> bool:
        """Return whether playout waits for what is missing before the next packet.

        Parameters
        ----------
        excess_ms
            The delay that what is missing would have if it came now, above the controller's target.
        """


class StallPolicy:
    """All is played in full; the delay grows by the concealed time."""

    keeps_delay = False

    def trim(self, buffer: PacketBuffer, concealed_until: int) -> None:
        pass

    def waits(self, excess_ms: float) -> bool:
        return False


class DropPolicy(StallPolicy):
    """A packet is lost once the concealment of its time has begun."""

    keeps_delay = True

    def trim(self, buffer: PacketBuffer, concealed_until: int) -> None:
        buffer.discard_before(concealed_until)


class SplicePolicy(StallPolicy):
    """The part of a packet that is not yet concealed is played."""

    keeps_delay = True

    def trim(self, buffer: PacketBuffer, concealed_until: int) -> None:
        while (first := buffer.first) is not None and first.end <= concealed_until:
            buffer.take()
        if first is not None and first.start < concealed_until:
            cut = concealed_until - first.start
            buffer.replace_first(
                first._replace(
                    start=concealed_until, samples=first.samples - cut, skipped=first.skipped + cut
                )
            )


class WaitPolicy(StallPolicy):
    """Playout waits for what is missing.

    Parameters
    ----------
    most_ms
        Delay above the controller's target at which the wait ends.
    """

    def __init__(self, most_ms: float) -> None:
        self._most_ms = most_ms

    def waits(self, excess_ms: float) -> bool:
        return excess_ms < self._most_ms


def late_policy(late: Late) -> LatePolicy:
    """Return the policy of a scenario's `late`."""
    if isinstance(late, str):
        return {"drop": DropPolicy, "splice": SplicePolicy, "stall": StallPolicy}[late]()
    return WaitPolicy(late.wait.most_ms)
