"""Gaps of a stream of sound, and what its concealment remembers."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.concealers import PlacedConcealer
from testbed.codecs.pcm import Pcm16, float_from_int16
from testbed.kernels.bark import FRAME, Floats
from testbed.kernels.plc import AHEAD, MAX_HEARD


class HistoryId(NamedTuple):
    """Identifies the received sound before an episode: streams with equal ones have equal histories.

    Attributes
    ----------
    encoding
        The decoding without loss that the sound is of.
    start
        The episode's first frame.
    is_first
        Whether there was no earlier gap.
    """

    encoding: object
    start: int
    is_first: bool


@dataclass
class ConcealmentStream:
    """The concealment of one decoder, which remembers earlier gaps.

    Attributes
    ----------
    row
        Row of its state in the synthesizer.
    history
        int16: the sound so far; at least its last `kept_samples`, at first up to twice as many.
    concealed, received
        Frames of 10 ms in the last gap (0: there was none), and since then.
    history_id
        Its history, until the stream adds sound of its own; then None.
    kept_samples
        Sound that is kept.
    """

    row: int
    history: Pcm16
    concealed: int
    received: int
    history_id: HistoryId | None
    kept_samples: int = MAX_HEARD * FRAME

    def add_received(self, pcm: Pcm16) -> None:
        """Add received sound to the history."""
        self._add(pcm)
        self.received += len(pcm) // FRAME

    def add_concealed(self, pcm: Pcm16) -> None:
        """Add the sound of a gap to the history."""
        self._add(pcm)
        self.concealed, self.received = len(pcm) // FRAME, 0

    def _add(self, pcm: Pcm16) -> None:
        self.history = np.concatenate((self.history, pcm))[-self.kept_samples :]
        self.history_id = None


@dataclass(frozen=True)
class Gap:
    """A gap to be concealed.

    Attributes
    ----------
    stream
        The concealment of its decoder.
    given, known
        float32 (frames + 2, 20) and bool (frames + 2,): the features from redundancy, and where there are
        any; see `testbed.kernels.plc.conceal`. The first two are ahead of the gap.
    vocoder, seed
        Who synthesizes it, by name, and the seed of its random numbers.
    concealer
        Who fills it instead of libopus's networks and a vocoder; None: they do.
    is_last
        Whether it is the last gap of its stream.
    """

    stream: ConcealmentStream
    given: NDArray[np.float32]
    known: NDArray[np.bool_]
    vocoder: str
    seed: int
    concealer: PlacedConcealer | None
    is_last: bool

    @property
    def frames(self) -> int:
        """Its length in frames of 10 ms."""
        return len(self.known) - AHEAD

    def past(self, samples: int) -> Floats:
        """Return the last samples before it; zeros before the call."""
        last = self.stream.history[-samples:]
        return np.concatenate((np.zeros(samples - len(last), np.float32), float_from_int16(last)))
