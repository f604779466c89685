"""The interface of a concealer: it is given gaps, and returns their sound."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from testbed.parameters import Parameters

FRAME_SAMPLES = 160
"""Samples of 10 ms, to which a vector of features belongs."""
FEATURES = 20
"""Numbers of a vector."""

Sound = NDArray[np.int16] | NDArray[np.floating[Any]]


@dataclass(frozen=True)
class GapToFill:
    """A gap in received speech, at 16 kHz.

    Attributes
    ----------
    past
        float32 (`past_ms` * 16,), full scale is 1: the sound before the gap, the latest sample last; zeros
        before the call's first sample. It is what the decoder heard, earlier gaps as they were filled.
    past_features
        float32 (`past_ms` / 10, 20): libopus's features of `past`, one vector per 10 ms: 18 Bark cepstral
        values, pitch, correlation (`testbed.kernels.features`).
    samples
        Length of the gap, a multiple of 160.
    features, known
        float32 (`samples` / 160 + 2, 20), bool (`samples` / 160 + 2,): the features that DRED brought, and
        for which vectors it did. They continue `past_features`; the last two lie behind the gap.
    seed
        Seed for random numbers, the same for the same gap in any run.
    """

    past: NDArray[np.float32]
    past_features: NDArray[np.float32]
    samples: int
    features: NDArray[np.float32]
    known: NDArray[np.bool_]
    seed: int


class GapFiller(Protocol):
    """Gives gaps their sound, which depends on the gap alone: they come from any call, in any number."""

    def fill(self, gaps: Sequence[GapToFill]) -> Iterable[Sound]:
        """Yield the sound of each gap, in order.

        Returns
        -------
        Iterable
            (`samples`,) each: int16, or floats whose full scale is 1; what is louder is clipped.
        """


class ConcealerParameters(Parameters):
    """Base of the parameters of concealers, as a scenario's ``concealer: {name: {...}}`` gives them.

    Class attributes: `key` is the name in the registry, `packages` the further packages whose versions shape
    the sound.

    Attributes
    ----------
    past_ms
        Duration of the sound before a gap that the concealer is given.
    longest_s
        Longest time for the sound of a gap; a concealer that takes longer is stopped, and the call fails.
    """

    key: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()
    past_ms: int = Field(200, ge=20, le=2000, multiple_of=10)
    longest_s: float = Field(30, gt=0, le=600)

    def label(self) -> str:
        """Return the name of a scheme that is concealed by it."""
        return f"{self.key} PLC"

    def build(self, folder: Path) -> GapFiller:
        """Return the concealer; relative file names are relative to `folder`."""
        raise NotImplementedError


@dataclass(frozen=True)
class PlacedConcealer:
    """A concealer of a scenario that is not the testbed's own.

    Attributes
    ----------
    parameters
        Its parameters.
    folder
        The folder that its file names are relative to; absolute.
    digests
        SHA-256 of its files.
    """

    parameters: ConcealerParameters
    folder: Path
    digests: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"concealer {self.parameters.key!r}"
