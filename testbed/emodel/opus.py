"""Opus in the wideband E-model: Ie and Bpl, fitted to PLCMOS, since the ITU has no values for it.

`testbed.emodel.fit` fitted them to 12 clips of the corpus `asterisk` in independent losses of 1 to 20 %, at
12 to 64 kb/s of wideband speech in frames of 20 ms. They predict the MOS-CQ of one of these calls with an
error of 0.2 (root mean square). PLCMOS is milder than listeners: AMR-WB has a Bpl of 4.3 to 4.9 (ITU-T
G.113).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from testbed.codecs.concealers import Concealer
from testbed.codecs.schemes.part import ENHANCEMENT_COMPLEXITY, NEURAL_CONCEALMENT_COMPLEXITY
from testbed.emodel.bands import WIDEBAND
from testbed.emodel.impairments import burst_ratio

FRAME_MS = 20
"""Duration of the frames that the values hold for."""
_SPEECH_KBPS = (11.3, 15.0, 22.5, 30.0, 58.8)
_PLAIN = (22.2, 11.3, 2.8, 0.0, 0.0)
_ENHANCED = (8.1, 1.9, 0.0, 0.0, 0.0)
_BPL_CLASSIC, _BPL_NEURAL, _BPL_NETEQ = 18.7, 22.6, 13.9
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
        by_codec = self.impairment(kbps)
        is_beyond = ratio > _MOST_BURSTY and lost_percent >= _SPARSE_PERCENT
        if is_beyond or not math.isfinite(by_codec + delay_ms):
            return math.nan
        # A call is so short that independent losses may be spread more evenly than on average.
        rating = WIDEBAND.rating(delay_ms, by_codec, self.robustness, lost_percent, max(1.0, ratio))
        return WIDEBAND.mos(rating)


def equipment(decoder_complexity: int, concealer: Concealer) -> Equipment:
    """Return Opus with a decoder and its concealment."""
    impairments = _ENHANCED if decoder_complexity >= ENHANCEMENT_COMPLEXITY else _PLAIN
    of_codec = _BPL_NEURAL if decoder_complexity >= NEURAL_CONCEALMENT_COMPLEXITY else _BPL_CLASSIC
    return Equipment(_SPEECH_KBPS, impairments, _BPL_NETEQ if concealer == "neteq" else of_codec)
