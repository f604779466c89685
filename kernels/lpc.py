"""Linear prediction from a cepstrum: Levinson's recursion, and the all-pole envelope of a feature vector.

After libopus 1.6.1, dnn/freq.c. A prediction error filter is ``1 + sum(a[i] * z**-(i + 1))``.
"""

import numba
import numpy as np

from testbed.kernels.bark import AUTOCORRELATION, BANDS, COSINES, NOISE_FLOOR, ORDER, Floats

_ENOUGH = np.float32(1e-3)
"""Levinson's recursion stops once this share of the energy is left (30 dB of prediction gain)."""


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def levinson(autocorrelation: Floats, coefficients: Floats, error: Floats) -> None:
    """Solve for the prediction error filter of each autocorrelation (Levinson-Durbin).

    The recursion stops at 30 dB of prediction gain, as libopus's does; later coefficients stay 0.

    Parameters
    ----------
    autocorrelation
        (batch, order + 1); a signal without energy gives zeros.
    coefficients
        (batch, order), written.
    error
        (batch,), written: energy of the residual.
    """
    batch, lags = autocorrelation.shape
    for item in range(batch):
        left = autocorrelation[item, 0]
        a = coefficients[item]
        a[:] = 0
        if left > 0:
            for i in range(lags - 1):
                total = autocorrelation[item, i + 1]
                for j in range(i):
                    total += a[j] * autocorrelation[item, i - j]
                reflection = -total / left
                a[i] = reflection
                for j in range((i + 1) >> 1):
                    front, back = a[j], a[i - 1 - j]
                    a[j] = front + reflection * back
                    a[i - 1 - j] = back + reflection * front
                left -= reflection * reflection * left
                if left < _ENOUGH * autocorrelation[item, 0]:
                    break
        error[item] = max(left, np.float32(0))


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def lpc_from_cepstrum(cepstrum: Floats, coefficients: Floats, error: Floats) -> None:
    """Compute the prediction error filter with the envelope of a cepstrum.

    Parameters
    ----------
    cepstrum
        (batch, 18) or wider: only the first 18 of each row are read.
    coefficients
        (batch, 16), written.
    error
        (batch,), written: energy of the residual, twice the power of a (pre-emphasised, 16-bit) sample.
    """
    lpc_of_bands(AUTOCORRELATION, cepstrum, coefficients, error)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def lpc_of_bands(bands: Floats, cepstrum: Floats, coefficients: Floats, error: Floats) -> None:
    """Do as `lpc_from_cepstrum`; `bands`, (18, 17), are what bands add to the autocorrelation."""
    batch = cepstrum.shape[0]
    autocorrelation = np.zeros((batch, ORDER + 1), np.float32)
    for item in range(batch):
        for band in range(BANDS):
            log_energy = np.float32(0)
            for i in range(BANDS):
                value = cepstrum[item, i] + np.float32(4) if i == 0 else cepstrum[item, i]
                log_energy += value * COSINES[band, i]
            energy = np.float32(10.0 ** min(log_energy, np.float32(20)))
            for lag in range(ORDER + 1):
                autocorrelation[item, lag] += energy * bands[band, lag]
        autocorrelation[item, 0] += NOISE_FLOOR
    levinson(autocorrelation, coefficients, error)
