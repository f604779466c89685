"""Plain version of `testbed.kernels.joining`."""

import numpy as np
from numpy.typing import NDArray

from reference.pitch_search import downsampled, peak

Sound = NDArray[np.int16]


def joint(continuation: Sound, decoded: Sound, longest_lag: int, left: int) -> int:
    """As the kernel."""
    low = downsampled(continuation.astype(np.float64), 4, 100)
    decoded_low = downsampled(
        decoded.astype(np.float64), 4, 40 if len(decoded) > 160 else (len(decoded) - 4) // 4
    )
    decoded_low = np.r_[decoded_low, np.zeros(40 - len(decoded_low))]
    lags = min(60, longest_lag // 4 + 1)
    values = np.r_[[decoded_low @ low[lag : lag + 40] for lag in range(lags)], np.zeros(80 - lags)]
    earliest = max(0, max(left, 170) - len(decoded))
    first = earliest // 4
    return earliest + peak(values[first:], min(lags, 69 - first))[1]


def _risen(decoded: Sound, gain: float) -> NDArray[np.float64]:
    rise = max(0.002, (1 - gain) / len(decoded))
    gains: NDArray[np.float64] = np.minimum(1, gain + rise * np.arange(len(decoded)))
    return decoded * gains


def merged(continuation: Sound, at: int, decoded: Sound, mute_factor: int) -> Sound:
    """As the kernel."""
    compared = min(128, len(decoded))
    energy, left_energy = (
        np.sum(each[:compared].astype(np.float64) ** 2) for each in (decoded, continuation)
    )
    gain = max(mute_factor / 16384, np.sqrt(left_energy / energy) if energy > left_energy else 1)
    risen = _risen(decoded, gain)
    fade = min(120, len(continuation) - at, len(decoded))
    share = np.arange(1, fade + 1) / (fade + 1)
    risen[:fade] = (1 - share) * continuation[at : at + fade] + share * risen[:fade]
    return np.concatenate((continuation[:at], np.rint(risen).astype(np.int16)))


def resumed(continuation: Sound, decoded: Sound, mute_factor: int, noise_energy: float) -> Sound:
    """As the kernel."""
    energy = np.mean(decoded[:128].astype(np.float64) ** 2)
    gain = max(mute_factor / 16384, np.sqrt(noise_energy / energy) if energy > noise_energy else 1)
    risen = _risen(decoded, gain)
    share = np.arange(1, 17) / 16
    risen[:16] = (1 - share) * continuation[:16] + share * risen[:16]
    out: Sound = np.rint(risen).astype(np.int16)
    return out
