"""Pauses that were not sent, told from losses by the headers of the packets around them."""

from testbed.codecs.encoded_frame import EncodedFrame
from testbed.pauses import Arrival, pauses_between


class PauseWatch:
    """Remembers which frames arrived; see `testbed.pauses`."""

    def __init__(self) -> None:
        self._primaries: dict[int, tuple[Arrival, EncodedFrame]] = {}
        self._arrived: set[int] = set()
        self._newest = 0

    def put(self, arrival: Arrival, content: EncodedFrame) -> None:
        """Take a primary."""
        self._primaries.setdefault(arrival.frame, (arrival, content))
        self.put_copy(arrival.frame)

    def put_copy(self, frame: int) -> None:
        """Take a RED copy."""
        self._arrived.add(frame)
        self._newest = max(self._newest, frame)

    def is_pause(self, frame: int) -> bool:
        """Return whether a missing frame counts as a pause; until a later packet arrives, that is a guess."""
        before = self._first(range(frame - 1, -1, -1))
        if before is None:
            return False
        after = self._first(range(frame + 1, self._newest + 1))
        if after is None:
            return not before[1].has_voice
        between = range(before[0].frame + 1, after[0].frame)
        missing = [other for other in between if other not in self._arrived]
        return frame in pauses_between(before[0], after[0], missing)

    def _first(self, frames: range) -> tuple[Arrival, EncodedFrame] | None:
        return next((self._primaries[frame] for frame in frames if frame in self._primaries), None)
