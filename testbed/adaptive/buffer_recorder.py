"""Records the state of the jitter buffer while a call is played."""

import numpy as np

from testbed.adaptive.played import BufferLevels, Waits


class BufferRecorder:
    """Levels of the buffer by tick, and waits of its packets."""

    def __init__(self) -> None:
        self._levels: list[tuple[int, float, float]] = []
        self._waits: list[tuple[int, int, int]] = []

    def level(self, at_ns: int, buffer_ms: float, target_ms: float) -> None:
        """Take the state before a decision."""
        self._levels.append((at_ns, buffer_ms, target_ms))

    def wait(self, at_ns: int, waited_ns: int, samples: int) -> None:
        """Take the wait of a packet that is decoded."""
        self._waits.append((at_ns, waited_ns, samples))

    def levels(self) -> BufferLevels:
        """Return the levels."""
        at_ns, buffer_ms, target_ms = zip(*self._levels, strict=True) if self._levels else ((), (), ())
        return BufferLevels(
            np.array(at_ns, np.int64), np.array(buffer_ms, np.float64), np.array(target_ms, np.float64)
        )

    def waits(self) -> Waits:
        """Return the waits."""
        return Waits(*np.array(self._waits, np.int64).reshape(-1, 3).T)
