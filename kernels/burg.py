"""Burg cepstrum, from which libopus's deep PLC predicts: spectral envelopes of each 5 ms before a gap.

After libopus 1.6.1, dnn/burg.c and dnn/freq.c. The recursion runs in double precision, as it does there.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from testbed.kernels.bark import (
    BANDS,
    BINS,
    COSINES,
    FRAME,
    ORDER,
    PREEMPHASIS,
    WINDOW,
    Floats,
    band_energies,
    sane,
)

_HALF = FRAME // 2
_SAMPLES = _HALF - 1
_MIN_INVERSE_GAIN = 1e-3
_CONDITIONING = np.float64(np.float32(1e-5))
_ANGLES = 2 * np.pi / WINDOW * np.outer(np.arange(ORDER + 1), np.arange(BINS))
_COS: NDArray[np.float64] = np.cos(_ANGLES)
_SIN: NDArray[np.float64] = np.sin(_ANGLES)
_EXPANSION = 0.995
_GAIN = 0.45 / WINDOW**3


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def burg(x: NDArray[np.float64], a: NDArray[np.float64]) -> float:  # noqa: PLR0912 - as many branches as libopus
    """Fit a prediction error filter to samples by Burg's method, on correlations instead of residuals.

    Parameters
    ----------
    x
        Samples, more than twice as many as the order.
    a
        (order,), written: the prediction error filter without its leading 1. Where the prediction gain
        would exceed 30 dB, the reflection is limited and later coefficients stay 0.

    Returns
    -------
    float
        Energy of the prediction residual, at least 0.
    """
    samples, order = x.size, a.size
    energy = 0.0
    for i in range(samples):
        energy += x[i] * x[i]
    first = np.zeros(order)
    padded = np.zeros(samples + order)
    for i in range(samples):
        padded[i] = x[i]
    for i in range(samples):
        for k in range(order):
            first[k] += x[i] * padded[i + 1 + k]
    last = first.copy()
    forward, backward = np.zeros(order + 1), np.zeros(order + 1)
    forward[0] = backward[0] = energy * (1 + _CONDITIONING) + 1e-9
    a[:] = 0
    inverse_gain = 1.0
    for n in range(order):
        end = samples - n
        ahead, behind = x[n], x[end - 1]
        for k in range(n):
            first[k] -= x[n] * x[n - k - 1]
            last[k] -= x[end - 1] * x[end + k]
            ahead += x[n - k - 1] * a[k]
            behind += x[end + k] * a[k]
        for k in range(n + 1):
            forward[k] -= ahead * x[n - k]
            backward[k] -= behind * x[end + k - 1]
        ahead, behind = first[n], last[n]
        for k in range(n):
            ahead += last[n - k - 1] * a[k]
            behind += first[n - k - 1] * a[k]
        forward[n + 1], backward[n + 1] = ahead, behind
        crossed, in_front, in_back = behind, forward[0], backward[0]
        for k in range(n):
            crossed += backward[n - k] * a[k]
            in_front += forward[k + 1] * a[k]
            in_back += backward[k + 1] * a[k]
        reflection = -2 * crossed / (in_front + in_back)
        left = inverse_gain * (1 - reflection * reflection)
        limited = not left > _MIN_INVERSE_GAIN
        if limited:
            reflection = np.copysign(np.sqrt(1 - _MIN_INVERSE_GAIN / inverse_gain), -crossed)
            left = _MIN_INVERSE_GAIN
        inverse_gain = left
        for k in range((n + 1) >> 1):
            front, back = a[k], a[n - k - 1]
            a[k] = front + reflection * back
            a[n - k - 1] = back + reflection * front
        a[n] = reflection
        if limited:
            for i in range(order):
                energy -= x[i] * x[i]
            return float(max(0.0, energy * inverse_gain))
        for k in range(n + 2):
            front = forward[k]
            forward[k] += reflection * backward[n - k + 1]
            backward[n - k + 1] += reflection * front
    residual, power = forward[0], 1.0
    for k in range(order):
        residual += forward[k + 1] * a[k]
        power += a[k] * a[k]
    return float(max(0.0, residual - _CONDITIONING * energy * power))


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _half_cepstrum(pcm: Floats, cepstrum: NDArray[np.float64]) -> None:
    """Write the 18 cepstral values of 80 samples."""
    x = np.empty(_SAMPLES)
    for i in range(_SAMPLES):
        x[i] = np.float32(sane(pcm[i + 1]) - PREEMPHASIS * sane(pcm[i]))
    a = np.empty(ORDER)
    gain = burg(x, a) / (_HALF - 2 * (ORDER - 1)) * _GAIN
    widening = 1.0
    for i in range(ORDER):
        widening *= _EXPANSION
        a[i] *= widening
    real, imaginary = np.ones(BINS), np.zeros(BINS)
    for i in range(ORDER):
        for k in range(BINS):
            real[k] += a[i] * _COS[i + 1, k]
            imaginary[k] += a[i] * _SIN[i + 1, k]
    for k in range(BINS):
        real[k] = 1 / ((real[k] * real[k] + imaginary[k] * imaginary[k]) / WINDOW**2 + 1e-9)
    energies = np.empty(BANDS)
    band_energies(real, energies)
    highest = follow = -2.0
    cepstrum[:] = 0
    for band in range(BANDS):
        level = max(highest - 8, follow - 2.5, np.log10(1e-2 + gain * energies[band]))
        highest = max(highest, level)
        follow = max(follow - 2.5, level)
        for i in range(BANDS):
            cepstrum[i] += level * COSINES[band, i]
    cepstrum[0] -= 4


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def burg_cepstrum(pcm: Floats, out: Floats) -> None:
    """Write the Burg cepstrum of frames of 10 ms.

    Parameters
    ----------
    pcm
        (batch, 160), scaled to 16 bits, not pre-emphasised.
    out
        (batch, 36), written: the mean of the cepstra of both halves, then their difference.
    """
    first, second = np.empty(BANDS), np.empty(BANDS)
    for item in range(pcm.shape[0]):
        _half_cepstrum(pcm[item, :_HALF], first)
        _half_cepstrum(pcm[item, _HALF:], second)
        for i in range(BANDS):
            out[item, i] = 0.5 * (first[i] + second[i])
            out[item, BANDS + i] = first[i] - second[i]
