"""Where less DRED is sent than asked: by how much, and which bitrate would send it.

In VBR libopus sends only as much DRED as its own rate rule grants, so the answer is measured by encoding.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.encoding import dred_sent_ms, encode
from testbed.codecs.settings import EncoderSettings

ENOUGH = 0.8
"""A scheme that sends less than this share of the depth asked is warned about."""
HIGHEST_KBPS = 256
STEP_KBPS = 2


def sufficient_kbps(pcm: NDArray[np.int16], settings: EncoderSettings) -> int | None:
    """Return the lowest total bitrate, to 2 kb/s, that sends `ENOUGH` of the depth; None if there is none.

    Parameters
    ----------
    pcm
        A clip that is representative: mono samples at 16 kHz.
    settings
        The encoder's settings, of which only the bitrate is varied.
    """
    if settings.expected_loss_percent == 0:
        return None

    def is_enough(kbps: int) -> bool:
        encoding = encode(pcm, replace(settings, bitrate_bps=1000 * kbps))
        return dred_sent_ms(encoding.frames) >= ENOUGH * settings.dred_depth_ms

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
