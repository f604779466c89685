"""What a playout policy answers."""

from typing import Protocol


class Playout(Protocol):
    """Says when a frame must be played; a plain state machine that knows no clock but what it is told."""

    def describe(self, least_delay_ms: float) -> str:
        """Return what the receiver does, in words that follow "receiver".

        Parameters
        ----------
        least_delay_ms
            What the network adds to every packet's delay, as far as it is known.
        """

    def describe_late(self, delay_ms: float, variation_ms: float) -> str:
        """Return at which setting packets are too late and at which most would not be.

        Parameters
        ----------
        delay_ms, variation_ms
            The delay, and the delay above the smallest, of the last of 95 in 100 packets that arrived.
        """

    def due_ns(self, sent_ns: int, fastest_ns: int | None) -> int | None:
        """Return when the frame must be played, or None for "not before everything has arrived".

        Parameters
        ----------
        sent_ns
            When the frame's packet was sent, or would have been.
        fastest_ns
            Delay of the call's fastest packet; None as long as more can arrive.
        """
