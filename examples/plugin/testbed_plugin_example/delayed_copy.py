"""The scheme part `delayed_copy`: one RED copy of an older frame, far enough back to survive a gap."""

from typing import ClassVar

from pydantic import Field

from testbed.codecs.schemes.part import SchemePart


class DelayedCopy(SchemePart):
    """A RED copy of one frame, some packets after its own.

    Attributes
    ----------
    frames_later
        Number of packets after its own in which the frame is sent again.
    """

    key: ClassVar[str] = "delayed_copy"
    frames_later: int = Field(6, ge=1, le=50)

    def label(self) -> str:
        """Return a short name for tables."""
        return f"copy {self.frames_later} later"

    def distances(self) -> tuple[int, ...]:
        """Return how many frames back the copy lies."""
        return (self.frames_later,)
