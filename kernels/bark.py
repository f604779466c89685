"""Tables shared by libopus's speech features, Burg cepstrum and FARGAN: window, Bark bands, cosines.

The feature vector of 20 (libopus 1.6.1, dnn/freq.c and dnn/lpcnet_enc.c; Valin & Skoglund, "LPCNet",
ICASSP 2019) is the cepstrum of 18 Bark bands, the pitch and the frame correlation, for 10 ms of
pre-emphasised 16 kHz speech.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FRAME = 160
"""Samples of 10 ms at 16 kHz."""
WINDOW = 320
BINS = WINDOW // 2 + 1
BANDS = 18
FEATURES = BANDS + 2
ORDER = 16
"""Order of linear prediction."""
PREEMPHASIS = np.float32(0.85)
MAX_PERIOD = 256
"""Longest pitch period in samples."""
MIN_PERIOD = 32

_EDGES = 4 * np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 34, 40])
"""Bins (50 Hz each) at the peak of each band's triangle."""


def _band_weights() -> NDArray[np.float64]:
    """Return the weight of each bin in each band, (161, 18): triangles from peak to peak."""
    weights = np.zeros((BINS, BANDS))
    for band in range(BANDS - 1):
        low, high = _EDGES[band], _EDGES[band + 1]
        rise = np.arange(high - low) / (high - low)
        weights[low:high, band] = 1 - rise
        weights[low:high, band + 1] = rise
    return weights


_INTERPOLATION = _band_weights()

BAND_WEIGHTS: Floats = (_INTERPOLATION * np.r_[2, np.ones(BANDS - 2), 2]).astype(np.float32)
"""(161, 18): power of a bin to energy of a band."""
_BEGINS, _ENDS = np.r_[0, _EDGES[:-1]], np.r_[_EDGES[1:], BINS - 1]

COSINES: Floats = (
    np.cos(np.pi / BANDS * np.outer(np.arange(BANDS) + 0.5, np.arange(BANDS)))
    * np.r_[np.sqrt(0.5), np.ones(BANDS - 1)]
    * np.sqrt(2 / BANDS)
).astype(np.float32)
"""(18, 18): log energies of bands to cepstrum, an orthogonal matrix; its transpose goes back."""

_COMPENSATION = np.r_[0.8, np.ones(7), 2 / 3, 0.5, 0.5, 0.5, 1 / 3, 0.25, 0.25, 0.2, 1 / 6, 4 / 23]


def _autocorrelation(weights: NDArray[np.float64]) -> Floats:
    """Return what bands add to the autocorrelation, with noise 40 dB below and a lag window."""
    cosines = np.cos(2 * np.pi / WINDOW * np.outer(np.arange(BINS), np.arange(ORDER + 1)))
    lags = weights.T @ (cosines * np.r_[1, 2 * np.ones(BINS - 2), 0][:, None])
    windowed: Floats = (lags * np.r_[1 + 1e-4, 1 - 6e-5 * np.arange(1, ORDER + 1) ** 2]).astype(np.float32)
    return windowed


AUTOCORRELATION = _autocorrelation(_INTERPOLATION * _COMPENSATION)
"""(18, 17): band energies to autocorrelation, with noise 40 dB below and a lag window."""
UNCOMPENSATED = _autocorrelation(_INTERPOLATION)
"""The same without compensation for the bands' widths, as LPCNet of 2019 has it."""

NOISE_FLOOR = np.float32(26 / 38)
"""Added to the autocorrelation of lag 0."""

_HALF = np.sin(np.pi / 2 * np.sin(np.pi / 2 * (np.arange(FRAME) + 0.5) / FRAME) ** 2)
HALF_WINDOW: Floats = _HALF.astype(np.float32)
"""(160,): rising half of the power-complementary analysis window."""

LOG_FLOOR = np.float32(1e-2)
"""Added to a band's energy before its logarithm; speech is scaled to 16 bits."""

_FULL_SCALE = np.float32(32768)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def sane(sample: np.float32) -> np.float32:
    """Return a sample limited to 16 bits; NaN becomes 0."""
    if not np.isfinite(sample):
        return np.float32(0)
    return min(max(sample, -_FULL_SCALE), _FULL_SCALE)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def band_energies(power: NDArray[Any], energies: NDArray[Any]) -> None:
    """Write the energy of each of the 18 bands, from the powers of bins 0 to 159."""
    for band in range(BANDS):
        energies[band] = 0
        for k in range(_BEGINS[band], _ENDS[band]):
            energies[band] += power[k] * BAND_WEIGHTS[k, band]
