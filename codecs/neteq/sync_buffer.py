"""NetEq's sync buffer: sound that was played and sound that will be, and the operations on its end.

::

    buffer = SyncBuffer()
    buffer.normal(decoded)         # or merge, accelerate, preemptive_expand, append
    buffer.play(160)               # 10 ms
    buffer.expand(160)             # nothing was decoded: conceal
    buffer.play(160)

Positions count samples at 16 kHz from the first that `SyncBuffer.play` returns. A short overlap is always
kept back, so that a continuation can be faded into the last decoded samples: the first `OVERLAP_SAMPLES` that
are played are silence.
"""

from collections.abc import Callable

import numpy as np

from testbed.codecs.neteq.expand import Expand
from testbed.codecs.pcm import Pcm16
from testbed.kernels.background_noise import ESTIMATED_SAMPLES, UNKNOWN_ENERGY, NoiseLevel, updated
from testbed.kernels.expand import FULL, HISTORY_SAMPLES, OVERLAP_SAMPLES
from testbed.kernels.joining import NEEDED_CONTINUATION, joint, merged, resumed
from testbed.kernels.time_stretch import (
    NEEDED_SAMPLES,
    Splice,
    insert_period,
    insertion,
    removal,
    remove_period,
)

NOTHING: Pcm16 = np.zeros(0, np.int16)


class SyncBuffer:
    """Sound of one call, mono int16 at 16 kHz."""

    def __init__(self) -> None:
        self._sound: Pcm16 = np.zeros(HISTORY_SAMPLES + OVERLAP_SAMPLES, np.int16)
        self._begin = -HISTORY_SAMPLES
        self._next = 0
        self._expand = Expand()
        self._noise = NoiseLevel()
        self._is_as_decoded = False

    @property
    def next_position(self) -> int:
        """Position of the next sample to play."""
        return self._next

    @property
    def end_position(self) -> int:
        """Position after the last sample, where `append` and `normal` put decoded sound."""
        return self._begin + len(self._sound)

    @property
    def ready_samples(self) -> int:
        """Samples that can be played before more is decoded or concealed."""
        return self.end_position - self._next - OVERLAP_SAMPLES

    @property
    def is_expanding(self) -> bool:
        """True if the end is a continuation."""
        return self._expand.is_active

    @property
    def mute_factor(self) -> float:
        """Gain of the continuation, 1 to 0; 1 if there is none."""
        return self._expand.mute_factor / FULL if self._expand.is_active else 1.0

    def append(self, sound: Pcm16) -> None:
        """Add sound as it is: what libopus concealed, or comfort noise."""
        self._expand.reset()
        self._push(sound)
        self._is_as_decoded = False

    def normal(self, decoded: Pcm16) -> None:
        """Add decoded sound; after a continuation, it rises from that."""
        if len(decoded) and self._expand.is_active:
            continuation = self._expand.period(self._sound, is_last=True)
            decoded = resumed(continuation, decoded, self._expand.mute_factor, self._noise.energy)
            self._expand.reset()
        self._push(decoded)
        self._is_as_decoded = True

    def expand(self, samples: int) -> None:
        """Continue until so many samples are ready to play."""
        while self.ready_samples < samples:
            self._push(self._expand.period(self._sound))
        self._is_as_decoded = False

    def merge(self, decoded: Pcm16, at: int | None = None) -> int:
        """Pass from a continuation into decoded sound of a later packet.

        Parameters
        ----------
        decoded
            The sound. If it is empty, nothing happens.
        at
            Position of its first sample, from `next_position` to `end_position`; default: where it fits best.

        Returns
        -------
        int
            Position of its first sample. All sound from there on is replaced.
        """
        if not len(decoded):
            return self.end_position
        period = self._expand.period(self._sound, is_last=True)
        left = self._sound[self._next - self._begin :]
        repeats = -(-(NEEDED_CONTINUATION + len(left)) // len(period))
        continuation = np.concatenate((left, *[period] * repeats))
        if at is None:
            place = joint(continuation, decoded, self._expand.longest_lag, len(left))
        else:
            place = min(max(0, at - self._next), len(left))
        out = merged(continuation, place, decoded, self._expand.mute_factor)
        self._expand.reset()
        self._sound = np.concatenate((self._sound[: self._next - self._begin], out))
        self._is_as_decoded = False
        return self._next + place

    def accelerate(self, decoded: Pcm16 = NOTHING, is_fast: bool = False) -> Splice | None:
        """Add decoded sound and remove a period from the last 30 ms, if one is like the next.

        Returns
        -------
        Splice | None
            The splice, ``at`` as a position; None: nothing was removed.
        """
        first = max(self._add_to_stretch(decoded), self._next - self._begin)
        splice = removal(self._sound[first:], self._energy_of_noise, is_fast)
        return self._spliced(first, splice, remove_period)

    def preemptive_expand(self, decoded: Pcm16 = NOTHING) -> Splice | None:
        """Add decoded sound and repeat a period of the last 30 ms, if one is like the next.

        Returns
        -------
        Splice | None
            The splice, ``at`` as a position; None: nothing was inserted.
        """
        first = self._add_to_stretch(decoded)
        old = max(0, self._next - self._begin - first)
        splice = insertion(self._sound[first:], self._energy_of_noise, old)
        return self._spliced(first, splice, insert_period)

    def play(self, samples: int) -> Pcm16:
        """Return the next samples: at most `ready_samples`, of the call's last ones also the overlap."""
        first = self._next - self._begin
        out = self._sound[first : first + samples].copy()
        self._next += len(out)
        if self._is_as_decoded:
            self._noise = updated(self._noise, self._sound[-ESTIMATED_SAMPLES:])
        forgotten = self._next - self._begin - HISTORY_SAMPLES
        self._sound = self._sound[forgotten:].copy()
        self._begin += forgotten
        return out

    @property
    def _energy_of_noise(self) -> float:
        return self._noise.energy if self._noise.is_known else UNKNOWN_ENERGY

    def _add_to_stretch(self, decoded: Pcm16) -> int:
        """Add decoded sound; return the index from which to stretch, 30 ms before the end or further."""
        self._expand.reset()
        self._push(decoded)
        return len(self._sound) - max(NEEDED_SAMPLES, len(decoded))

    def _spliced(
        self, first: int, splice: Splice, change: Callable[[Pcm16, int, int], Pcm16]
    ) -> Splice | None:
        """Make a splice in the sound from an index on; return it with its position."""
        self._is_as_decoded = not splice.period
        if not splice.period:
            return None
        changed = change(self._sound[first:], splice.at, splice.period)
        self._sound = np.concatenate((self._sound[:first], changed))
        return splice._replace(at=self._begin + first + splice.at)

    def _push(self, sound: Pcm16) -> None:
        self._sound = np.concatenate((self._sound, sound))
