"""ESTOI: extended short-time objective intelligibility, about 0 to 1.

Jensen, Taal: "An algorithm for predicting the intelligibility of speech masked by modulated noise maskers",
IEEE/ACM Transactions on Audio, Speech and Language Processing 24(11), 2016.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from testbed.metrics.metric import CannotScoreError, Measure, Metric, Signal

_KEPT_REFERENCES = 4
"""A clip of 10 s takes 2 MB."""
_DYNAMIC_RANGE = 1e-4
"""Frames 40 dB below the loudest are pauses."""


@dataclass(frozen=True)
class _Reference:
    """The half of the measure that the reference alone determines.

    Attributes
    ----------
    signal
        The reference.
    speech
        Indices of its frames that are not pauses.
    segments
        Its normalized segments, (segments, 15, 30).
    """

    signal: Signal
    speech: NDArray[np.int64]
    segments: NDArray[np.float64]


class _Estoi:
    """The measure; it keeps its half of the last few references."""

    def __init__(self) -> None:
        from testbed.kernels import estoi as kernels

        self._kernels = kernels
        self._references: list[_Reference] = []

    def __call__(self, reference: Signal, degraded: Signal) -> float:
        clean = self._half(reference)
        resampled = self._resampled(degraded, clean.speech)
        return self._kernels.correlation(clean.segments, self._levels(resampled, clean.speech))

    def _half(self, signal: Signal) -> _Reference:
        for kept in self._references:
            if np.array_equal(kept.signal, signal):
                return kept
        half = self._new_half(signal)
        self._references = [*self._references[1 - _KEPT_REFERENCES :], half]
        return half

    def _new_half(self, signal: Signal) -> _Reference:
        frames = np.arange(self._kernels.frame_count(len(signal)))
        resampled = self._resampled(signal, frames)
        energies = np.empty(len(frames))
        self._kernels.energies(resampled, energies)
        speech = np.flatnonzero(energies > _DYNAMIC_RANGE * energies.max(initial=0))
        segments = len(speech) - self._kernels.SEGMENT
        if segments < 1:
            raise CannotScoreError("ESTOI: less than 0.4 s of the reference is speech")
        normalized = np.empty((segments, self._kernels.BANDS, self._kernels.SEGMENT))
        self._kernels.normalize(self._levels(resampled, speech), normalized)
        return _Reference(signal.copy(), speech, normalized)

    def _resampled(self, signal: Signal, frames: NDArray[np.int64]) -> NDArray[np.float64]:
        resampled = np.empty((self._kernels.frame_count(len(signal)) + 1) * self._kernels.HOP)
        self._kernels.resample(signal, frames, resampled)
        return resampled

    def _levels(self, resampled: NDArray[np.float64], frames: NDArray[np.int64]) -> NDArray[np.float64]:
        joined = np.empty((len(frames) - 1, self._kernels.FRAME))
        self._kernels.join_frames(resampled, frames, joined)
        levels = np.empty((self._kernels.BANDS, len(joined)))
        self._kernels.band_levels(np.fft.rfft(joined, self._kernels.FFT), levels)
        return levels


def create() -> Measure:
    """Load the kernels."""
    return _Estoi()


METRIC = Metric(
    label="ESTOI",
    about="intelligibility against the clean recording",
    create=create,
    bounds=(0.0, 1.0),
    decimals=3,
    uses_kernels=True,
    margin=0.02,
)
"""The margin of 0.02 is the same share of the scale as 0.1 of PLCMOS, and less than the change in the
intelligibility of speech in noise with 1 dB, while listeners notice 3 dB (McShefferty et al., 2015).
"""
