"""Delay of each frame of a call, and its parts, from mouth to ear."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.recovery import Recovery
from testbed.timeline import NEVER, Timeline

if TYPE_CHECKING:
    import pandas as pd

_FROM_PACKETS = (Recovery.PRIMARY, Recovery.RED, Recovery.LBRR, Recovery.DRED)


@dataclass(frozen=True, repr=False)
class FrameDelays:
    """Delays of the frames that were sent, in playing order; arrays have one entry per frame.

    The delay from mouth to ear is that of a frame's first sample: it waits for the last one
    (`capture_ms`), and the codec returns it later by its look-ahead. The sound cards of both ends are not
    part of it.

    Attributes
    ----------
    capture_ms
        Duration of a frame: its packet is sent when it is complete.
    lookahead_ms
        Delay of the codec.
    network_ms
        From sending to arrival of the frame's own packet; NaN if it was lost.
    buffer_ms
        From the arrival of the packet that the frame is played from until then; NaN if it is concealed.
    mouth_to_ear_ms
        From the capture of the frame's first sample until it is played; NaN if it is never played.
    """

    capture_ms: float
    lookahead_ms: float
    network_ms: NDArray[np.float64]
    buffer_ms: NDArray[np.float64]
    mouth_to_ear_ms: NDArray[np.float64]

    @classmethod
    def of(
        cls, timeline: Timeline, frame_ms: float, lookahead_ms: float, is_played: bool = True
    ) -> "FrameDelays":
        """Return the delays of the frames of a timeline.

        Parameters
        ----------
        frame_ms, lookahead_ms
            Duration of a frame, and delay of the codec.
        is_played
            Whether frames have a time of playing; without, the delays that end with it are NaN.
        """
        sent_ns, arrived_ns, played_ns = timeline.sent_ns, timeline.arrived_ns, timeline.played_ns
        has_played = is_played & (played_ns != NEVER)
        is_repaired = np.isin(timeline.recovered_by, _FROM_PACKETS) & has_played
        came_ns = arrived_ns[np.where(is_repaired, timeline.source_frame, 0)]
        kept = timeline.is_sent
        return cls(
            frame_ms,
            lookahead_ms,
            _ms(arrived_ns - sent_ns, arrived_ns != NEVER)[kept],
            _ms(played_ns - came_ns, is_repaired)[kept],
            frame_ms + lookahead_ms + _ms(played_ns - sent_ns, has_played)[kept],
        )

    def table(self) -> "pd.DataFrame":
        """Return one row per frame; columns as the attributes."""
        import pandas as pd

        return pd.DataFrame(vars(self))


def _ms(delays_ns: NDArray[np.int64], is_known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return delays in milliseconds; NaN for unknown ones."""
    return np.where(is_known, delays_ns / 1e6, np.nan)
