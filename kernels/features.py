"""libopus's speech features, 100 per second: 18 Bark cepstral bands, pitch and frame correlation.

After libopus 1.6.1, dnn/lpcnet_enc.c. Frame ``t`` looks at samples ``160 (t - 1)`` to ``160 (t + 1)``, so
that the vector of the newest 10 ms describes sound that is 5 ms older on average.
"""

from typing import NamedTuple

import numba
import numpy as np

from testbed.kernels.bark import (
    BANDS,
    COSINES,
    FRAME,
    HALF_WINDOW,
    LOG_FLOOR,
    MAX_PERIOD,
    ORDER,
    PREEMPHASIS,
    WINDOW,
    Floats,
    band_energies,
    sane,
)
from testbed.kernels.lpc import lpc_from_cepstrum
from testbed.kernels.nn import product
from testbed.kernels.pitch_network import (
    IF_FEATURES,
    LAGS,
    PitchNetwork,
    PitchState,
    estimate_pitch,
    pitch_state,
)
from testbed.kernels.tiles import pack_floats

_IF_BINS = 30
_DELAY = FRAME // 2
_ANGLES = 2 * np.pi / WINDOW * np.outer(np.arange(FRAME + 1), np.arange(FRAME))
_COSINE: Floats = (np.cos(_ANGLES) / WINDOW).astype(np.float32)
_SINE: Floats = (-np.sin(_ANGLES) / WINDOW).astype(np.float32)
"""(161, 160): samples folded at the window's middle to bins 0 to 159; bin 160 is in no band."""
_PACKED_COSINE, _PACKED_SINE = pack_floats(_COSINE), pack_floats(_SINE)
_SMOOTHING = np.float32(0.7)
# an elliptic low-pass of 1200 Hz: ellip(2, 2, 20, 1200 / 8000)
_B0, _B1 = np.float32(-0.84946), np.float32(1)
_A0, _A1 = np.float32(-1.54220), np.float32(0.70781)
_SHARPNESS = 5.0


class FeatureState(NamedTuple):
    """State of feature extraction; all float32, batch first.

    Attributes
    ----------
    samples
        (batch, 160): the frame before, pre-emphasised.
    last
        (batch, 4): last sample before pre-emphasis, last prediction residual, two memories of the low-pass.
    bins
        (batch, 60): real and imaginary parts of the 30 lowest bins.
    aligned
        (batch, 16): samples before the next frame of the residual.
    residual, low
        (batch, 256): prediction residual, smoothed and low-passed.
    pitch
        From `pitch_network.pitch_state`.
    """

    samples: Floats
    last: Floats
    bins: Floats
    aligned: Floats
    residual: Floats
    low: Floats
    pitch: PitchState


