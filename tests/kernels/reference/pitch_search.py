"""Plain version of `testbed.kernels.pitch_search`."""

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def downsampled(sound: Doubles, start: int, count: int) -> Doubles:
    """As the kernel, by filtering all and keeping one sample in four."""
    filtered = np.convolve(sound, [0.15, 0.2, 0.3, 0.2, 0.15])
    return filtered[start::4][:count]


def correlations(low: Doubles, samples: int, first: int, lags: int) -> Doubles:
    """As the kernel, by shifting."""
    end = low[-samples:]
    return np.array([end @ np.roll(low, lag)[-samples:] for lag in range(first, first + lags)])


def peak(values: Doubles, count: int) -> tuple[int, int, float]:
    """As the kernel, by a fitted polynomial, evaluated at each of its places."""
    best = int(np.argmax(values[:count]))
    if best == 0:
        return 0, 0, float(values[0])
    if best == count - 1 and values[best + 1] >= values[best]:
        return best, 4 * best + 2, float(values[best : best + 2].mean())
    parabola = np.polyfit([-1, 0, 1], values[best - 1 : best + 2], 2)
    shifts = np.array([0, -1, 1, -2, 2])
    heights = np.polyval(parabola, shifts / 4)
    highest = int(np.argmax(heights))
    return best, 4 * best + int(shifts[highest]), float(heights[highest])
