"""The adaptive receiver: a jitter buffer whose delay follows the network, as NetEq's does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from testbed.adaptive.played import Played

if TYPE_CHECKING:
    from testbed.playout.adaptive import AdaptivePlayout


@dataclass(frozen=True)
class MediaClock:
    """The frames of a call on the RTP clock.

    Attributes
    ----------
    first_timestamp
        RTP timestamp of the first frame.
    frames
        Number of frames.
    frame_samples
        Samples per frame at 16 kHz.
    """

    first_timestamp: int
    frames: int
    frame_samples: int


class AdaptiveReceiver:
    """Plays the packets of one call; a plain function of their times of arrival.

    Parameters
    ----------
    playout
        The policy.
    media
        The frames of the call.
    decoder_complexity
        Of `testbed.codecs.opus.codec.Decoder`.
    may_pause
        Whether the sender omits pauses.
    """

    def __init__(
        self,
        playout: "AdaptivePlayout",
        media: MediaClock,
        decoder_complexity: int,
        may_pause: bool = False,
    ) -> None:
        self._playout = playout
        self._media = media
        self._decoder_complexity = decoder_complexity
        self._may_pause = may_pause

    def play(self, arrivals: Sequence[tuple[int, bytes]]) -> Played:
        """Return the sound of a call.

        Parameters
        ----------
        arrivals
            Times of arrival in nanoseconds and RTP packets, in the order of arrival.
        """
        raise NotImplementedError
