"""Plain version of `testbed.kernels.time_stretch`."""

import numpy as np
from numpy.typing import NDArray

from reference.pitch_search import correlations, downsampled, peak


def _period(sound: NDArray[np.int16], noise_energy: float) -> tuple[int, float, bool]:
    x = sound.astype(np.float64)
    values = correlations(downsampled(x[:480], 7, 110), 50, 10, 51)
    period = 40 + peak(values, 50)[1]
    left, right = x[240 - period : 240], x[240 : 240 + period]
    energy = np.sqrt((left @ left) * (right @ right))
    is_passive = (left @ left + right @ right) / (2 * period) <= 8 * noise_energy
    return period, max(0.0, float(left @ right / energy)) if energy else 0.0, bool(is_passive)


def removal(sound: NDArray[np.int16], noise_energy: float, is_fast: bool) -> tuple[int, int, bool]:
    """As the kernel."""
    if len(sound) >= 480:
        period, correlation, is_passive = _period(sound, noise_energy)
        if is_passive or correlation > (0.5 if is_fast else 0.9):
            period *= 240 // period if is_fast else 1
            return 240 - period, period, is_passive
    return 0, 0, False


def insertion(sound: NDArray[np.int16], noise_energy: float, old: int) -> tuple[int, int, bool]:
    """As the kernel."""
    if len(sound) >= 480 and len(sound) - old >= 10:
        period, correlation, is_passive = _period(sound, noise_energy)
        at = max(240, old)
        if is_passive:
            return at, min(period, len(sound) - at), True
        if correlation > 0.9 and old <= 240:
            return at, period, False
    return 0, 0, False
