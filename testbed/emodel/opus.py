"""Opus in the wideband E-model: Ie and Bpl, fitted to PLCMOS, since the ITU has no values for it.

They were fitted by `testbed.emodel.fit` to 12 clips of the corpus `asterisk` in independent losses of 1 to 20 %, at 12 to
64 kb/s of wideband speech in frames of 20 ms. They predict PLCMOS of a call with an error of 0.2 (root mean
square). PLCMOS is milder than listeners on AMR-WB, whose Bpl is 4.3 to 4.9 (ITU-T G.113).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from testbed.emodel.bands import WIDEBAND
from testbed.emodel.impairments import burst_ratio

FRAME_MS = 20
_SPARSE_PERCENT, _MOST_BURSTY = 2.0, 2.0  # G.107, 7.5: BurstR above 2 holds only below 2 % of loss


@dataclass(frozen=True)
class Equipment:
    """A decoder with its concealment.

    Attributes
    ----------
    speech_kbps, impairments
        Bitrates of the speech, and Ie at each; in between it is linear in the logarithm of the bitrate.
    robustness
        Bpl.
    """

    speech_kbps: Sequence[float]
    impairments: Sequence[float]
    robustness: float

    def impairment(self, kbps: float) -> float:
        """Return Ie at a bitrate; NaN beyond those that it was fitted to by more than a tenth."""
        low, high = min(self.speech_kbps) / 1.1, max(self.speech_kbps) * 1.1
        if not low <= kbps <= high:
            return math.nan
        return float(np.interp(math.log(kbps), np.log(self.speech_kbps), self.impairments))

    def mos(self, kbps: float, lost: int, bursts: int, frames: int, delay_ms: float) -> float:
        """Return the opinion on a call; NaN where the model does not hold.

        Parameters
        ----------
        kbps
            Bitrate of the speech.
        lost, bursts, frames
            Number of frames that were concealed, of runs of them, and of all frames.
        delay_ms
            From mouth to ear.
        """
        lost_percent = 100 * lost / frames
        ratio = burst_ratio(lost, bursts, frames) if lost else 1.0
        equipment = self.impairment(kbps)
        is_beyond = ratio > _MOST_BURSTY and lost_percent >= _SPARSE_PERCENT
        if is_beyond or not math.isfinite(equipment + delay_ms):
            return math.nan
        # A call is so short that independent losses may be spread more evenly than on average.
        rating = WIDEBAND.rating(delay_ms, equipment, self.robustness, lost_percent, max(1.0, ratio))
        return WIDEBAND.mos(rating)
