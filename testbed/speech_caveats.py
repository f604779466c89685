"""Warnings about the user's own speech: a narrow band, damage in the recordings."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from testbed.codecs.pcm import SAMPLE_RATE_HZ
from testbed.codecs.schemes import NO_LOSS
from testbed.speech import Clip
from testbed.words import shortened

if TYPE_CHECKING:
    import pandas as pd

_LISTED = 5
_GOOD_PLCMOS = 4.0


def speech_caveats(clips: Sequence[Clip], table: "pd.DataFrame") -> Iterator[str]:
    """Yield what lowers scores before any packet is lost.

    Parameters
    ----------
    clips
        The speech.
    table
        One row per call.
    """
    narrow = [f"{clip.name} ({clip.rate_hz / 1000:g} kHz)" for clip in clips if clip.rate_hz < SAMPLE_RATE_HZ]
    if narrow:
        yield (
            f"recorded at less than {SAMPLE_RATE_HZ // 1000} kHz: {shortened(narrow, _LISTED)}; the metrics "
            "expect wideband speech and score a narrow band lower by itself"
        )
    if "plcmos" not in table:
        return
    clean = table[table["scheme"] == NO_LOSS].groupby("clip")["plcmos"].max()
    own = [
        clip.name for clip in clips if not clip.speaker and clean.get(clip.name, _GOOD_PLCMOS) < _GOOD_PLCMOS
    ]
    if own:
        shown = [f"{name} ({clean[name]:.1f})" for name in own]
        yield (
            f"PLCMOS below {_GOOD_PLCMOS:g} without any loss: {shortened(shown, _LISTED)}; noise, gaps or a "
            "codec in the recording hide what loss does"
        )
