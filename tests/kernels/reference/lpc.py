"""Plain version of `testbed.kernels.lpc`."""

import numpy as np
from numpy.typing import NDArray

from testbed.kernels.bark import BANDS, ORDER, Floats


def levinson(autocorrelation: NDArray[np.floating]) -> tuple[Floats, Floats]:
    """As the kernel, by Durbin's step on whole vectors in double precision."""
    filters, errors = [], []
    for r in np.asarray(autocorrelation, np.float64):
        a, left = np.ones(1), r[0]
        while 0 < len(a) < len(r) and left > 0:
            reflection = -(a @ r[len(a) : 0 : -1]) / left
            longer = np.r_[a, 0]
            a = longer + reflection * longer[::-1]
            left *= 1 - reflection**2
            if left < 1e-3 * r[0]:
                break
        filters.append(np.r_[a[1:], np.zeros(len(r) - len(a))])
        errors.append(max(left, 0))
    return np.array(filters, np.float32), np.array(errors, np.float32)


def lpc_from_cepstrum(cepstrum: Floats, *, compensated: bool = True) -> tuple[Floats, Floats]:
    """As the kernel, by an inverse Fourier transform of the interpolated spectrum."""
    edges = 4 * np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 34, 40])
    share = np.array(
        [0.8, 1, 1, 1, 1, 1, 1, 1, 2 / 3, 0.5, 0.5, 0.5, 1 / 3, 0.25, 0.25, 0.2, 1 / 6, 0.173913]
    )
    n = np.arange(BANDS)
    filters, errors = [], []
    for row in np.asarray(cepstrum, np.float64)[:, :BANDS]:
        shifted = row + np.r_[4, np.zeros(BANDS - 1)]
        shifted[0] *= np.sqrt(0.5)
        logs = np.sqrt(2 / BANDS) * np.cos(np.pi / BANDS * np.outer(n + 0.5, n)) @ shifted
        spectrum = np.interp(
            np.arange(161), edges, 10 ** np.minimum(logs, 20) * (share if compensated else 1)
        )
        spectrum[160] = 0
        r = 320 * np.fft.irfft(spectrum)[: ORDER + 1]
        r[0] = r[0] * (1 + 1e-4) + 320 // 12 / 38
        r[1:] *= 1 - 6e-5 * np.arange(1, ORDER + 1) ** 2
        found, left = levinson(r[None])
        filters.append(found[0])
        errors.append(left[0])
    return np.array(filters), np.array(errors)