def feature_state(batch: int) -> FeatureState:
    """Return the state before any speech."""
    sizes = (FRAME, 4, 2 * _IF_BINS, ORDER, MAX_PERIOD, MAX_PERIOD)
    samples, last, bins, aligned, residual, low = (np.zeros((batch, size), np.float32) for size in sizes)
    return FeatureState(samples, last, bins, aligned, residual, low, pitch_state(batch))


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _level(power: float) -> np.float32:
    """Return the level of a bin's power, -1 to 1 over 128 dB."""
    return np.float32(max(-1.0, min(1.0, (10 * np.log10(1e-15 + power) - 6) / 64)))


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _spectrum(x: Floats) -> tuple[Floats, Floats]:
    """Return bins 0 to 159 of windows of pre-emphasised samples, (batch, 320), scaled by 1/320."""
    batch = x.shape[0]
    even, odd = np.empty((batch, FRAME + 1), np.float32), np.empty((batch, FRAME + 1), np.float32)
    for item in range(batch):
        even[item, 0] = x[item, 0] * HALF_WINDOW[0]
        even[item, FRAME] = x[item, FRAME] * HALF_WINDOW[FRAME - 1]
        odd[item, 0] = odd[item, FRAME] = 0
        for n in range(1, FRAME):
            rise = x[item, n] * HALF_WINDOW[n]
            fall = x[item, WINDOW - n] * HALF_WINDOW[n - 1]
            even[item, n] = rise + fall
            odd[item, n] = rise - fall
    return product(even, _COSINE, _PACKED_COSINE), product(odd, _SINE, _PACKED_SINE)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _cepstrum(power: Floats, out: Floats) -> None:
    """Write the 18 cepstral values of each row of 160 powers; bands are held near louder neighbours."""
    energies = np.empty(BANDS, np.float32)
    for item in range(power.shape[0]):
        band_energies(power[item], energies)
        out[item, :BANDS] = 0
        highest = follow = -2.0
        for band in range(BANDS):
            level = max(highest - 8, follow - 2.5, np.log10(LOG_FLOOR + energies[band]))
            highest = max(highest, level)
            follow = max(follow - 2.5, level)
            for i in range(BANDS):
                out[item, i] += np.float32(level) * COSINES[band, i]
        out[item, 0] -= 4


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _frequencies(real: Floats, imaginary: Floats, before: Floats, out: Floats) -> None:
    """Write the 88 features of instantaneous frequency; `before` holds the previous bins and is updated."""
    for i in range(_IF_BINS):
        re, im = real[i], imaginary[i]
        if i == 0:
            out[0] = _level(re * re)
        else:
            old_re, old_im = before[2 * i], before[2 * i + 1]
            turn_re, turn_im = re * old_re + im * old_im, im * old_re - re * old_im
            scale = 1 / np.sqrt(1e-15 + turn_re * turn_re + turn_im * turn_im)
            out[3 * i - 2] = turn_re * scale
            out[3 * i - 1] = turn_im * scale
            out[3 * i] = _level(re * re + im * im)
        before[2 * i], before[2 * i + 1] = re, im


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _residual(
    x: Floats,
    lpc: Floats,
    aligned: Floats,
    last: Floats,
    past: tuple[Floats, Floats],
    out: tuple[Floats, Floats],
) -> None:
    """Write an item's prediction residual, smoothed and low-passed: 256 past samples and 160 new ones.

    `aligned`, `last` and `past` are parts of its state, which is updated.
    """
    line, left = np.empty(ORDER + FRAME, np.float32), np.empty(FRAME, np.float32)
    for i in range(ORDER):
        line[i] = aligned[i]
        aligned[i] = x[_DELAY + FRAME - ORDER + i]
    for n in range(FRAME):
        left[n] = line[ORDER + n] = x[_DELAY + n]
    for i in range(ORDER):
        before = line[ORDER - 1 - i :]
        for n in range(FRAME):
            left[n] += lpc[i] * before[n]
    residual, low = out
    for n in range(MAX_PERIOD):
        residual[n], low[n] = past[0][n], past[1][n]
    smooth, memory_0, memory_1 = last[1], last[2], last[3]
    for n in range(FRAME):
        value = left[n]
        residual[MAX_PERIOD + n] = value + _SMOOTHING * smooth
        smooth = value
        low[MAX_PERIOD + n] = value + memory_0
        memory_0, memory_1 = (
            (_B0 - _A0) * value + memory_1 - _A0 * memory_0,
            (_B1 - _A1) * value - _A1 * memory_0,
        )
    last[1], last[2], last[3] = smooth, memory_0, memory_1
    for n in range(MAX_PERIOD):
        past[0][n], past[1][n] = residual[FRAME + n], low[FRAME + n]


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _product(a: Floats, b: Floats) -> np.float32:
    """Return the inner product of 160 samples, as four sums that are added last."""
    sums = np.zeros(4, np.float32)
    for i in range(0, FRAME, 4):
        for part in range(4):
            sums[part] += a[i + part] * b[i + part]
    return np.float32((sums[0] + sums[1]) + (sums[2] + sums[3]))


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _correlations(residual: Floats, out: Floats) -> None:
    """Write how the last 160 of 416 samples agree with those 256 down to 33 samples before, -1 to 1."""
    now = residual[MAX_PERIOD:]
    energy, moving = np.float64(_product(now, now)), np.float64(_product(residual, residual))
    out[:] = 0
    for n in range(0, FRAME, 4):
        for i in range(LAGS):
            first = now[n] * residual[i + n] + now[n + 1] * residual[i + n + 1]
            second = now[n + 2] * residual[i + n + 2] + now[n + 3] * residual[i + n + 3]
            out[i] += first + second
    for i in range(LAGS):
        out[i] = 2 * out[i] / (1 + energy + moving)
        old, new = np.float64(residual[i]), np.float64(residual[i + FRAME])
        moving += new * new - old * old


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _periodicity(low: Floats, pitch: float) -> np.float32:
    """Return how the last 160 of 416 low-passed samples agree with those one period before, -0.5 to 0.5."""
    period = int(np.floor(0.5 + 256 / 2.0 ** (pitch + 1.5)))
    now, then = low[MAX_PERIOD:], low[MAX_PERIOD - period :]
    product = np.float64(_product(now, now)) * _product(then, then)
    agreement = _product(now, then) / np.sqrt(1 + product)
    return np.float32(np.log1p(np.exp(_SHARPNESS * agreement)) / np.log1p(np.exp(_SHARPNESS)) - 0.5)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def extract_features(network: PitchNetwork, state: FeatureState, pcm: Floats, out: Floats) -> None:
    """Extract the features of a batch of signals.

    Parameters
    ----------
    network
        From `testbed.kernels.pitch_network.pitch_network`.
    state
        From `feature_state`; updated.
    pcm
        (batch, frames * 160), 16 kHz, scaled to 16 bits and limited to them; not finite counts as 0.
    out
        (batch, frames, 20), written: cepstrum, pitch (-1.5 to 1.48, see `pitch_network`), frame correlation
        (-0.5 to 0.5).
    """
    batch, frames = pcm.shape[0], out.shape[1]
    x = np.empty((batch, WINDOW), np.float32)
    cepstrum = np.empty((batch, BANDS), np.float32)
    lpc, error = np.empty((batch, ORDER), np.float32), np.empty(batch, np.float32)
    frequencies, lags = np.empty((batch, IF_FEATURES), np.float32), np.empty((batch, LAGS), np.float32)
    residual = np.empty((batch, MAX_PERIOD + FRAME), np.float32)
    low = np.empty((batch, MAX_PERIOD + FRAME), np.float32)
    pitch = np.empty(batch, np.float32)
    for frame in range(frames):
        for item in range(batch):
            before = state.last[item, 0]
            for n in range(FRAME):
                sample = sane(pcm[item, frame * FRAME + n])
                x[item, n] = state.samples[item, n]
                x[item, FRAME + n] = state.samples[item, n] = sample - PREEMPHASIS * before
                before = sample
            state.last[item, 0] = before
        real, imaginary = _spectrum(x)
        for item in range(batch):
            _frequencies(real[item], imaginary[item], state.bins[item], frequencies[item])
        for item in range(batch):
            for k in range(FRAME):
                real[item, k] = real[item, k] * real[item, k] + imaginary[item, k] * imaginary[item, k]
        _cepstrum(real, cepstrum)
        lpc_from_cepstrum(cepstrum, lpc, error)
        for item in range(batch):
            _residual(
                x[item],
                lpc[item],
                state.aligned[item],
                state.last[item],
                (state.residual[item], state.low[item]),
                (residual[item], low[item]),
            )
            _correlations(residual[item], lags[item])
        estimate_pitch(network, state.pitch, frequencies, lags, pitch)
        for item in range(batch):
            for band in range(BANDS):
                out[item, frame, band] = cepstrum[item, band]
            out[item, frame, BANDS] = pitch[item]
            out[item, frame, BANDS + 1] = _periodicity(low[item], pitch[item])
