"""Plain version of `testbed.kernels.background_noise`."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from reference.lpc import levinson


def updated(
    level: tuple[float, bool, float, float], sound: NDArray[np.int16]
) -> tuple[float, bool, float, float]:
    """As the kernel."""
    energy, is_known, threshold, loudest = level
    x = sound.astype(np.float64)
    now = float(np.mean(x**2))
    if now >= threshold:
        loudest = max(now, loudest * 1023 / 1024)
        return energy, is_known, max(threshold * 1.0035, loudest / 2**20), loudest
    if not x.any():
        return level
    r = np.array([x[lag:] @ x[: 256 - lag] for lag in range(9)]).astype(np.float32)
    residual = lfilter(np.concatenate(([1.0], levinson(r[None])[0][0])), [1.0], x)[-64:]
    is_flat = now >= 1 and 20 * float(np.mean(residual**2)) >= now
    now = max(1.0, now)
    return (now, True, now, loudest) if is_flat else (energy, is_known, now, loudest)
