"""Plain version of `testbed.kernels.expand`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from reference.lpc import levinson
from reference.pitch_search import correlations, downsampled, peak


def _lags(x: NDArray[np.float64]) -> tuple[int, int]:
    values = correlations(downsampled(x, 512 - 496, 124), 60, 10, 51)
    found = []
    for _ in range(3):
        index, place, height = peak(values, 50)
        values[max(0, index - 2) : index + 3] = 0
        lag = place + 40
        near = range(max(40, lag - 8), min(239, lag + 8) + 1)
        distortions = [np.abs(x[-40:] - x[-40 - each : -each]).sum() for each in near]
        least = int(np.argmin(distortions))
        with np.errstate(divide="ignore", invalid="ignore"):
            found.append((np.nan_to_num(height / distortions[least], posinf=np.inf), near[least], lag))
    _, distortion_lag, correlation_lag = max(found, key=lambda each: each[0])
    return distortion_lag, correlation_lag


def _similarity(x: NDArray[np.float64], lags: tuple[int, int]) -> float:
    length = max(min(lags[0] + 10, 240), 120)
    products = {lag: x[-length:] @ x[-length - lag : -lag] for lag in range(min(lags), max(lags) + 1)}
    best = max(products, key=lambda lag: products[lag])
    energies = (x[-length:] @ x[-length:]) * (x[-length - best : -best] @ x[-length - best : -best])
    return min(1.0, float(products[best] / np.sqrt(energies))) if energies else 0.0


def analyse(history: NDArray[np.int16]) -> dict[str, Any]:
    """As the kernel; a dictionary."""
    x = history.astype(np.float64)
    found = distortion_lag, correlation_lag = _lags(x)
    longest = max(found)
    third = int(np.trunc((sum(found) - np.sign(distortion_lag - correlation_lag)) / 2))
    similarity = _similarity(x, found)
    share = 0.0
    if similarity > 0.48:
        powers = similarity ** np.arange(4)
        share = float(np.clip(np.array([-5179, 19931, -16422, 5776]) / 4096 @ powers, 0, 1))

    recent = x[-longest - 10 :]
    earlier = x[-longest - 10 - distortion_lag : -distortion_lag]
    ratio = np.sqrt((recent @ recent) / (earlier @ earlier)) if earlier.any() else 0.0
    if 0.5 < ratio < 2:
        earlier = earlier * ratio
    else:
        earlier, ratio = recent, 0.5 if ratio < 2 else 2.0

    end = x[-320:]
    r = np.array([end[lag:] @ end[: 320 - lag] for lag in range(7)]).astype(np.float32)
    filter_ = levinson(r[None])[0][0].astype(np.float64)
    residual = lfilter(np.concatenate(([1.0], filter_)), [1.0], x)[-128:]
    if ratio > 1.5:
        slope = (1 - 1 / ratio) / distortion_lag / (2 if ratio > 1.8 else 8)
    elif share <= 0.8:
        slope = max(0.0025, (1 - ratio) / distortion_lag)
    else:
        slope = 0.0 if ratio > 0.98 else (1 - ratio) / distortion_lag
    return {
        "lags": [distortion_lag, sum(found) // 2, third],
        "longest_lag": longest,
        "recent": recent,
        "earlier": earlier,
        "filter": filter_,
        "noise_gain": np.sqrt(np.mean(residual**2)),
        "voiced_share": share,
        "mute_slope": slope,
        "is_onset": ratio > 1.5,
    }


def continued(
    model: dict[str, Any], lag_index: int, is_muting: bool, state: tuple[Any, ...], memory: Any, tail: Any
) -> tuple[NDArray[np.int16], tuple[Any, ...]]:
    """As the kernel, a step at a time on whole vectors; changes memory and tail."""
    periods, share, mute, slope, seed = state
    lag = model["lags"][lag_index]
    mixed = np.average([model["recent"], model["earlier"]], axis=0, weights=[4 - lag_index, lag_index])
    periodic = mixed[-lag:]
    if mute > 819 and share > 0.5:
        rise = np.arange(1, 11) / 11
        tail[:] = np.rint((1 - rise) * tail + rise * mixed[-lag - 10 : -lag] * mute / 16384)
    slope = max(slope, {3: 0.0005, 7: 0.001}.get(periods, 0.0))

    seeds = []
    for _ in range(lag):
        seed = (1664525 * seed + 1013904223) % 2**32
        seeds.append(seed)
    noise = model["noise_gain"] * np.sqrt(12) * (np.array(seeds) / 2**32 - 0.5)
    for n in range(lag):
        noise[n] -= model["filter"] @ memory
        memory[:] = [noise[n], *memory[:-1]]

    step = 1 / (128 if model["longest_lag"] < 64 else 256 if model["longest_lag"] < 128 else 512)
    shares = np.maximum(model["voiced_share"], share - step * np.arange(lag + 1))
    if not is_muting:
        shares[:] = share
    sound = shares[:-1] * periodic + (1 - shares[:-1]) * noise
    if periods or not model["is_onset"]:
        sound *= mute / 16384
        if is_muting:
            sound *= np.maximum(0, 1 - slope * np.arange(lag))
            left = max(0, 16384 - int(lag * slope * 16384 + 128))
            next_mute = (left * mute + 8192) // 16384
            mute = 0 if periods > 3 and next_mute >= mute else next_mute
    out = np.clip(np.rint(sound), -32768, 32767).astype(np.int16)
    return out, (periods + 1, float(shares[-1]), mute, slope, seed)
