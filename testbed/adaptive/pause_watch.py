"""Pauses that were not sent, told from losses by the headers of the packets around them."""

from bisect import bisect_left, bisect_right, insort

from testbed.codecs.encoded_frame import EncodedFrame
from testbed.pauses import Arrival, pauses_between


class PauseWatch:
    """Remembers which frames arrived; see `testbed.pauses`."""

    def __init__(self) -> None:
        self._primaries: dict[int, tuple[Arrival, EncodedFrame]] = {}
        self._frames: list[int] = []
        self._arrived: set[int] = set()
        self._gap = (0, 0, 0)
        self._pauses: set[int] = set()

    def put(self, arrival: Arrival, content: EncodedFrame) -> None:
        """Take a primary."""
        if arrival.frame not in self._primaries:
            self._primaries[arrival.frame] = arrival, content
            insort(self._frames, arrival.frame)
        self.put_copy(arrival.frame)

    def put_copy(self, frame: int) -> None:
        """Take a RED copy."""
        self._arrived.add(frame)

    def is_pause(self, frame: int) -> bool:
        """Return whether a missing frame counts as a pause; until a later packet arrives, that is a guess."""
        earlier, later = bisect_left(self._frames, frame), bisect_right(self._frames, frame)
        if earlier == 0:
            return False
        before, content = self._primaries[self._frames[earlier - 1]]
        if later == len(self._frames):
            return not content.has_voice
        after, _ = self._primaries[self._frames[later]]
        gap = before.frame, after.frame, len(self._arrived)
        if gap != self._gap:
            between = range(before.frame + 1, after.frame)
            missing = [other for other in between if other not in self._arrived]
            self._gap, self._pauses = gap, set(pauses_between(before, after, missing))
        return frame in self._pauses
