"""What a playout policy answers."""

from typing import Protocol


class Playout(Protocol):
    """Says when a frame must be played; a plain state machine that knows no clock but what it is told."""

    def due_ns(self, sent_ns: int, fastest_ns: int | None) -> int | None:
        """Return when the frame must be played, or None for "not before everything has arrived".

        Parameters
        ----------
        sent_ns
            When the frame's packet was sent, or would have been.
        fastest_ns
            Delay of the call's fastest packet; None as long as more can arrive.
        """
