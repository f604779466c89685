"""Sound of gaps: libwebrtc's own, and that of the adaptive receiver on the same arrivals."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import correlate

from libwebrtc.call import CLOCK_HZ, SOUND_FILE
from libwebrtc.figures import arrivals, play
from testbed.codecs.pcm import SAMPLE_RATE_HZ

_TICK, _BEFORE, _WITHIN = SAMPLE_RATE_HZ // 100, 15 * SAMPLE_RATE_HZ // 100, SAMPLE_RATE_HZ
_AUDIBLE = 200.0
_SAME = 0.95
_Sound = NDArray[np.float64]


@dataclass(frozen=True)
class GapSound:
    """One gap after audible speech that both receivers played alike.

    Attributes
    ----------
    similarity
        Correlation coefficient of both sounds in the gap.
    levels_db
        Level of ours above theirs in each audible 10 ms of the gap.
    """

    similarity: float
    levels_db: list[float]


def gaps(folder: Path) -> Iterator[GapSound]:
    """Return the gaps of a call. libwebrtc plays at 48 kHz, and is compared at 16 kHz."""
    raw = np.fromfile(folder / SOUND_FILE, np.int16).astype(np.float64)
    theirs = soxr.resample(raw, CLOCK_HZ, SAMPLE_RATE_HZ)
    played = play(folder, arrivals(folder))
    ours = played.pcm.astype(np.float64)
    for gap in played.concealments:
        start, length = gap.start_sample, gap.samples
        before = ours[max(0, start - _BEFORE) : start - _TICK]
        if len(before) < _BEFORE - _TICK or np.std(before) < _AUDIBLE:
            continue
        at = _place(before, theirs, start - _BEFORE)
        if at is None:
            continue
        pair = [sound[place : place + length] for sound, place in ((ours, start), (theirs, at + _BEFORE))]
        yield _compared(*pair)


def _place(sound: _Sound, where: _Sound, expected: int) -> int | None:
    """Return where a sound is in another, within 1 s of the expected place; None: it is not there."""
    first = max(0, expected - _WITHIN)
    part = where[first : expected + len(sound) + _WITHIN]
    power = np.cumsum(np.concatenate(([0.0], part**2)))
    energies = power[len(sound) :] - power[: -len(sound)]
    similar = correlate(part, sound, "valid") / np.sqrt(1 + energies * (sound @ sound))
    best = int(np.argmax(similar))
    return first + best if similar[best] > _SAME else None


def _compared(ours: _Sound, theirs: _Sound) -> GapSound:
    levels = [
        [np.sqrt(1 + np.mean(sound[start : start + _TICK] ** 2)) for sound in (ours, theirs)]
        for start in range(0, len(ours) - _TICK + 1, _TICK)
    ]
    similarity = ours @ theirs / np.sqrt(1 + (ours @ ours) * (theirs @ theirs))
    return GapSound(
        float(similarity),
        [float(20 * np.log10(our / their)) for our, their in levels if max(our, their) > _AUDIBLE],
    )
