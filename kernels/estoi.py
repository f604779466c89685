"""The parts of ESTOI: resampling, frames without pauses, third-octave bands, correlation of segments.

After Jensen and Taal, IEEE/ACM Transactions on Audio, Speech and Language Processing 24(11), 2016. The filter
is that of Octave's `resample`, as in the package `pystoi`. Where a band is constant over a segment, or all
bands of a frame are equal, the correlation is 0/0. `pystoi` adds noise of one rounding error, whose
correlation is random; here it is 0, the mean of that.
"""

import numba
import numpy as np
from numpy.typing import NDArray

FRAME, HOP, FFT = 256, 128, 512
"""Samples at 10 kHz."""
BANDS = 15
SEGMENT = 30
"""Frames of a segment, 0.4 s."""
_UP, _DOWN = 5, 8
"""16 kHz times 5/8 is 10 kHz."""
_REJECTION_DB = 60.0
_REACH = 58
"""Input samples on either side of an output sample that the filter covers."""
_TAPS = 120
"""Coefficients for an output sample: ``2 * _REACH + 1``, and zeros up to a multiple of 8."""
_LOWEST_HZ = 150.0
_ROUNDING = 1e-12
"""Variation below this is rounding error."""

Floats = NDArray[np.float64]


def _filters() -> Floats:
    """Return the coefficients for each phase of the output, (5, 120): a sinc with a Kaiser window."""
    cutoff = 1 / (2 * _DOWN)
    half = int(np.ceil((_REJECTION_DB - 8) / (28.714 * cutoff / 10)))
    at = np.arange(-half, half + 1)
    low_pass = np.sinc(2 * cutoff * at) * np.kaiser(len(at), 0.1102 * (_REJECTION_DB - 8.7))
    low_pass *= _UP / low_pass.sum()
    filters = np.zeros((_UP, _TAPS))
    for phase in range(_UP):
        for tap in range(2 * _REACH + 1):
            distance = phase - _UP * (tap - _REACH)
            if abs(distance) <= half:
                filters[phase, tap] = low_pass[half + distance]
    return filters


def _band_edges() -> NDArray[np.int64]:
    """Return the first FFT bin of each third-octave band, and the end of the last, (16,)."""
    edges_hz = _LOWEST_HZ * 2 ** ((2 * np.arange(BANDS + 1) - 1) / 6)
    return np.round(edges_hz * FFT / 10_000).astype(np.int64)


_FILTERS = _filters()
_EDGES = _band_edges()
_WINDOW = np.hanning(FRAME + 2)[1:-1]


