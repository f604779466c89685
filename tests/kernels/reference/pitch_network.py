"""Plain version of `testbed.kernels.pitch_network`."""

import numpy as np

from reference import nn
from testbed.kernels.bark import Floats
from testbed.kernels.nn import LINEAR, TANH


def estimate_pitch(
    arrays: nn.Raw, frequencies: Floats, correlations: Floats, reciprocal: nn.Reciprocal = nn.host_reciprocal
) -> Floats:
    """As the kernel for all frames, (frames, 88) and (frames, 224), of one item."""

    def convolve(name: str, planes: Floats) -> Floats:
        """Convolve (channels, frames, lags) with zeros before the first frame and beyond the lags."""
        out = int(arrays[f"{name}_bias"].size)
        kernel = arrays[f"{name}_weight_float"].reshape(out, len(planes), 3, 3)
        padded = np.pad(planes, ((0, 0), (2, 0), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        total = np.einsum("oitl,iabtl->oab", kernel.astype(float), windows.astype(float))
        total += arrays[f"{name}_bias"][:, None, None]
        flat = nn.activate(total.reshape(-1, 224).astype(np.float32), TANH, reciprocal)
        return flat.reshape(total.shape)

    level = nn.dense(arrays, "dense_if_upsampler_1", frequencies, TANH, reciprocal)
    level = nn.dense(arrays, "dense_if_upsampler_2", level, TANH, reciprocal)
    lags = convolve("conv2d_2", convolve("conv2d_1", correlations[None]))[0]
    joined = nn.dense(arrays, "dense_downsampler", np.hstack((lags, level)), TANH, reciprocal)
    units = np.zeros((1, 64), np.float32)
    pitches = []
    for row in joined:
        units = nn.gru(arrays, "gru_1", units, row[None], reciprocal)
        scores = nn.dense(arrays, "dense_final_upsampler", units, LINEAR, reciprocal)[0, :180]
        best = int(np.argmax(scores)) if scores.max() > -1 else 0
        near = np.arange(max(0, best - 2), min(180, best + 3))
        pitches.append(np.average(near, weights=np.exp(scores[near].astype(float))) / 60 - 1.5)
    return np.array(pitches, np.float32)
