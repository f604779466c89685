"""The metric `lsd_db`: log-spectral distance, of which lower is better.

Gray, Markel: "Distance measures for speech processing", IEEE Transactions on ASSP 24(5), 1976.
"""

import math

import numpy as np
from numpy.typing import NDArray

from testbed.metrics.metric import Measure, Metric, Signal

FRAME_SAMPLES = 512
FLOOR = 1e-6
"""Power below which a spectrum counts as silent."""


def create() -> Measure:
    """Return the metric."""
    return distance_db


def distance_db(reference: Signal, degraded: Signal) -> float:
    """Return the mean distance of the spectra in dB over frames of 32 ms."""
    difference_db = _spectra_db(reference) - _spectra_db(degraded)
    return float(np.mean(np.sqrt(np.mean(difference_db**2, axis=1))))


def _spectra_db(signal: Signal) -> NDArray[np.float64]:
    frames = signal[: len(signal) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME_SAMPLES), axis=1)) ** 2
    return 10 * np.log10(power + FLOOR)


METRIC = Metric(
    label="LSD",
    about="log-spectral distance from the clean recording",
    create=create,
    unit="dB",
    bounds=(0.0, math.inf),
    better="lower",
)
