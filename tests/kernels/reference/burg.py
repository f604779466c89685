"""Plain version of `testbed.kernels.burg`."""

import numpy as np
from numpy.typing import NDArray

from testbed.kernels.bark import Floats


def burg(x: NDArray[np.float64], order: int) -> tuple[NDArray[np.float64], float]:
    """As the kernel, on the residuals themselves: return the filter and the energy that it leaves."""
    energy = float(x @ x)
    extra = 1e-5 * energy + 1e-9
    a, gain = np.ones(1), 1.0
    for n in range(order):
        residual = np.convolve(x, a)[n + 1 : len(x)]
        mirrored = np.convolve(x, a[::-1])[n : len(x) - 1]
        crossed = residual @ mirrored + extra * (np.r_[a, 0] @ np.r_[0, a[::-1]])
        total = residual @ residual + mirrored @ mirrored + 2 * extra * (a @ a)
        reflection = -2 * crossed / total
        limited = gain * (1 - reflection**2) <= 1e-3
        if limited:
            reflection = -np.sign(crossed) * np.sqrt(1 - 1e-3 / gain)
        gain *= 1 - reflection**2
        a = np.r_[a, 0] + reflection * np.r_[0, a[::-1]]
        if limited:
            left = (energy - x[:order] @ x[:order]) * gain
            return np.r_[a[1:], np.zeros(order - n - 1)], max(0.0, float(left))
    residual = np.convolve(x, a)[order : len(x)]
    return a[1:], max(0.0, float(residual @ residual + (extra - 1e-5 * energy) * (a @ a)))


def burg_cepstrum(pcm: Floats) -> Floats:
    """As the kernel, with a Fourier transform of each filter."""
    edges = 4 * np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 34, 40])
    triangles = np.array([np.interp(np.arange(160), edges, row) for row in np.eye(18)])
    triangles[[0, 17]] *= 2
    angles = np.pi / 18 * np.outer(np.arange(18) + 0.5, np.arange(18))
    transform = np.cos(angles) * np.sqrt(2 / 18) * np.r_[np.sqrt(0.5), np.ones(17)]
    rows = []
    for frame in np.asarray(pcm, np.float64):
        halves = []
        for half in (frame[:80], frame[80:]):
            a, left = burg(half[1:] - np.float64(np.float32(0.85)) * half[:-1], 16)
            response = np.fft.rfft(np.r_[1, a * 0.995 ** np.arange(1, 17)], 320) / 320
            energies = triangles @ (1 / (np.abs(response[:160]) ** 2 + 1e-9))
            levels = np.log10(1e-2 + energies * 0.45 * left / 50 / 320**3)
            for band in range(18):
                earlier = levels[:band]
                follow = max([-2.0, *(earlier - 2.5 * np.arange(band - 1, -1, -1))])
                levels[band] = max(levels[band], max([-2.0, *earlier]) - 8, follow - 2.5)
            halves.append(levels @ transform - np.r_[4, np.zeros(17)])
        rows.append(np.r_[(halves[0] + halves[1]) / 2, halves[0] - halves[1]])
    return np.array(rows, np.float32)
