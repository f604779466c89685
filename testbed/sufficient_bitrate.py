"""The bitrate at which libopus sends the redundancy that is asked of it.

libopus sends LBRR above a threshold only, and in VBR only as much DRED as its own rate rule grants, so the
answer is measured by encoding.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.encoding import dred_sent_ms, encode, lbrr_sent
from testbed.codecs.settings import EncoderSettings
from testbed.not_sent import ENOUGH_DRED, ENOUGH_LBRR

HIGHEST_KBPS = 256
STEP_KBPS = 2


def sufficient_kbps(pcm: NDArray[np.int16], settings: EncoderSettings) -> int | None:
    """Return the lowest total bitrate, to 2 kb/s, that sends enough LBRR and DRED; None if none does.

    Parameters
    ----------
    pcm
        A clip that is representative: mono samples at 16 kHz.
    settings
        The encoder's settings, of which only the bitrate is varied.
    """

    def is_enough(kbps: int) -> bool:
        frames = encode(pcm, replace(settings, bitrate_bps=1000 * kbps)).frames
        has_lbrr = not settings.inband_fec or lbrr_sent(frames) >= ENOUGH_LBRR
        return has_lbrr and dred_sent_ms(frames) >= ENOUGH_DRED * settings.dred_depth_ms

    # Depth does not rise with the bitrate everywhere, so the way up is walked before it is halved.
    too_low, enough = settings.bitrate_bps // 1000, settings.bitrate_bps // 1000
    while not is_enough(enough):
        if enough >= HIGHEST_KBPS:
            return None
        too_low, enough = enough, min(HIGHEST_KBPS, enough + max(4, enough // 8))
    while enough - too_low > STEP_KBPS:
        middle = (too_low + enough) // 2
        if is_enough(middle):
            enough = middle
        else:
            too_low = middle
    return enough
