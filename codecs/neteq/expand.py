"""NetEq's Expand: continues speech period by period until there is something to play again."""

import numpy as np

from testbed.codecs.pcm import Pcm16
from testbed.kernels.expand import (
    FULL,
    HISTORY_SAMPLES,
    OVERLAP_SAMPLES,
    ExpandState,
    SpeechModel,
    analyse,
    continued,
)

_SEED = 777
_LAGS = 3


class Expand:
    """A continuation of what was played; `reset` ends it."""

    def __init__(self) -> None:
        self._model: SpeechModel | None = None
        self._state = ExpandState(0, 1.0, FULL, 0.0, _SEED)
        self._memory = np.zeros(6)
        self._lag_index = -1
        self._direction = 1
        self._is_muting = True

    @property
    def is_active(self) -> bool:
        """True if a continuation has begun."""
        return self._model is not None

    @property
    def mute_factor(self) -> int:
        """Gain that is reached, out of `testbed.kernels.expand.FULL`; 0: nothing but silence follows."""
        return self._state.mute_factor

    @property
    def longest_lag(self) -> int:
        """The longest pitch lag in samples; 0 before the first period."""
        return 0 if self._model is None else self._model.longest_lag

    def period(self, sound: Pcm16, is_last: bool = False) -> Pcm16:
        """Return the next period.

        Parameters
        ----------
        sound
            What was decoded and continued, at least 32 ms; its end is changed, so that the period fits.
        is_last
            Whether decoded sound follows: the period takes the first lag, and is not muted further.
        """
        if self._model is None:
            self._begin(sound)
        assert self._model is not None
        if is_last:
            self._lag_index, self._direction, self._is_muting = 0, 1, False
        else:
            self._lag_index += self._direction
            if self._lag_index in (0, _LAGS - 1):
                self._direction = 1 if self._lag_index == 0 else -1
        made, self._state = continued(
            self._model,
            self._lag_index,
            self._is_muting,
            self._state,
            self._memory,
            sound[len(sound) - OVERLAP_SAMPLES :],
        )
        return made

    def reset(self) -> None:
        """End the continuation: the next period begins another one."""
        self._model = None

    def _begin(self, sound: Pcm16) -> None:
        self._model = analyse(sound[len(sound) - HISTORY_SAMPLES :])
        self._state = ExpandState(0, 1.0, FULL, self._model.mute_slope, self._state.seed)
        self._memory = sound[: -len(self._memory) - 1 : -1].astype(np.float64)
        self._lag_index, self._direction, self._is_muting = -1, 1, True
