"""Interfaces of playout policies."""

from typing import Protocol


class Playout(Protocol):
    """Decides when a frame is played; a plain state machine without a clock of its own."""

    def describe(self, least_delay_ms: float) -> str:
        """Return a description that continues the word "receiver".

        Parameters
        ----------
        least_delay_ms
            Smallest delay of the network, as far as it is known.
        """

    def describe_late(self, delay_ms: float, variation_ms: float) -> str:
        """Return the setting at which packets are too late, and that at which 95 % would be in time.

        Parameters
        ----------
        delay_ms, variation_ms
            95th percentiles of the delay, and of the delay above the smallest.
        """


class ScheduledPlayout(Playout, Protocol):
    """Gives each frame a time of its own; the adaptive policy has `testbed.adaptive` instead."""

    def due_ns(self, sent_ns: int, fastest_ns: int | None) -> int | None:
        """Return when the frame must be played, or None for "not before everything has arrived".

        Parameters
        ----------
        sent_ns
            Time at which the frame's packet was sent, or would have been.
        fastest_ns
            Delay of the call's fastest packet; None as long as more can arrive.
        """
