"""Plain version of `testbed.kernels.features`."""

import numpy as np

from reference import lpc, nn, pitch_network
from testbed.kernels.bark import Floats


def extract_features(arrays: nn.Raw, pcm: Floats, reciprocal: nn.Reciprocal = nn.host_reciprocal) -> Floats:
    """As the kernel, from its start, with one signal, (frames * 160,), step by step."""
    from scipy.signal import lfilter

    edges = 4 * np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 34, 40])
    clean = np.clip(np.where(np.isfinite(pcm), pcm, 0), -32768, 32768).astype(np.float64)
    emphasised = lfilter([1, -0.85], [1], clean)
    padded = np.r_[np.zeros(160), emphasised]
    frames = np.lib.stride_tricks.sliding_window_view(padded, 320)[::160]
    n = np.arange(320) + 0.5
    window = np.sin(np.pi / 2 * np.sin(np.pi * n / 320) ** 2)
    bins = np.fft.rfft(frames * window) / 320
    power = np.abs(bins) ** 2

    unit = np.eye(18)
    triangles = np.array([np.interp(np.arange(161), edges, row) for row in unit])
    triangles[:, 160] = 0
    energies = power @ triangles.T
    energies[:, [0, 17]] *= 2
    levels = np.log10(1e-2 + energies)
    for row in levels:
        highest = follow = -2.0
        for band in range(18):
            row[band] = max(row[band], highest - 8, follow - 2.5)
            highest, follow = max(highest, row[band]), max(follow - 2.5, row[band])
    angles = np.pi / 18 * np.outer(np.arange(18) + 0.5, np.arange(18))
    cepstrum = levels @ np.cos(angles) * np.sqrt(2 / 18)
    cepstrum[:, 0] = cepstrum[:, 0] * np.sqrt(0.5) - 4

    low_bins = bins[:, :30]
    turned = low_bins * np.vstack((np.zeros((1, 30)), low_bins[:-1])).conj()
    turned = turned / np.sqrt(1e-15 + np.abs(turned) ** 2)
    loudness = np.clip((10 * np.log10(1e-15 + np.abs(low_bins) ** 2) - 6) / 64, -1, 1)
    loudness[:, 0] = np.clip((10 * np.log10(1e-15 + low_bins[:, 0].real ** 2) - 6) / 64, -1, 1)
    parts = np.stack((turned.real, turned.imag, loudness), axis=2).reshape(-1, 90)
    frequencies = parts[:, 2:]

    filters, _ = lpc.lpc_from_cepstrum(cepstrum.astype(np.float32))
    delayed = np.r_[np.zeros(16 + 80), emphasised]
    past = np.lib.stride_tricks.sliding_window_view(delayed, 17)[: len(emphasised), ::-1]
    taps = np.hstack((np.ones((len(filters), 1)), filters)).repeat(160, axis=0)
    excitation = np.sum(past * taps, axis=1)
    smooth = np.r_[np.zeros(256), lfilter([1, 0.7], [1], excitation)]
    low = np.r_[np.zeros(256), lfilter([1, -0.84946, 1], [1, -1.54220, 0.70781], excitation)]

    correlations = np.empty((len(frames), 224))
    for t, row in enumerate(correlations):
        window = smooth[160 * t : 160 * t + 416]
        shifts = np.lib.stride_tricks.sliding_window_view(window, 160)[:224]
        now = window[256:]
        row[:] = 2 * shifts @ now / (1 + now @ now + np.sum(shifts**2, axis=1))
    pitches = pitch_network.estimate_pitch(
        arrays, frequencies.astype(np.float32), correlations.astype(np.float32), reciprocal
    )
    agreements = []
    for t, pitch in enumerate(pitches):
        period = int(np.floor(0.5 + 256 / 2 ** (float(pitch) + 1.5)))
        now = low[160 * t + 256 : 160 * t + 416]
        then = low[160 * t + 256 - period : 160 * t + 416 - period]
        agreements.append(now @ then / np.sqrt(1 + (now @ now) * (then @ then)))
    softened = np.log(1 + np.exp(5 * np.array(agreements))) / np.log(1 + np.exp(5)) - 0.5
    return np.column_stack((cepstrum, pitches, softened)).astype(np.float32)
