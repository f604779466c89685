"""The interface of vocoders, which synthesize gaps from features."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from testbed.codecs.concealers.concealer import Sound

Floats = NDArray[np.float32]
_MOST_S = 600


@dataclass(frozen=True)
class VocoderGap:
    """A gap to be synthesized.

    A feature vector has libopus's 20 features (`testbed.kernels.bark`): 18 cepstral coefficients, the pitch
    and the frame correlation. It describes 20 ms, and there is one per 10 ms.

    Attributes
    ----------
    past
        float32 (2400,): the last 150 ms before the gap, 16 kHz, full scale is 1; zeros before the call.
    past_features
        float32 (5, 20): the vectors of the past; the last one ends where the gap begins.
    features
        float32 (frames + 2, 20): the vectors of a gap of `frames` of 10 ms, brought by DRED or predicted;
        vector i ends with frame i. The last two are look-ahead.
    seed
        Seed of the gap's random numbers, 0 to 2**63 - 1; the same gap of the same call has the same one.
    """

    past: Floats
    past_features: Floats
    features: Floats
    seed: int

    @property
    def frames(self) -> int:
        """Its length in frames of 10 ms."""
        return len(self.features) - 2

    @property
    def samples(self) -> int:
        """Its length in samples at 16 kHz."""
        return 160 * self.frames


class Vocoder(Protocol):
    """Synthesizes gaps. The sound of a gap is a function of that gap alone, whatever the others are."""

    def synthesize(self, gaps: Sequence[VocoderGap]) -> Iterable[Sound]:
        """Return the sound of each gap, (`gap.samples`,), in order.

        It is int16, or floats whose full scale is 1; what is louder is clipped.
        """


@dataclass(frozen=True)
class VocoderKind:
    """A vocoder in the registry.

    Attributes
    ----------
    label
        Its name in tables.
    create
        Makes the vocoder, once per process, such as its class; None: the engine has it (FARGAN, whose state
        libopus keeps from one gap to the next).
    version
        Raised when its sound changes, so that no earlier sound is taken from the cache.
    longest_s
        Longest time for the sound of a gap, up to 600; a vocoder of another package that takes longer is
        stopped, and the call fails.

    Raises
    ------
    ValueError
        `longest_s` is not such a time.
    """

    label: str
    create: Callable[[], Vocoder] | None
    version: int = 1
    longest_s: float = 30

    def __post_init__(self) -> None:
        if not isinstance(self.longest_s, int | float) or not 0 < self.longest_s <= _MOST_S:
            raise ValueError(f"longest_s must be a time of up to {_MOST_S} s, not {self.longest_s!r}")
