"""Smoothed level of the packet buffer."""

_FACTORS_Q8 = ((20, 251), (60, 252), (140, 253))
_SLOWEST_FACTOR_Q8 = 254


class BufferLevelFilter:
    """Exponential mean of the level, one value per tick, in Q8; slower for larger target delays."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start from an empty buffer."""
        self._level_q8 = 0

    @property
    def level_samples(self) -> int:
        """The smoothed level, to the nearest sample."""
        return (self._level_q8 + 128) >> 8

    def set_level(self, samples: int) -> None:
        """Start again from a level."""
        self._level_q8 = samples << 8

    def update(self, samples: int, removed_samples: int, target_delay_ms: int) -> None:
        """Take the level of a tick, and what stretching has removed (negative: inserted) since the last."""
        factor = next((factor for most, factor in _FACTORS_Q8 if target_delay_ms <= most), _SLOWEST_FACTOR_Q8)
        level_q8 = (factor * self._level_q8 >> 8) + (256 - factor) * samples
        self._level_q8 = max(0, level_q8 - (removed_samples << 8))