def frame_count(samples: int) -> int:
    """Return the number of frames of a signal with so many samples at 16 kHz."""
    resampled = -(-samples * _UP // _DOWN)
    return max(0, -((FRAME - resampled) // HOP))


def resample(signal: NDArray[np.float32], frames: NDArray[np.int64], out: Floats) -> None:
    """Resample the samples of some frames from 16 to 10 kHz.

    Parameters
    ----------
    signal
        (n,), at 16 kHz.
    frames
        Indices of the frames, ascending; frame i begins at ``128 * i`` at 10 kHz.
    out
        At 10 kHz, (m,), written where there are frames.
    """
    padded = np.zeros(len(signal) + 2 * _TAPS)
    padded[_REACH : _REACH + len(signal)] = signal
    _resample(padded, frames, out)


@numba.njit(cache=True, nogil=True, fastmath={"contract", "reassoc"}, parallel=False)
def _resample(padded: Floats, frames: NDArray[np.int64], out: Floats) -> None:
    done = 0
    for frame in frames:
        begin = max(done, frame * HOP)
        done = frame * HOP + FRAME
        for offset in range(_UP):
            first, phase = divmod((begin + offset) * _DOWN, _UP)
            taps, heard, samples = _FILTERS[phase], padded[first:], out[begin + offset : done : _UP]
            for i in range(len(samples)):
                total = 0.0
                for tap in range(_TAPS):
                    total += taps[tap] * heard[i * _DOWN + tap]
                samples[i] = total


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def energies(resampled: Floats, out: Floats) -> None:
    """Compute the energy of each windowed frame, (frames,)."""
    for frame in range(len(out)):
        total = 0.0
        for i in range(FRAME):
            total += (_WINDOW[i] * resampled[frame * HOP + i]) ** 2
        out[frame] = total


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def join_frames(resampled: Floats, frames: NDArray[np.int64], out: Floats) -> None:
    """Overlap and add some frames of a signal, and cut the result into frames again, each windowed.

    Parameters
    ----------
    resampled
        At 10 kHz, (m,).
    frames
        Indices of the frames to keep, (k,).
    out
        (k - 1, 256), written.
    """
    joined = np.zeros((len(frames) + 1) * HOP)
    for index in range(len(frames)):
        for i in range(FRAME):
            joined[index * HOP + i] += _WINDOW[i] * resampled[frames[index] * HOP + i]
    for index in range(len(out)):
        for i in range(FRAME):
            out[index, i] = _WINDOW[i] * joined[index * HOP + i]


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def band_levels(spectrum: NDArray[np.complex128], out: Floats) -> None:
    """Compute the level of each third-octave band in each frame.

    Parameters
    ----------
    spectrum
        (frames, 257).
    out
        (15, frames), written.
    """
    for frame in range(len(spectrum)):
        for band in range(BANDS):
            power = 0.0
            for bin_ in range(_EDGES[band], _EDGES[band + 1]):
                value = spectrum[frame, bin_]
                power += value.real**2 + value.imag**2
            out[band, frame] = np.sqrt(power)


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _normalize_rows(levels: Floats, means: Floats, scales: Floats) -> None:
    """Compute the mean of each band in each segment, and the factor that gives it unit energy without it."""
    for band in range(BANDS):
        row, mean, scale = levels[band], means[band], scales[band]
        mean[:] = 0.0
        scale[:] = 0.0
        count = len(mean)
        for i in range(SEGMENT):
            shifted = row[i : i + count]
            for first in range(count):
                mean[first] += shifted[first]
        for first in range(count):
            mean[first] /= SEGMENT
        for i in range(SEGMENT):
            shifted = row[i : i + count]
            for first in range(count):
                scale[first] += (shifted[first] - mean[first]) ** 2
        for first in range(count):
            size = np.sqrt(scale[first])
            scale[first] = 1 / size if size > _ROUNDING * (1 + mean[first]) else 0.0


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def _normalize_segment(levels: Floats, means: Floats, scales: Floats, out: Floats) -> None:
    """Normalize the bands of a segment by their means and factors, then its frames, (15, 30)."""
    mean = np.zeros(SEGMENT)
    scale = np.zeros(SEGMENT)
    for band in range(BANDS):
        row, normalized = levels[band], out[band]
        for i in range(SEGMENT):
            normalized[i] = (row[i] - means[band]) * scales[band]
            mean[i] += normalized[i]
    for i in range(SEGMENT):
        mean[i] /= BANDS
    for band in range(BANDS):
        normalized = out[band]
        for i in range(SEGMENT):
            normalized[i] -= mean[i]
            scale[i] += normalized[i] ** 2
    for i in range(SEGMENT):
        size = np.sqrt(scale[i])
        scale[i] = 1 / size if size > _ROUNDING else 0.0
    for band in range(BANDS):
        normalized = out[band]
        for i in range(SEGMENT):
            normalized[i] *= scale[i]


@numba.njit(cache=True, nogil=True, fastmath=False, parallel=False)
def normalize(levels: Floats, out: Floats) -> None:
    """Normalize each segment of 30 frames: each band over time, then each frame over the bands.

    Parameters
    ----------
    levels
        (15, frames).
    out
        (frames - 29, 15, 30), written.
    """
    means = np.empty((BANDS, len(out)))
    scales = np.empty((BANDS, len(out)))
    _normalize_rows(levels, means, scales)
    for first in range(len(out)):
        segment = levels[:, first : first + SEGMENT]
        _normalize_segment(segment, means[:, first], scales[:, first], out[first])


@numba.njit(cache=True, nogil=True, fastmath={"contract", "reassoc"}, parallel=False)
def correlation(reference: Floats, levels: Floats) -> float:
    """Return the mean correlation of frames with those of a normalized reference, -1 to 1.

    Parameters
    ----------
    reference
        From `normalize`, (segments, 15, 30).
    levels
        (15, segments + 29).
    """
    segments = len(reference)
    means = np.empty((BANDS, segments))
    scales = np.empty((BANDS, segments))
    _normalize_rows(levels, means, scales)
    normalized = np.empty((BANDS, SEGMENT))
    total = 0.0
    for first in range(segments):
        segment = levels[:, first : first + SEGMENT]
        _normalize_segment(segment, means[:, first], scales[:, first], normalized)
        for band in range(BANDS):
            ours, theirs = normalized[band], reference[first, band]
            for i in range(SEGMENT):
                total += ours[i] * theirs[i]
    return total / (segments * SEGMENT)
