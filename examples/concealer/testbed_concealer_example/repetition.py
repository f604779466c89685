"""The concealer `repetition`: the last pitch period again and again, fading out."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from testbed.codecs.concealers.concealer import ConcealerParameters, GapToFill

SHORTEST, LONGEST = 32, 320
"""Pitch periods in samples: 500 to 50 Hz."""


class Repetition(ConcealerParameters):
    """Repeats the last pitch period.

    Attributes
    ----------
    past_ms
        Duration of the sound before a gap in which the period is sought.
    hold_ms
        Time for which the sound keeps its level.
    fade_ms
        Time in which it then fades to silence.
    """

    key: ClassVar[str] = "repetition"
    past_ms: int = Field(60, ge=40, le=2000, multiple_of=10)
    hold_ms: float = Field(20, ge=0, le=1000)
    fade_ms: float = Field(100, gt=0, le=1000)

    def build(self, folder: Path) -> "Repeating":
        """Return the concealer."""
        return Repeating(self.hold_ms, self.fade_ms)


class Repeating:
    """Fills gaps one by one."""

    def __init__(self, hold_ms: float, fade_ms: float) -> None:
        self._hold_ms, self._fade_ms = hold_ms, fade_ms

    def fill(self, gaps: Sequence[GapToFill]) -> Iterator[NDArray[np.float32]]:
        """Yield the sound of each gap."""
        for gap in gaps:
            period = gap.past[-pitch_period(gap.past) :]
            time_ms = np.arange(gap.samples) / 16
            level = np.clip(1 - (time_ms - self._hold_ms) / self._fade_ms, 0, 1)
            yield (np.resize(period, gap.samples) * level).astype(np.float32)


def pitch_period(past: NDArray[np.float32]) -> int:
    """Return the distance in samples at which the last 20 ms resemble what was before them most."""
    last = past[-LONGEST:]
    before = np.lib.stride_tricks.sliding_window_view(past[:-SHORTEST], len(last))[::-1]
    before = before[: LONGEST - SHORTEST + 1]
    likeness = before @ last / np.sqrt(np.einsum("ij,ij->i", before, before) + 1e-6)
    return SHORTEST + int(np.argmax(likeness))
