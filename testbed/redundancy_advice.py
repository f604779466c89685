"""The bitrate, or the expected loss, at which libopus sends the requested redundancy.

libopus sends LBRR only above a threshold, and in VBR only as much DRED as its own rate rule grants, so the
answer is found by encoding.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.encoding import dred_sent_ms, encode, lbrr_sent
from testbed.codecs.opus.settings import EncoderSettings
from testbed.not_sent import ENOUGH_DRED, ENOUGH_LBRR

HIGHEST_KBPS = 256
STEP_KBPS = 2
LOSSES_PERCENT = (5, 10, 20, 30)
"""Values tried as expected loss; above the last libopus sends little more."""


def advice(pcm: NDArray[np.int16], settings: EncoderSettings) -> str:
    """Return the settings that send enough LBRR and DRED: a higher bitrate, a higher expected loss, or both.

    Parameters
    ----------
    pcm
        A representative clip: mono samples at 16 kHz.
    settings
        The encoder's settings.
    """
    kbps, percent = sufficient_kbps(pcm, settings), sufficient_loss_percent(pcm, settings)
    found = []
    if kbps is not None:
        found.append(f"{kbps} kb/s in all")
    if percent is not None:
        found.append(f"codec.expected_loss: {percent / 100:g}")
    if not found:
        most_percent = max(LOSSES_PERCENT[-1], settings.expected_loss_percent)
        kbps = sufficient_kbps(pcm, replace(settings, expected_loss_percent=most_percent))
        if kbps is None:
            return f"no bitrate up to {HIGHEST_KBPS} kb/s and no expected loss sends enough of it"
        found.append(f"codec.expected_loss: {most_percent / 100:g} with {kbps} kb/s in all")
    return f"{', or '.join(found)} would send enough of it"


def sufficient_kbps(pcm: NDArray[np.int16], settings: EncoderSettings) -> int | None:
    """Return the lowest total bitrate, to 2 kb/s, that sends enough LBRR and DRED; None if none does."""

    def is_enough(kbps: int) -> bool:
        return _sends_enough(pcm, replace(settings, bitrate_bps=1000 * kbps))

    # The depth does not always rise with the bitrate, so steps upward come before bisection.
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


def sufficient_loss_percent(pcm: NDArray[np.int16], settings: EncoderSettings) -> int | None:
    """Return the lowest of `LOSSES_PERCENT` at which enough is sent; None if there is none."""
    higher = (percent for percent in LOSSES_PERCENT if percent > settings.expected_loss_percent)
    expecting = (replace(settings, expected_loss_percent=percent) for percent in higher)
    return next((each.expected_loss_percent for each in expecting if _sends_enough(pcm, each)), None)


def _sends_enough(pcm: NDArray[np.int16], settings: EncoderSettings) -> bool:
    frames = encode(pcm, settings).frames
    has_lbrr = not settings.inband_fec or lbrr_sent(frames) >= ENOUGH_LBRR
    return has_lbrr and dred_sent_ms(frames) >= ENOUGH_DRED * settings.dred_depth_ms
