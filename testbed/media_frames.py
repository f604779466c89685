"""The frames of a call on the media clock: where each begins, how long it is, and when it can be sent."""

from typing import Protocol

from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.codecs.rtp.packet import CLOCK_HZ
from testbed.errors import CodecError
from testbed.sender import FIRST_TIMESTAMP

TICKS_PER_SAMPLE = CLOCK_HZ // SAMPLE_RATE_HZ


class MediaFrames(Protocol):
    """The frames of a call. A frame is what one packet carries."""

    def __len__(self) -> int:
        """Return their number."""

    def frame_of(self, timestamp: int) -> int:
        """Return the frame that begins at an RTP timestamp.

        Raises
        ------
        CodecError
            There is none.
        """

    def samples(self, frame: int) -> int:
        """Return the length of a frame at 16 kHz."""

    def sent_ns(self, frame: int) -> int:
        """Return when a frame's packet can be sent: as soon as the frame is complete."""

    def distance(self, frame: int, later: int) -> float:
        """Return the time from the beginning of a frame to that of a later one, in lengths of the first."""


class EqualFrames:
    """The frames of a call whose packets are equally long; see `MediaFrames`.

    Parameters
    ----------
    count, settings
        Number of frames of the call, and the settings they are encoded with.
    """

    def __init__(self, count: int, settings: EncoderSettings) -> None:
        self._count = count
        self._samples = settings.frame_samples
        self._ns = settings.frame_ms * 1_000_000
        self._ticks = settings.frame_samples * TICKS_PER_SAMPLE

    def __len__(self) -> int:
        return self._count

    def frame_of(self, timestamp: int) -> int:
        frame, rest = divmod((timestamp - FIRST_TIMESTAMP) & 0xFFFFFFFF, self._ticks)
        if rest or frame >= self._count:
            raise CodecError(f"RTP timestamp {timestamp} is not that of a frame of this call")
        return frame

    def samples(self, frame: int) -> int:
        return self._samples

    def sent_ns(self, frame: int) -> int:
        return (frame + 1) * self._ns

    def distance(self, frame: int, later: int) -> float:
        return later - frame
