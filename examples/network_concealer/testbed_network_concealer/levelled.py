"""The concealer `levelled`: a network in ONNX that hears all speech at one level."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.concealers.concealer import GapFiller, GapToFill
from testbed.codecs.concealers.onnx_concealer import OnnxConcealer

QUIETEST = 1e-4
"""Level below which speech counts as silence."""


class Levelled(OnnxConcealer):
    """A network in ONNX for speech of one level.

    Attributes
    ----------
    level_dbov
        Level that the network was trained with.
    """

    key: ClassVar[str] = "levelled"
    level_dbov: float = -26

    def label(self) -> str:
        """Return the name of a scheme that is concealed by it."""
        return "levelled PLC"

    def build(self, folder: Path) -> "Levelling":
        """Return the concealer."""
        return Levelling(super().build(folder), 10 ** (self.level_dbov / 20))


class Levelling:
    """Gives a network the past at another level, and its sound the level of the past."""

    def __init__(self, network: GapFiller, level: float) -> None:
        self._network, self._level = network, level

    def fill(self, gaps: Sequence[GapToFill]) -> Iterator[NDArray[np.float32]]:
        """Yield the sound of each gap."""
        for gap in gaps:
            heard = max(QUIETEST, float(np.sqrt(np.mean(gap.past**2))))
            levelled = replace(gap, past=(gap.past * (self._level / heard)).astype(np.float32))
            [sound] = self._network.fill([levelled])
            yield (sound * (heard / self._level)).astype(np.float32)
