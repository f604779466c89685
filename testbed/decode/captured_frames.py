"""The frames of a captured call: of any length, without a break, from the packets that arrived.

What was lost left no trace but time. A gap is divided into frames as long as the packet that follows it: the
packets before that one were probably as long, and its LBRR is.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence, Set

from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.codecs.rtp.packet import CLOCK_HZ
from testbed.errors import CodecError
from testbed.media_frames import TICKS_PER_SAMPLE
from testbed.sender import FIRST_TIMESTAMP

STEP_TICKS = CLOCK_HZ // 400
STEP_SAMPLES = STEP_TICKS // TICKS_PER_SAMPLE
"""The shortest Opus frame, 2.5 ms: all frames begin at multiples of it."""
NS_PER_SAMPLE = 10**9 // SAMPLE_RATE_HZ
_MOST_FRAMES_OF_A_GAP = 500

Span = tuple[int, int]
"""The first sample of a frame, and the one after its last, at 16 kHz."""


class CapturedFrames:
    """The frames of a captured call; see `testbed.media_frames.MediaFrames`.

    Parameters
    ----------
    spans
        The frames, in order, without a gap between them.
    """

    def __init__(self, spans: Sequence[Span]) -> None:
        self.spans = spans
        self._frames = {start: frame for frame, (start, _) in enumerate(spans)}

    def __len__(self) -> int:
        """Return their number."""
        return len(self.spans)

    def frame_of(self, timestamp: int) -> int:
        """Return the frame that begins at an RTP timestamp."""
        start, rest = divmod((timestamp - FIRST_TIMESTAMP) & 0xFFFFFFFF, TICKS_PER_SAMPLE)
        if rest or start not in self._frames:
            raise CodecError(f"RTP timestamp {timestamp} is not that of a frame of this call")
        return self._frames[start]

    def frame_at(self, start: int) -> int:
        """Return the frame that begins at a sample."""
        return self._frames[start]

    def samples(self, frame: int) -> int:
        """Return the length of a frame at 16 kHz."""
        start, end = self.spans[frame]
        return end - start

    def sent_ns(self, frame: int) -> int:
        """Return when a frame is complete, after the beginning of the first."""
        return self.spans[frame][1] * NS_PER_SAMPLE

    def distance(self, frame: int, later: int) -> float:
        """Return the time from the beginning of a frame to that of a later one, in lengths of the first."""
        start, end = self.spans[frame]
        return (self.spans[later][0] - start) / (end - start)


def apart(primaries: Set[Span], copies: Set[Span]) -> tuple[set[Span], set[Span]]:
    """Return the primaries and the copies that do not overlap each other; primaries have precedence.

    A copy of a primary that is there as well is kept.
    """
    kept = _apart(primaries)
    own = set(kept)
    starts = [start for start, _ in kept]
    others = []
    for start, end in copies:
        place = bisect_right(starts, start)
        is_behind = place == 0 or kept[place - 1][1] <= start
        if is_behind and (place == len(kept) or kept[place][0] >= end):
            others.append((start, end))
    return own, {*_apart(others), *(own & copies)}


def _apart(spans: Iterable[Span]) -> list[Span]:
    kept: list[Span] = []
    for start, end in sorted(spans):
        if not kept or start >= kept[-1][1]:
            kept.append((start, end))
    return kept


def without_gaps(spans: Iterable[Span]) -> list[Span]:
    """Return frames that do not overlap, in order, with the frames of the gaps between them."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start > found[-1][1]:
            found += _of_gap(found[-1][1], start, end - start)
        found.append((start, end))
    return found


def _of_gap(begin: int, end: int, length: int) -> list[Span]:
    """Return the frames of a gap; the beginning of a long one is one frame, since nothing reaches there."""
    first = max(begin, end - _MOST_FRAMES_OF_A_GAP * length)
    first += (end - first) % length
    starts = [*([begin] if first > begin else []), *range(first, end, length)]
    return list(zip(starts, [*starts[1:], end], strict=True))
